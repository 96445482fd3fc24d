"""Neither a token nor the store's password is ever written anywhere, whatever goes wrong and however much is logged."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from redis import Redis
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from bot.sandbox.server import Sandbox
from flows import keys
from flows.events import Person as Customer
from flows.ledger import Ledger
from flows.reactions import QUEUE
from flows.store import connect, text
from tests.conftest import a_free_port
from tests.customers import trattoria
from tests.orders import place
from tests.people import Telegram
from tests.platform.programs import PATIENCE, valkey_on
from tests.waiting import until

CUSTOMER, RESTAURANT = "7001:customer-secret-of-the-bot", "7002:restaurant-secret-of-the-bot"
PASSWORD, FORMER = "the-password-of-the-store", "the-former-password-of-the-store"
SECRETS = [CUSTOMER.split(":")[1], RESTAURANT.split(":")[1], PASSWORD, FORMER]
PROGRAMS = ["bot.customer", "bot.restaurant", "workers"]
REFUSAL = {"ok": False, "error_code": 401, "description": "Unauthorized"}


class Front:
    """Stands between the processes and their Telegram, and answers in its place while `fault` is set."""

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._http = httpx.AsyncClient(timeout=60, trust_env=False)
        self.fault = ""
        self.hit: set[str] = set()  # methods, with the bot's number, that the fault has met

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes([web.route("*", "/bot{token}/{method}", self._answer)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def close(self) -> None:
        await self._http.aclose()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        fault = self.fault if method != "getUpdates" or self.fault not in ("401", "400", "404") else ""
        if fault:
            self.hit.add(f"{token.partition(':')[0]} {method}")
        match fault:
            case "":
                return await self._pass_on(request)
            case "html":
                return web.Response(text=f"<p>{request.path} is not here</p>", content_type="text/html")
            case "moved":
                return web.Response(status=302, headers={"Location": f"http://127.0.0.1:1{request.path}"})
            case "drop":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case "silence":
                await asyncio.sleep(60)
                return web.Response()
            case _:
                words = f"Refused: POST {request.path}"  # what repeats its own request is a proxy, say
                return web.json_response(REFUSAL | {"error_code": int(fault), "description": words}, status=int(fault))

    async def _pass_on(self, request: web.Request) -> web.Response:
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        try:
            answer = await self._http.post(self._behind + request.path, content=await request.read(), headers=headers)
        except httpx.HTTPError:
            return web.Response(status=502)
        return web.Response(body=answer.content, status=answer.status_code, content_type="application/json")


class Programs:
    """Both bots and a worker as processes of their own, at their most talkative; their output goes to files."""

    def __init__(self, folder: Path, api_url: str, redis_url: str) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "CUSTOMER_BOT_TOKEN": CUSTOMER,
            "RESTAURANT_BOT_TOKEN": RESTAURANT,
            "TELEGRAM_API_URL": api_url,
            "REDIS_URL": redis_url,
            "LOG_LEVEL": "DEBUG",
        }
        self._running: list[asyncio.subprocess.Process] = []

    async def start(self, name: str, **environment: str) -> asyncio.subprocess.Process:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", name, env=self._environment | environment, stdout=log, stderr=log
            )
        self._running.append(process)
        return process

    async def stop(self) -> None:
        for process in self._running:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in self._running))

    def said(self) -> str:
        return "\n".join(file.read_text() for file in sorted(self._folder.glob("*.log")))


def everything(redis: Redis) -> str:
    """Every key and value of the store, and the tracebacks that RQ keeps compressed."""
    read: dict[str, Callable[[bytes], object]] = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "list": lambda key: redis.lrange(key, 0, -1),
        "zset": lambda key: redis.zrange(key, 0, -1),
        "stream": redis.xrange,
        "none": lambda key: "",  # it has expired since the scan
    }
    return "\n".join(
        [*(f"{key!r} {read[text(redis.type(key))](key)!r}" for key in redis.scan_iter()), *failures(redis)]
    )


def failures(redis: Redis) -> list[str]:
    """The tracebacks of failed jobs."""
    ids = FailedJobRegistry(QUEUE, connection=redis, serializer=JSONSerializer).get_job_ids()
    found = (Job.fetch(job_id, redis, JSONSerializer).latest_result() for job_id in ids)
    return [result.exc_string or "" for result in found if result is not None]


@pytest.mark.timeout(900)
async def test_no_secret_is_ever_written(tmp_path: Path, free_port: int) -> None:
    unused_port = a_free_port()
    with valkey_on(free_port, tmp_path, appendonly="yes", appendfsync="always", save="") as before:
        before.config_set("requirepass", PASSWORD)
        url = f"redis://:{PASSWORD}@127.0.0.1:{free_port}/0"
        with connect(url) as redis:
            async with Sandbox().serve() as sandbox:
                programs = Programs(tmp_path, f"http://127.0.0.1:{unused_port}", url)
                front, telegram = Front(sandbox.url), Telegram(sandbox.url)
                try:
                    await _trouble(programs, front, telegram, redis, unused_port)
                finally:
                    await programs.stop()
                    await front.close()
                    await telegram.close()
            stored = everything(redis)
    said = programs.said()
    assert [secret for secret in SECRETS if secret in said] == []
    assert [secret for secret in SECRETS if secret in stored] == []
    # So that what has been looked through is what it is meant to be:
    assert "Traceback" in said
    assert "DEBUG" in said
    assert "out of reach" in said
    assert "Traceback" in stored


async def _until(condition: Callable[[], object]) -> None:
    """Wait for a condition, also where a failed reply is tried again after half a minute, some times over."""
    await until(condition, 3 * PATIENCE)


async def _trouble(programs: Programs, front: Front, telegram: Telegram, redis: Redis, port: int) -> None:
    """One thing after the other goes wrong while Carla and Anna write and orders come in."""
    ledger = Ledger(redis)
    ledger.save_restaurant(trattoria())
    carla = await telegram.person("Carla", bot=CUSTOMER)
    anna = await telegram.person("Anna", bot=RESTAURANT)
    ledger.join(ledger.create_invite("nonna", 600), anna.id)

    async def busy(number: int) -> None:
        await carla.send("/start nonna")
        await anna.send("/help")
        order_id = f"0rder{number:07}"
        ledger.execute(order_id, place(order_id, customer=Customer(id=carla.id, name="Carla")), f"test-{number}")

    for name in PROGRAMS:  # Telegram is not even there
        await programs.start(name)
    await _until(lambda: programs.said().count("out of reach") >= 2)
    async with front.listening(port):
        await _until(lambda: programs.said().count("is listening") == 2)
        for number, fault in enumerate(("html", "moved", "drop", "409", "500", "404", "silence")):
            front.fault, front.hit = fault, set()
            await busy(number)
            await _until(lambda: {"7001", "7002"} <= {hit.split()[0] for hit in front.hit})
        for number, fault in enumerate(("401", "400"), 100):
            front.fault, front.hit = fault, set()
            await busy(number)
            await _until(lambda: {"7001 sendMessage", "7002 sendMessage"} <= front.hit)
        dead = [keys.inbox_dead("customer"), keys.inbox_dead("restaurant")]
        await _until(lambda: all(map(redis.hlen, dead)) and failures(redis))
        front.fault = "401"  # one who starts now is refused at once
        assert await (await programs.start("bot.restaurant")).wait() == 1
    redis.config_set("requirepass", FORMER)  # and now the store does not let them in any more
    redis.client_kill_filter(_type="normal", skipme=True)
    await _until(lambda: "AuthenticationError" in programs.said())
    redis.config_set("requirepass", PASSWORD)
