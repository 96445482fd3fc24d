"""`comanda doctor`: each thing that may be wrong is named with its cure, and no secret is."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from pydantic import SecretStr
from redis import Redis

from bot.inbox import Inbox
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from flows import keys
from flows.ledger import Ledger
from flows.menu import Service
from flows.settings import Settings
from tests.people import Telegram
from tests.platform.programs import valkey_on
from tests.waiting import until
from workers.check_telegram import of_telegram
from workers.checks import Check, Level, of_names, of_store
from workers.cli import main
from workers.cli.seats import import_samples
from workers.cli.up import warn
from workers.key_types import TYPES
from workers.store import open_store

CUSTOMER_TOKEN, RESTAURANT_TOKEN = "7001:customer-secret", "7002:restaurant-secret"
TRACE = "Traceback (most recent call last):\n  File …\nKeyError: 'basil'\n"


async def comanda(*arguments: str) -> Result:
    """`comanda doctor`, beside the loop in which the sandbox runs."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["doctor", *arguments])


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch, store_url: str) -> AsyncIterator[Sandbox]:
    async with Sandbox().serve() as sandbox:
        monkeypatch.setenv("CUSTOMER_BOT_TOKEN", CUSTOMER_TOKEN)
        monkeypatch.setenv("RESTAURANT_BOT_TOKEN", RESTAURANT_TOKEN)
        monkeypatch.setenv("TELEGRAM_API_URL", sandbox.url)
        monkeypatch.setenv("REDIS_URL", store_url)
        yield sandbox


@pytest.fixture
def well(redis: Redis) -> Redis:
    """A store in which nothing is amiss: two restaurants with their staff, two bots and a worker."""
    ledger = Ledger(redis)
    for number, restaurant in enumerate(import_samples(ledger), 1):
        chat = -number
        ledger.set_service(restaurant.slug, lambda _, chat=chat: Service(staff_chat=chat))  # type: ignore[misc]
    for bot in ("customer", "restaurant"):
        Inbox(redis, bot, "me").tell("")
    redis.sadd(keys.WORKERS, "w")
    redis.set(keys.lease("w"), "1")
    return redis


async def test_where_all_is_well_every_line_says_so(sandbox: Sandbox, well: Redis) -> None:
    done = await comanda()

    assert (done.exit_code, done.stderr) == (0, "")
    assert {line.split()[0] for line in done.output.splitlines()} == {"ok"}
    assert len(done.output.splitlines()) == 12, done.output


