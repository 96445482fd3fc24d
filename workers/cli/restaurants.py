"""Restaurants, and how people get in, while the system runs and while it is stopped."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
from aiohttp import ClientTimeout

from flows.http import UNANSWERED, client
from flows.ledger import Ledger
from flows.menu import Restaurant
from flows.restaurant_file import BYTES_LIMIT, BadFile, decoded, load
from flows.settings import BadSettings, Settings
from workers.cli.data import Json, as_json, open_ledger
from workers.cli.one_restaurant import export, known, remove, show, state, summary
from workers.cli.stores import named

INVITE_LIFE = 7 * 24  # hours that an invite for a staff chat works, unless said otherwise
ASK_TELEGRAM = ClientTimeout(total=3)  # seconds to wait for a bot's name


@click.group()
def restaurant() -> None:
    """Create, update, show, export and remove restaurants, and invite their staff."""


for command in (show, export, remove):
    restaurant.add_command(command)


@restaurant.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def import_(file: Path, as_json: bool) -> None:
    """Create or update a restaurant from its FILE, and say how customers and staff get in."""
    with file.open("rb") as opened:
        data = opened.read(BYTES_LIMIT + 1)  # no more of it is needed to refuse it
    try:
        loaded = load(decoded(data, str(file)), str(file))
    except BadFile as bad:
        raise click.ClickException(str(bad)) from None
    with open_ledger(new=True) as (ledger, settings):
        created = ledger.save_restaurant(loaded)
        entrance = _entrance(ledger, settings, loaded)
        here = ledger.clock().astimezone(loaded.zone)
    if as_json:
        click.echo(json.dumps(entrance | {"local_time": here.isoformat(timespec="minutes")}))
        return
    click.echo(f"{loaded.name} {'created' if created else 'updated'}.")
    click.echo(f"There it is {here:%A, %H:%M} now; if not, correct its timezone, {loaded.timezone}.")
    customers = entrance["customer_link"] or f"{entrance['customer_start']}  (to the customer bot)"
    click.echo(f"customers: {customers}")
    for line in _for_staff(entrance):
        click.echo(line)
    again = f"comanda restaurant invite {loaded.slug}"
    click.echo(f"For staff it works once, within {INVITE_LIFE // 24} days; another one: {again}")


@restaurant.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the restaurants, and whether each takes orders now."""
    with open_ledger() as (ledger, settings):
        rows = [summary(one, ledger.service(one.slug), ledger) for one in ledger.restaurants()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['slug']:<24} {row['name']:<32} {state(row)}")
    if not rows:
        click.echo(f"No restaurants in the store {named(settings)}: comanda restaurant import FILE", err=True)


@restaurant.command()
@click.argument("slug")
@click.option(
    "--hours", default=INVITE_LIFE, show_default=True, type=click.IntRange(1, 8760), help="How long it works."
)
@as_json
def invite(slug: str, hours: int, as_json: bool) -> None:
    """Make a new invite for the staff chat of SLUG; an earlier one that is unused is withdrawn."""
    with open_ledger() as (ledger, settings):
        found = known(ledger, slug)
        ledger.create_invite(slug, hours * 3600)
        entrance = _entrance(ledger, settings, found)
    for line in [json.dumps(entrance)] if as_json else _for_staff(entrance):
        click.echo(line)


@restaurant.command()
@click.argument("slug")
def revoke(slug: str) -> None:
    """Withdraw the unused invite of SLUG."""
    with open_ledger() as (ledger, _):
        known(ledger, slug)
        if not ledger.revoke_invite(slug):
            raise click.ClickException(f"{slug} has no open invite")
    click.echo("Withdrawn.")


def _entrance(ledger: Ledger, settings: Settings, of: Restaurant) -> Json:
    """How customers and staff get in. Links need the bots' names, for which Telegram is asked."""
    token = ledger.open_invite(of.slug) or ledger.create_invite(of.slug, INVITE_LIFE * 3600)
    customer, staff = _bot_names(settings)
    return {
        "slug": of.slug,
        "customer_start": f"/start {of.slug}",
        "staff_start": f"/start {token}",
        "customer_link": customer and f"https://t.me/{customer}?start={of.slug}",
        "staff_link": staff and f"https://t.me/{staff}?startgroup={token}",
        "staff_private_link": staff and f"https://t.me/{staff}?start={token}",
        "staff_topic_start": staff and f"/start@{staff} {token}",
    }


def _for_staff(entrance: Json) -> list[str]:
    """Two links, because `startgroup` offers only groups and `start` only the private chat; a topic has none."""
    if entrance["staff_link"] is None:
        return [f"staff: {entrance['staff_start']}  (to the restaurant bot)"]
    return [
        f"staff group: {entrance['staff_link']}",
        f"or a private chat: {entrance['staff_private_link']}",
        f"or a topic of a group that the bot is in: write {entrance['staff_topic_start']} there",
    ]


def _bot_names(settings: Settings) -> tuple[str | None, str | None]:
    try:
        customer, restaurant_ = settings.tokens()
    except BadSettings:
        return None, None
    return _bot_name(settings, customer), _bot_name(settings, restaurant_)


def _bot_name(settings: Settings, token: str) -> str | None:
    try:
        name = asyncio.run(_ask_its_name(settings.telegram_api_url, token))
    except (*UNANSWERED, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


async def _ask_its_name(root: str, token: str) -> object:
    async with client(root, ASK_TELEGRAM) as http, http.get(f"{root}/bot{token}/getMe") as answer:
        return json.loads(await answer.read())["result"]["username"]
