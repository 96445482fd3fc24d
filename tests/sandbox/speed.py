"""`python -m tests.sandbox.speed`: how soon the sandbox listens and how many messages a second it takes.

Over HTTP with connections kept open, from another process, with the rooms filling up and one page following. What it
says is of this machine at this moment; it judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

TOKEN = "7001:speed"
CHATS = 50
CONNECTIONS = 8


async def measure(messages: int) -> dict[str, float]:
    """Start a sandbox, send so many messages. Returns seconds until it listened, messages a second, and MB in use."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    starts = time.perf_counter() - began
    try:
        async with aiohttp.ClientSession(url) as http:
            seconds = await _send(http, messages)
        return {
            "starts_in_s": round(starts, 2),
            "messages_per_s": round(messages / seconds),
            "memory_mb": round(_memory(process.pid)),
        }
    finally:
        process.terminate()
        await process.wait()


async def _send(http: aiohttp.ClientSession, messages: int) -> float:
    chats = [await _person(http) for _ in range(CHATS)]
    async with http.get("/control/stream") as page:
        following = asyncio.create_task(_follow(page))
        began = time.perf_counter()
        each = messages // CONNECTIONS
        await asyncio.gather(*(_work(http, chats, number * each, each) for number in range(CONNECTIONS)))
        seconds = time.perf_counter() - began
        following.cancel()
    return seconds


async def _person(http: aiohttp.ClientSession) -> int:
    async with http.post("/control/user", json={"first_name": "Carla"}) as answer:
        user: int = (await answer.json())["id"]
    async with http.post("/control/send", json={"user": user, "bot": TOKEN, "text": "/start"}) as answer:
        answer.raise_for_status()
    return user


async def _follow(page: aiohttp.ClientResponse) -> None:
    async for _ in page.content:
        pass


async def _work(http: aiohttp.ClientSession, chats: list[int], first: int, number: int) -> None:
    for one in range(first, first + number):
        message: dict[str, Any] = {"chat_id": chats[one % CHATS], "text": f"<b>Order {one}</b>", "parse_mode": "HTML"}
        async with http.post(f"/bot{TOKEN}/sendMessage", json=message) as answer:
            answer.raise_for_status()
            await answer.read()


def _memory(pid: int) -> float:
    """Resident memory in MB (Linux only; 0 elsewhere)."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests.sandbox.speed", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="how many to send (default: 20000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    found = asyncio.run(measure(options.messages))
    if options.json:
        print(json.dumps(found))
    else:
        print(
            "listens after {starts_in_s} s, takes {messages_per_s} sendMessage/s, uses {memory_mb} MB".format(**found)
        )


if __name__ == "__main__":
    main()