SPOIL = Callable[[Redis], object]
FOUND: list[tuple[SPOIL, str, int]] = [
    (
        lambda redis: redis.delete(keys.RESTAURANTS),
        "warning  restaurants: there are none → comanda restaurant import",
        0,
    ),
    (
        lambda redis: redis.hdel(keys.SERVICES, "nonna"),
        "warning  restaurant nonna: has no staff chat, so it gets no orders → open the link of `comanda restaurant inv",
        0,
    ),
    (
        lambda redis: redis.hset(keys.RESTAURANTS, "nonna", "{}"),
        "problem  restaurant nonna: can't be read → see `comanda verify`",
        1,
    ),
    (
        lambda redis: redis.delete(keys.lease("w")),
        "problem  workers: none is alive, so nobody is told anything → start `comanda up` or `comanda worker`",
        1,
    ),
    (
        lambda redis: redis.delete(keys.lease("w"), keys.listening("customer"), keys.listening("restaurant")),
        "warning  workers: none is alive",
        0,
    ),
    (
        lambda redis: redis.delete(keys.listening("customer")),
        "warning  customer bot: does not run → start `comanda up` or `comanda customer-bot`",
        0,
    ),
    (
        lambda redis: Inbox(redis, "customer", "me").release(),
        "warning  customer bot: does not run → start `comanda up` or `comanda customer-bot`",
        0,
    ),
    (
        lambda redis: Inbox(redis, "restaurant", "me").tell("another process polls with the same token: stop it"),
        "problem  restaurant bot: gets no updates: another process polls with the same token → stop it",
        1,
    ),
    *(
        (
            lambda redis, word=word: redis.set(keys.listening("customer"), word),
            "problem  customer bot: what it says of itself can't be read → see that it is of the same version",
            1,
        )
        for word in ("no JSON", "{}", '{"at": "noon", "problem": 5}')
    ),
    (
        lambda redis: redis.zadd(keys.DUE, {"wake:0rder": time.time() - 300}),
        "problem  deadlines: wake:0rder was due … s ago → see that a worker runs",
        1,
    ),
    (
        lambda redis: redis.zadd(keys.DUE, {b"\xff\xfe": time.time() - 300}),
        "problem  deadlines: \\xff\\xfe was due … s ago → see that a worker runs",
        1,
    ),
    *(
        (
            lambda redis, key=key: (redis.delete(key) and redis.rpush(key, "odd")) or redis.rpush(key, "odd"),
            f"problem  store: `{key}` is a list, where a {right} belongs: whatever needs it fails → see what wrote it",
            1,
        )
        for key, right in (TYPES | {keys.open_orders("nonna"): "set", keys.invite_of("nonna"): "string"}).items()
        if right != "list"
    ),
    (
        lambda redis: redis.hset(keys.heard("restaurant"), "until", time.time() - 100),
        "problem  restaurant bot: has not heard all that people did for … s, so no order expires until it has → se",
        1,
    ),
    (
        lambda redis: redis.hset(keys.heard("customer"), "until", time.time() - 100),
        "problem  customer bot: has not heard all that people did for … s, so cancellations may come too late → se",
        1,
    ),
    (
        lambda redis: redis.set(keys.RESTORING, "since noon"),
        "problem  store: has half a backup: bringing it back was interrupted → run `comanda restore FILE` again",
        1,
    ),
]


@pytest.mark.parametrize(("spoil", "said", "code"), FOUND, ids=[said.split(" → ")[0] for _, said, _ in FOUND])
async def test_what_is_amiss_in_the_store_is_named_with_its_cure(
    sandbox: Sandbox, well: Redis, spoil: SPOIL, said: str, code: int
) -> None:
    spoil(well)

    done = await comanda()

    assert all(part in done.output for part in said.split("…"))
    assert done.exit_code == code


async def test_an_update_that_was_set_aside_is_shown_and_can_be_tried_again_or_forgotten(
    sandbox: Sandbox, well: Redis
) -> None:
    inbox = Inbox(well, "customer", "me")
    for number in (12, 13):
        poison = {"update_id": number, "message": {"chat": {"id": 77}}}
        inbox.store([poison])
        inbox.next("77", poison, TRACE)
    well.hset(keys.inbox_dead("customer"), "14", "no json")

    shown, full = await comanda(), await comanda("--full")
    as_json = json.loads((await comanda("--json")).output)
    again, gone, unknown = (
        await comanda("--retry", "12"),
        await comanda("--forget", "13"),
        await comanda("--retry", "9"),
    )

    assert shown.exit_code == full.exit_code == 1
    assert "problem  customer bot's update 12: set aside at 20" in shown.output
    assert "Z, of chat 77: KeyError: 'basil' → comanda doctor --full; then --retry 12 or --forget 12" in shown.output
    assert "update 14: set aside at 1970-01-01 00:00:00Z, of no chat: its entry can't be read" in shown.output
    assert TRACE not in shown.output
    assert TRACE in full.output
    assert [one["update_id"] for one in as_json["set_aside"]] == ["14", "12", "13"]
    assert again.output == "The customer bot's update 12 is tried again now, or as soon as that bot runs.\n"
    assert inbox.renew().chats == {"77": None}
    assert (inbox.next("77").update or {})["update_id"] == 12
    assert gone.output == "The customer bot's update 13 is forgotten.\n"
    assert (unknown.exit_code, unknown.output) == (1, "Error: 9 is none of those that were put aside\n")
    assert well.hkeys(keys.inbox_dead("customer")) == [b"14"]


# The store itself


def problems(checks: list[Check]) -> list[str]:
    return [f"{check.check}: {check.says} → {check.cure}" for check in checks if check.level is not Level.OK]


