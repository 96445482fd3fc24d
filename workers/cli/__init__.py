"""The command `comanda`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

A command's module is imported when the command runs, so that `comanda --help` answers at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

# name -> (module:command, what the list of commands says)
RUNNING = {
    "demo": ("workers.cli.demo:demo", "Try it on this machine: a local Telegram, two restaurants."),
    "up": ("workers.cli.up:up", "Run everything: both bots, the workers and the store."),
    "customer-bot": ("workers.cli.alone:customer_bot", "Run the customers' bot alone."),
    "restaurant-bot": ("workers.cli.alone:restaurant_bot", "Run the restaurants' bot alone."),
    "worker": ("workers.cli.alone:worker", "Run one worker alone."),
    "sandbox": ("workers.cli.alone:sandbox", "Run the local Telegram alone."),
}
LOOKING = {
    "restaurant": (
        "workers.cli.restaurants:restaurant",
        "Import, show, export and remove restaurants; invite staff.",
    ),
    "orders": ("workers.cli.data:orders", "List the orders: of today, of a restaurant, by status."),
    "order": ("workers.cli.data:order", "Show one order with its events, by its id or today's number."),
    "events": ("workers.cli.data:events_", "Print every event of every order."),
}
KEEPING = {
    "doctor": ("workers.cli.doctor:doctor", "Say what is wrong, and the cure."),
    "webhook": ("workers.cli.webhook:webhook", "Take away the webhook of a bot that is to be polled."),
    "archive": ("workers.cli.archive:archive", "Move finished orders of past days into an SQLite file."),
    "backup": ("workers.cli.backup:backup", "Write orders, restaurants and carts into a file."),
    "restore": ("workers.cli.backup:restore", "Bring a backup back."),
    "verify": ("workers.cli.verify:verify", "Compare what is derived from the orders with them, and repair it."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(self, sections: Mapping[str, Mapping[str, tuple[str, str]]], help: str) -> None:  # noqa: A002 - click's
        super().__init__(name="comanda", help=help)
        self._sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as the help lists them."""
        return [name for section in self._sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or None for a name that is none."""
        for section in self._sections.values():
            if cmd_name in section:
                module, attribute = section[cmd_name][0].split(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        for title, section in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, about) for name, (_, about) in section.items()])


main = click.version_option(package_name="comanda", prog_name="comanda", message="%(prog)s %(version)s")(
    LazyGroup(
        {"Running": RUNNING, "Looking and feeding, while it runs or not": LOOKING, "Keeping it well": KEEPING},
        help="Comanda: a restaurant takes orders in Telegram.",
    )
)
