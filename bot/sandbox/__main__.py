"""`python -m bot.sandbox`: run a local Telegram until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from bot.sandbox.keeping import CannotKeep
from bot.sandbox.limits import Limits
from bot.sandbox.server import Sandbox
from bot.sandbox.sites import is_loopback
from bot.sandbox.state import KEYBOARD_BYTES


async def run(sandbox: Sandbox, host: str, port: int, as_json: bool) -> None:
    """Serve until told to stop. Raises `OSError` when the port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with sandbox.serve(host, port):
        reach = "this machine only" if is_loopback(host) else "whoever reaches this machine"
        print(
            json.dumps({"url": sandbox.url}) if as_json else f"Telegram sandbox at {sandbox.url} (for {reach})",
            flush=True,
        )
        await stop.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="comanda sandbox", description="A local Telegram for any bot, any token.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one (default 8080)")
    parser.add_argument(
        "--limits",
        nargs="?",
        const="",
        metavar="bot=30,chat=1,burst=5,group=20",
        help="refuse with 429 what goes beyond Telegram's limits: messages and edits of a bot a second, in a chat a "
        "second with a burst, in a group a minute (default: no limits; --limits alone: these)",
    )
    parser.add_argument(
        "--keyboard-bytes",
        type=_size,
        default=KEYBOARD_BYTES,
        metavar="N",
        help="refuse keyboards whose JSON is larger; Telegram does not publish its bound, people report some 10 kB "
        f"(default {KEYBOARD_BYTES})",
    )
    parser.add_argument("--nobody", action="store_true", help="make no person up for the first bot that comes")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="keep people, bots, chats, messages and files in FILE and go on with them (default: in memory only)",
    )
    parser.add_argument("--json", action="store_true", help="print the address as JSON")
    options = parser.parse_args()
    try:
        limits = None if options.limits is None else Limits.parse(options.limits)
    except ValueError:
        parser.error("--limits takes numbers above 0 for bot, chat, burst and group, as in bot=30,chat=1")
    sandbox = Sandbox(
        limits=limits, somebody=not options.nobody, keyboard_bytes=options.keyboard_bytes, keep=options.keep
    )
    try:
        asyncio.run(run(sandbox, options.host, options.port, options.json))
    except CannotKeep as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(f"can't listen on port {options.port}: {error.strerror}. Choose another with --port") from None


def _size(text: str) -> int:
    """A number of bytes. Raises `ValueError` for none."""
    if (size := int(text)) < 1:
        raise ValueError
    return size


if __name__ == "__main__":
    main()