async def test_a_store_that_may_forget_is_named_shortcoming_by_shortcoming(
    sandbox: Sandbox, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port}")
    with valkey_on(free_port, tmp_path, maxmemory_policy="allkeys-lru"):
        done = await comanda()

    assert done.exit_code == 1
    for one in ("`appendonly` is `no`", "`appendfsync` is `everysec`", "`maxmemory-policy` is `allkeys-lru`"):
        assert f"problem  store: it may lose acknowledged orders: {one}" in done.output
    assert (
        "→ set `appendonly yes`, `appendfsync always`, `maxmemory-policy noeviction` in its configuration"
        in done.output
    )


def test_a_replica_is_named(tmp_path: Path, free_port: int) -> None:
    durable = {"appendonly": "yes", "appendfsync": "always"}
    with valkey_on(free_port, tmp_path, replicaof="127.0.0.1 1", **durable) as redis:
        found = problems(list(of_store(redis, None)))

    assert found == ["store: is a replica, so nothing can be written → let REDIS_URL name the primary"]


def test_a_primary_that_takes_writes_without_its_replicas_is_named_where_they_are_asked_for(
    tmp_path: Path, free_port: int
) -> None:
    with valkey_on(free_port, tmp_path, appendonly="yes", appendfsync="always") as redis:
        found = problems(list(of_store(redis, None, replicas=1)))

    assert found[0].startswith("store: it may lose acknowledged orders: `min-replicas-to-write` is `0`, not `1`")
    assert "`min-replicas-to-write 1` in its configuration" in found[0]


@pytest.mark.parametrize(("part", "level"), [(0.8, Level.WARNING), (0.99, Level.PROBLEM)])
def test_a_memory_that_is_nearly_full_is_named(tmp_path: Path, free_port: int, part: float, level: Level) -> None:
    with valkey_on(free_port, tmp_path, appendonly="yes", appendfsync="always") as redis:
        for number in range(40):  # MB, beside which what the server itself takes is little
            redis.set(f"much-{number}", "x" * 2**20)
        memory: Any = redis.info("memory")
        redis.config_set("maxmemory", int(memory["used_memory"] / part))

        [found] = [check for check in of_store(redis, None) if check.check == "memory"]

    assert found.level is level
    assert "MB are used" in found.says
    assert found.cure == "give the store more memory, or raise its `maxmemory`"


def test_a_disk_that_is_nearly_full_is_named(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50 * 2**20))

    found = problems(list(of_store(redis, tmp_path)))

    assert found == [f"disk: 50 MB are free under {tmp_path} → make room: a full disk stops the store"]


