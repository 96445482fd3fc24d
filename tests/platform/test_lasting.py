"""What may be the only copy of an order is not written where it would soon be gone: in a container, or in memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis

from flows import keys
from flows.store import connect
from tests.platform.test_archive import Years
from workers import lasting
from workers.backup import take
from workers.cli import main
from workers.lasting import is_container, mounts, why_passing

HASH = "0123456789abcdef" * 4
PROC = "1042 1041 0:83 / /proc rw,nosuid - proc proc rw\n1043 1041 0:84 / /dev rw - tmpfs tmpfs rw,size=65536k\n"
DOCKER = "1041 792 0:80 / / rw,relatime master:256 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/x/diff\n" + PROC
CONTAINERS = {
    "docker": DOCKER,
    "podman": "707 600 0:61 / / rw,nodev - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0\n",
    "docker on btrfs": "41 30 0:33 /var/lib/docker/btrfs/subvolumes/ab12 / rw - btrfs /dev/sda2 rw,space_cache\n",
    "docker on whole copies": "41 30 8:1 /var/lib/docker/vfs/dir/ab12 / rw - ext4 /dev/sda1 rw\n",
    "docker on a device mapper": "41 30 253:4 / / rw - xfs /dev/mapper/docker-8:1-131-ab12 rw\n",
    "gvisor": "1 0 0:1 / / rw - 9p none rw,trans=fd\n",
}
HOST = """\
25 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
26 25 0:23 / /dev/shm rw shared:2 - tmpfs tmpfs rw
27 25 0:24 / /run rw shared:3 - tmpfs tmpfs rw,mode=755
28 25 8:3 / /home rw shared:4 - xfs /dev/sda3 rw
"""


def why(mountinfo: str, path: str, contained: bool = True) -> str:
    return why_passing(Path(path), mounts(mountinfo), contained) or ""


@pytest.mark.parametrize("mountinfo", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("path", ["/data/archive.sqlite", "/home/comanda/orders.gz"])
def test_a_containers_own_files_do_not_last(mountinfo: str, path: str) -> None:
    assert "in this container" in why(mountinfo, path)


@pytest.mark.parametrize(
    "mount",
    [
        "9 8 254:1 /docker/volumes/comanda_kept/_data /data rw - ext4 /dev/vda1 rw",
        "9 8 254:1 /srv/comanda /data rw - ext4 /dev/vda1 rw",
        "9 8 0:55 / /data rw - nfs4 nas:/export/comanda rw",
        "9 8 0:56 / /data rw - fakeowner /run/host_mark/Users rw",
    ],
    ids=["a named volume", "a folder from outside", "a network disk", "a folder of a Mac"],
)
def test_what_is_mounted_into_a_container_lasts(mount: str) -> None:
    assert why(f"{DOCKER}{mount}\n", "/data/archive.sqlite") == ""
    assert "in this container" in why(f"{DOCKER}{mount}\n", "/database/archive.sqlite")


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (f"9 8 254:1 /docker/volumes/{HASH}/_data /data rw - ext4 /dev/vda1 rw", "a volume without a name"),
        ("9 8 8:1 /kubelet/pods/1/volumes/kubernetes.io~empty-dir/data /data rw - ext4 /dev/sda1 rw", "emptyDir"),
        ("9 8 0:57 / /data rw - tmpfs tmpfs rw", "in memory"),
    ],
)
def test_a_mount_that_goes_with_its_container_does_not_last(mount: str, words: str) -> None:
    assert words in why(f"{DOCKER}{mount}\n", "/data/archive.sqlite")


def test_the_deepest_mount_counts_and_of_several_at_one_point_the_last() -> None:
    named = "9 8 254:1 /docker/volumes/kept/_data /data rw - ext4 /dev/vda1 rw\n"
    memory = "10 9 0:57 / /data/cache rw - tmpfs tmpfs rw\n"
    with_a_space = "11 9 8:1 /srv /mnt/old\\040disk rw - ext4 /dev/sda1 rw\n"

    assert why(DOCKER + named + memory, "/data/archive.sqlite") == ""
    assert "in memory" in why(DOCKER + named + memory, "/data/cache/archive.sqlite")
    assert "in memory" in why(DOCKER + named + memory.replace("/data/cache", "/data"), "/data/archive.sqlite")
    assert why(DOCKER + with_a_space, "/mnt/old disk/archive.sqlite") == ""


def test_on_a_machine_of_its_own_only_memory_does_not_last() -> None:
    assert why(HOST, "/srv/archive.sqlite", contained=False) == ""
    assert why(HOST, "/home/anna/archive.sqlite", contained=False) == ""
    assert "in memory" in why(HOST, "/dev/shm/archive.sqlite", contained=False)  # noqa: S108 - only a name
    assert why(CONTAINERS["docker"], "/srv/archive.sqlite", contained=False) == ""  # a live system, say


def test_a_micro_vm_that_was_made_of_an_image_has_a_disk_of_its_own() -> None:
    assert why("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n", "/srv/archive.sqlite") == ""


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (".dockerenv", ""),
        ("run/.containerenv", ""),
        ("proc/1/cgroup", f"4:memory:/docker/{HASH}\n"),
        ("proc/self/cgroup", f"0::/kubepods.slice/cri-containerd-{HASH}.scope\n"),
    ],
)
def test_a_container_is_known_by_what_its_engine_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, says: str
) -> None:
    monkeypatch.setattr(lasting, "ROOT", tmp_path)
    assert not is_container({})

    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(says)

    assert is_container({})


def test_a_pod_is_known_by_its_environment_and_a_host_of_containers_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/cgroup").write_text("0::/init.scope\n1:cpu:/system.slice/docker.service\n")
    monkeypatch.setattr(lasting, "ROOT", tmp_path)

    assert not is_container({"PATH": "/bin"})
    assert is_container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"})


# The commands


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """We run in a container. The folder returned is the only one with a volume."""
    root, kept = tmp_path / "root", tmp_path / "kept"
    (root / "proc/self").mkdir(parents=True)
    (root / ".dockerenv").touch()
    kept.mkdir()
    named = f"9 8 254:1 /docker/volumes/kept/_data {kept.resolve()} rw - ext4 /dev/vda1 rw\n"
    (root / "proc/self/mountinfo").write_text(DOCKER + named)
    monkeypatch.setattr(lasting, "ROOT", root)
    monkeypatch.chdir(tmp_path)
    return kept


@pytest.fixture
def years(redis: Redis, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Years:
    monkeypatch.setenv("REDIS_URL", store_url)
    found = Years(redis, tmp_path / "archive.sqlite")
    found.fill()
    return found


ARCHIVE = ["archive", "--older-than", "0"]


@pytest.mark.parametrize("arguments", [[], ["orders.sqlite"], ["--dry-run"]])
def test_archive_moves_nothing_into_a_place_that_goes_with_its_container(
    container: Path, years: Years, arguments: list[str]
) -> None:
    done = CliRunner().invoke(main, [*ARCHIVE, *arguments])

    assert done.exit_code == 1
    assert "lies in this container and is gone when that is removed: name a FILE" in done.output
    assert done.output.count("\n") == 1
    assert years.redis.zcard(keys.ORDERS) == 3
    assert sorted(path.name for path in container.parent.iterdir()) == ["kept", "root"]


def test_archive_moves_orders_into_a_volume_also_by_its_default_and_through_a_link(
    container: Path, years: Years, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(container / "data"))
    (container.parent / "link").symlink_to(container)

    into_the_default = CliRunner().invoke(main, ARCHIVE)
    years.fill()
    by_a_link = CliRunner().invoke(main, [*ARCHIVE, "link/orders.sqlite"])

    assert (into_the_default.exit_code, by_a_link.exit_code) == (0, 0), into_the_default.output + by_a_link.output
    assert (container / "data/archive.sqlite").exists()
    assert (container / "orders.sqlite").exists()
    assert years.redis.zcard(keys.ORDERS) == 0


def test_a_link_out_of_the_volume_does_not_make_a_place_last(container: Path, years: Years) -> None:
    (container / "orders.sqlite").symlink_to(container.parent / "elsewhere.sqlite")

    done = CliRunner().invoke(main, [*ARCHIVE, str(container / "orders.sqlite")])

    assert "in this container" in done.output
    assert years.redis.zcard(keys.ORDERS) == 3


def test_a_backup_is_not_written_where_it_goes_with_its_container(container: Path, years: Years) -> None:
    done = CliRunner().invoke(main, ["backup", "orders.gz"])
    kept = CliRunner().invoke(main, ["backup", str(container / "orders.gz")])

    assert (done.exit_code, kept.exit_code) == (1, 0)
    assert "orders.gz lies in this container" in done.output
    assert not (container.parent / "orders.gz").exists()


@pytest.mark.parametrize("name", ["up", "worker", "customer-bot", "restaurant-bot"])
def test_orders_are_not_taken_into_a_store_that_goes_with_its_container(
    container: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", "1:customer")
    monkeypatch.setenv("RESTAURANT_BOT_TOKEN", "2:restaurant")

    done = CliRunner().invoke(main, [name])

    assert done.exit_code == 1
    assert "data lies in this container and is gone when that is removed: orders would be lost; mount a" in done.output
    assert not (container.parent / "data").exists()


def test_a_backup_is_not_brought_back_into_a_store_that_goes_with_its_container(
    container: Path, years: Years, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = container / "orders.gz"
    with connect(store_url) as redis:
        take(redis, file, lambda _: None)
    monkeypatch.delenv("REDIS_URL")

    refused = CliRunner().invoke(main, ["restore", str(file), "--replace", "--yes"])
    monkeypatch.setenv("UNSAFE_STORE", "true")
    wanted = CliRunner().invoke(main, ["restore", str(file), "--replace", "--yes"])

    assert (refused.exit_code, wanted.exit_code) == (1, 0), wanted.output
    assert "data lies in this container" in refused.output


def test_orders_leave_the_store_only_once_their_file_and_its_name_are_on_the_disk(
    years: Years, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[Path, int]] = []
    sync = os.fsync

    def noting(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((tmp_path if is_folder else years.file, years.redis.zcard(keys.ORDERS)))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)

    years.archive()

    assert synced == [(years.file, 3), (tmp_path, 3)]
    assert years.redis.zcard(keys.ORDERS) == 0
