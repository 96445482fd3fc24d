"""The files for containers, without an engine: what they must say, and their commands run by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context

from flows import keys
from flows.settings import Settings
from tests.platform.programs import PATIENCE, eventually, valkey_with
from workers.cli import main
from workers.store import open_store
from workers.worker import DRAIN

ROOT = Path(__file__).resolve().parents[2]
OURS = {"customer-bot", "restaurant-bot", "worker"}
TOKENS = {"CUSTOMER_BOT_TOKEN": "1:customer", "RESTAURANT_BOT_TOKEN": "2:restaurant"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, dict[str, Any]] = compose["services"]
    assert set(found) == OURS | {"valkey"}
    return found


def inside(service: dict[str, Any], **outside: str) -> dict[str, str]:
    """The environment that the engine makes of the file and of what is set outside."""
    found = {}
    for name, value in service["environment"].items():
        match = re.fullmatch(r"\$\{(\w+):([-?])(.*)\}", value)
        if match and match[2] == "?":
            assert outside.get(match[1]), match[3]
        found[name] = (outside.get(match[1]) or match[3]) if match else value
    return found


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile, one (instruction, arguments) per step."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_stores_own_command_makes_a_store_that_comanda_accepts(
    services: dict[str, dict[str, Any]], tmp_path: Path, free_port: int
) -> None:
    program, *options = services["valkey"]["command"]

    assert program == "valkey-server"
    with valkey_with(free_port, tmp_path, *options):
        settings = Settings(_env_file=None, redis_url=f"redis://127.0.0.1:{free_port}")
        with open_store(settings) as store:
            assert store.url == settings.redis_url


def test_the_store_keeps_its_data_in_a_volume(services: dict[str, dict[str, Any]]) -> None:
    assert services["valkey"]["volumes"] == ["orders:/data"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_a_command_in_a_container_writes_into_its_data_folder_outlives_it(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    [[volume, place]] = [mount.split(":") for mount in services[name]["volumes"]]
    image = dict(
        arguments.split("=", 1) for step, arguments in instructions() if step == "ENV" and " " not in arguments
    )

    assert "DATA_DIR" not in services[name]["environment"]
    assert place == image["DATA_DIR"]
    assert volume in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["volumes"]


def test_every_container_is_started_again_watched_and_given_time_to_stop(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert int(service["stop_grace_period"].removesuffix("s")) > DRAIN


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_process_has_its_command_and_waits_for_the_store(services: dict[str, dict[str, Any]], name: str) -> None:
    service = services[name]

    assert service["command"] == [name]
    assert main.get_command(Context(main), name) is not None
    assert service["depends_on"] == {"valkey": {"condition": "service_healthy"}}
    assert service["environment"]["REDIS_URL"] == "redis://valkey:6379/0"
    assert {"CUSTOMER_BOT_TOKEN", "RESTAURANT_BOT_TOKEN"} <= set(service["environment"])


# All of them reach each process: `comanda doctor` may be run in any container, and compares them with Telegram's.
@pytest.mark.parametrize("name", sorted(OURS))
def test_the_settings_outside_are_those_inside(services: dict[str, dict[str, Any]], name: str) -> None:
    outside = {
        **TOKENS,
        "TELEGRAM_API_URL": "http://telegram:8080",
        "REDIS_REPLICAS": "2",
        "WEBHOOK_URL": "https://orders.example.com",
        "WEBHOOK_LISTEN": "0.0.0.0:9000",
        "LOG_LEVEL": "DEBUG",
    }

    found = inside(services[name], **outside)

    assert found == {**outside, "REDIS_URL": "redis://valkey:6379/0"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_not_set_outside_has_its_default_inside_and_a_webhook_could_be_reached(
    services: dict[str, dict[str, Any]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in inside(services[name], **TOKENS).items():
        monkeypatch.setenv(variable, value)

    changed = Settings(_env_file=None).model_dump(exclude_defaults=True)

    assert set(changed) == {"customer_bot_token", "restaurant_bot_token", "redis_url", "webhook_listen"}
    assert changed["webhook_listen"] == "0.0.0.0:8081"


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_command_runs_until_sigterm_and_its_health_check_passes(
    services: dict[str, dict[str, Any]], name: str, tmp_path: Path, free_port: int
) -> None:
    _, *options = services["valkey"]["command"]
    environment = {
        **os.environ,
        **inside(services[name], **TOKENS),
        # Nobody listens there: the bots go on trying, as they would when Telegram is down.
        "TELEGRAM_API_URL": "http://127.0.0.1:9",
        "REDIS_URL": f"redis://127.0.0.1:{free_port}",
    }
    _, _, flag, check = services[name]["healthcheck"]["test"]
    log = tmp_path / "log"

    def is_at_work() -> bool:
        return bool(redis.scard(keys.WORKERS)) or "next try" in log.read_text()

    with (
        valkey_with(free_port, tmp_path, *options) as redis,
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", "from workers.cli import main; main()", *services[name]["command"]],
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or is_at_work(), name)
            subprocess.run([sys.executable, flag, check], env=environment, cwd=ROOT, check=True)
            process.terminate()
            assert process.wait(PATIENCE) == 0, log.read_text()
        finally:
            process.kill()
    assert "1:customer" not in log.read_text()


def test_the_image_installs_what_is_locked_and_does_not_run_as_root() -> None:
    steps = instructions()

    installs = [part for name, arguments in steps if name == "RUN" for part in arguments.split("&&") if "pip" in part]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-deps" in part for part in installs)
    last_user = [arguments for name, arguments in steps if name == "USER"][-1]
    assert last_user == "comanda"
    assert ("ENTRYPOINT", '["comanda"]') in steps


def test_whatever_the_image_copies_is_there_and_nothing_else_reaches_the_engine() -> None:
    copied = {part for name, arguments in instructions() if name == "COPY" for part in arguments.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}

    assert all((ROOT / part).exists() for part in copied)
    assert "*" in ignored
    assert sent == {part.split("/")[0] for part in copied}