def test_a_disk_that_refuses_writing_is_named(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = redis.info
    monkeypatch.setattr(redis, "info", lambda section: ask(section) | {"aof_last_write_status": "err"})

    found = problems(list(of_store(redis, None)))

    assert found == ["disk: the store can't write to its disk → make room, then restart the store"]


async def test_no_store_at_all_is_named_without_the_password(
    sandbox: Sandbox, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{free_port}")

    done = await comanda()

    assert done.exit_code == 1
    assert "problem  store: REDIS_URL: no store answers there (ConnectionError): is it running?" in done.output
    assert "hunter2" not in done.output


async def test_the_embedded_store_is_looked_at_as_well(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    with open_store(Settings(_env_file=None, data_dir=tmp_path / "data")):
        pass

    done = await comanda("--json")

    checks = {check["check"]: check for check in json.loads(done.output)["checks"]}
    assert done.exit_code == 0
    assert checks["which store"]["says"] == f"{tmp_path / 'data'} (embedded)"
    assert checks["store"]["level"] == checks["memory"]["level"] == checks["disk"]["level"] == "ok"
    assert checks["workers"]["level"] == "warning"


# Settings and Telegram


def settings_for(url: str) -> Settings:
    return Settings(
        _env_file=None,
        customer_bot_token=SecretStr(CUSTOMER_TOKEN),
        restaurant_bot_token=SecretStr(RESTAURANT_TOKEN),
        telegram_api_url=url,
    )


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CUSTOMER_BOT_TOKEN", "", "CUSTOMER_BOT_TOKEN is not set: make a bot with @BotFather"),
        ("RESTAURANT_BOT_TOKEN", "7001:other", "are of the same bot: make two with @BotFather"),
        ("RESTAURANT_BOT_TOKEN", "nonsense", "RESTAURANT_BOT_TOKEN is wrong: expected a token from @BotFather"),
    ],
)
@pytest.mark.usefixtures("sandbox", "well")
async def test_settings_that_will_not_do_are_named(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    done = await comanda()

    assert done.exit_code == 1
    assert "problem  settings: " in done.output
    assert said in done.output
    assert not any(secret in done.output for secret in ("7001:other", "nonsense", CUSTOMER_TOKEN))


async def test_a_telegram_out_of_reach_is_named_once_and_without_the_tokens(free_port: int) -> None:
    found = problems(await of_telegram(settings_for(f"http://127.0.0.1:{free_port}")))

    assert found == [
        "Telegram: is out of reach (ClientConnectorError) → "
        "check the network, a firewall or proxy on the way, and TELEGRAM_API_URL"
    ]


async def test_a_refused_token_is_named(sandbox: Sandbox) -> None:
    telegram = Telegram(sandbox.url)
    await telegram.act("bot", token="7001:another-secret")
    await telegram.close()

    found = problems(await of_telegram(settings_for(sandbox.url)))

    assert found == ["customer bot's token: Telegram refuses it → check CUSTOMER_BOT_TOKEN and TELEGRAM_API_URL"]


async def test_a_webhook_is_named_but_not_its_path_and_what_waits_there_stays(sandbox: Sandbox) -> None:
    telegram = Telegram(sandbox.url)
    await telegram.call(CUSTOMER_TOKEN, "setWebhook", url="http://127.0.0.1:9/secret-path")
    try:
        found = problems(await of_telegram(settings_for(sandbox.url)))
    finally:
        await telegram.close()

    assert found == [
        "customer bot: its updates go to a webhook at 127.0.0.1, so it can't be polled → "
        "start the bot, which takes it away if it was set from here; else comanda webhook remove customer"
    ]


async def test_our_own_webhook_is_as_it_should_be(sandbox: Sandbox) -> None:
    telegram = Telegram(sandbox.url)
    settings = settings_for(sandbox.url).model_copy(update={"webhook_url": "http://127.0.0.1:9"})
    await telegram.call(CUSTOMER_TOKEN, "setWebhook", url=settings.webhook("customer"))
    await telegram.call(RESTAURANT_TOKEN, "setWebhook", url=settings.webhook("restaurant"))
    await telegram.close()

    assert problems(await of_telegram(settings)) == []


async def test_a_webhook_that_is_not_set_or_anothers_is_named(sandbox: Sandbox) -> None:
    telegram = Telegram(sandbox.url)
    await telegram.call(RESTAURANT_TOKEN, "setWebhook", url="http://127.0.0.1:9/secret-path")
    await telegram.close()
    settings = settings_for(sandbox.url).model_copy(update={"webhook_url": "https://orders.example.com"})

    found = problems(await of_telegram(settings))

    assert found == [
        "customer bot: it has no webhook → "
        "start the bot, which sets https://orders.example.com/customer, and let nothing else use its token",
        "restaurant bot: its updates go to a webhook at 127.0.0.1 → "
        "start the bot, which sets https://orders.example.com/restaurant, and let nothing else use its token",
    ]


async def test_a_webhook_that_telegram_does_not_reach_is_named(sandbox: Sandbox) -> None:
    telegram = Telegram(sandbox.url)
    settings = settings_for(sandbox.url).model_copy(update={"webhook_url": "http://127.0.0.1:9"})
    await telegram.call(RESTAURANT_TOKEN, "setWebhook", url=settings.webhook("restaurant"))
    await telegram.call(CUSTOMER_TOKEN, "setWebhook", url=settings.webhook("customer"))
    carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
    await carla.send("hello")
    bot = sandbox.world.bot(CUSTOMER_TOKEN)
    assert bot is not None
    await until(lambda: bot.webhook is not None and bot.webhook.last_error)
    await telegram.close()

    [found] = problems(await of_telegram(settings))
    assert found.startswith("customer bot: Telegram could not deliver to http://127.0.0.1:9/customer: ")


async def test_many_updates_that_wait_are_named_and_still_wait(sandbox: Sandbox) -> None:
    telegram = Telegram(sandbox.url)
    carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
    for _ in range(100):
        await carla.send("hello")

    found = problems(await of_telegram(settings_for(sandbox.url)))

    info = await telegram.call(CUSTOMER_TOKEN, "getWebhookInfo")
    await telegram.close()
    assert found == ["customer bot: 100 updates wait at Telegram → see that the bot runs; it works them off by itself"]
    assert info["pending_update_count"] == 100


@pytest.mark.parametrize(("off", "words"), [(3600, "ahead of"), (-3600, "behind")])
async def test_a_clock_that_is_wrong_is_named_once(sandbox: Sandbox, off: float, words: str) -> None:
    [found] = problems(await of_telegram(settings_for(sandbox.url), lambda: time.time() + off))

    assert f"s {words} Telegram's: deadlines come at wrong times → have it set from the network" in found
    assert 3500 < int(found.split()[2]) < 3700


async def test_a_trouble_of_telegrams_own_is_a_warning(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="502", method="getMe", times=None))

    [found] = [one for one in await of_telegram(settings_for(sandbox.url)) if one.level is not Level.OK]

    assert (found.level, found.says, found.cure) == (Level.WARNING, "answers 502", "try again in a while")


async def test_what_does_not_speak_the_bot_api_is_named(free_port: int) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>a captive portal</html>")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", free_port).start()
    try:
        found = problems(await of_telegram(settings_for(f"http://127.0.0.1:{free_port}")))
    finally:
        await runner.cleanup()

    assert found == ["Telegram: what answers in its place does not speak the Bot API → check TELEGRAM_API_URL"]


async def test_at_the_start_what_is_wrong_with_telegram_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = Telegram(sandbox.url)
    await telegram.call(RESTAURANT_TOKEN, "setWebhook", url="http://127.0.0.1:9/")
    await telegram.close()

    with caplog.at_level(logging.WARNING):
        await warn(settings_for(sandbox.url))

    assert "restaurant bot: its updates go to a webhook at 127.0.0.1, so it can't be polled: start" in caplog.text
    assert RESTAURANT_TOKEN not in caplog.text


# Names


def test_names_that_are_no_settings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("WORKERS=2\nPIZZA=hunter2\nhttps_proxy=http://p:1\nCOMPOSE_PROJECT_NAME=orders\n")

    found = problems(list(of_names({"REDIS_URI": "redis://host", "WORKER": "5", "PATH": "/bin", "LOG_FORMAT": "x"})))

    assert found == [
        "PIZZA: is in .env and no setting → see .env.example for what there is",
        "HTTPS_PROXY: is not looked at in .env → set it in the environment of the process",
        "REDIS_URI: is in the environment and no setting → did you mean REDIS_URL?",
    ]


def test_an_update_is_not_both_tried_again_and_forgotten() -> None:
    done = CliRunner().invoke(main, ["doctor", "--retry", "5", "--forget", "5"])

    assert done.exit_code == 2
    assert "give one of --retry and --forget" in done.output


def test_a_setting_that_is_there_twice_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("WORKERS=2\nLOG_LEVEL=info\nworkers=3\n")

    assert problems(list(of_names({}))) == [
        "WORKERS: is in .env 2 times, and only the last one counts → keep the line that you mean"
    ]


def test_a_store_that_is_nearly_full_of_connections_is_named(tmp_path: Path, free_port: int) -> None:
    with valkey_on(free_port, tmp_path, appendonly="yes", appendfsync="always", maxclients="1") as redis:
        found = problems(list(of_store(redis, None)))

    assert found == [
        "connections: 1 of 1 that the store takes are used → "
        "raise its `maxclients`, or stop what else uses it: who finds no room has to wait"
    ]
