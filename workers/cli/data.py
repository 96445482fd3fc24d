"""Looking at and feeding the ledger, while the system runs and while it is stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
from redis.exceptions import RedisError

from flows.events import AnyEvent
from flows.ledger import Ledger
from flows.menu import Restaurant
from flows.money import Money
from flows.order import Order
from flows.restaurant_file import BadFile, load
from flows.settings import BadSettings, Settings, read_settings
from flows.store import connect
from workers.cli.ending import until_stopped
from workers.store import StoreError, open_store

INVITE_LIFE = 7 * 24  # hours that an invite for a staff chat works, unless said otherwise
ASK_TELEGRAM = 3.0  # seconds to wait for a bot's name

Json = dict[str, Any]
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@contextmanager
def _ledger() -> Iterator[tuple[Ledger, Settings]]:
    """The ledger of the store that the settings name. What goes wrong is one line and exit code 1."""
    try:
        settings = read_settings()
        with open_store(settings) as store:
            yield Ledger(connect(store.url)), settings
    except (BadSettings, StoreError) as error:
        raise click.ClickException(str(error)) from None
    except RedisError as error:
        raise click.ClickException(f"the store does not answer ({type(error).__name__}); try again") from None
    except ValueError as error:  # what `flows` raises for what it finds stored and can't read
        raise click.ClickException(f"something in the store can't be read: {_first_line(error)}") from None


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0][:200]


@click.group()
def restaurant() -> None:
    """Create, update and list restaurants, and invite their staff."""


@restaurant.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def import_(file: Path, as_json: bool) -> None:
    """Create or update a restaurant from its FILE, and say how customers and staff get in."""
    try:
        loaded = load(file.read_text("utf-8"), str(file))
    except UnicodeDecodeError:
        raise click.ClickException(f"{file}: not a text in UTF-8") from None
    except BadFile as bad:
        raise click.ClickException(str(bad)) from None
    with _ledger() as (ledger, settings):
        created = ledger.save_restaurant(loaded)
        entrance = _entrance(ledger, settings, loaded)
    if as_json:
        click.echo(json.dumps(entrance))
        return
    click.echo(f"{loaded.name} {'created' if created else 'updated'}.")
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
    with _ledger() as (ledger, _):
        rows = [_restaurant(one, ledger) for one in ledger.restaurants()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['slug']:<24} {row['name']:<32} {_state(row)}")
    if not rows:
        click.echo("No restaurants: comanda restaurant import FILE", err=True)


@restaurant.command()
@click.argument("slug")
@click.option(
    "--hours", default=INVITE_LIFE, show_default=True, type=click.IntRange(1, 8760), help="How long it works."
)
@as_json
def invite(slug: str, hours: int, as_json: bool) -> None:
    """Make a new invite for the staff chat of SLUG; an earlier one that is unused is withdrawn."""
    with _ledger() as (ledger, settings):
        found = _known(ledger, slug)
        ledger.create_invite(slug, hours * 3600)
        entrance = _entrance(ledger, settings, found)
    for line in [json.dumps(entrance)] if as_json else _for_staff(entrance):
        click.echo(line)


@restaurant.command()
@click.argument("slug")
def revoke(slug: str) -> None:
    """Withdraw the unused invite of SLUG."""
    with _ledger() as (ledger, _):
        _known(ledger, slug)
        if not ledger.revoke_invite(slug):
            raise click.ClickException(f"{slug} has no open invite")
    click.echo("Withdrawn.")


@click.command()
@as_json
def orders(as_json: bool) -> None:
    """List all orders, oldest first."""
    with _ledger() as (ledger, _):
        rows = [_order(one) for one in ledger.orders()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        total = f"{row['total']} {row['currency']}"
        click.echo(f"{row['order_id']}  {row['placed_at'][:19]}Z  {row['restaurant']:<16} {total:>14}  {row['status']}")
    if not rows:
        click.echo("No orders.", err=True)


@click.command()
@click.argument("order_id")
@as_json
def order(order_id: str, as_json: bool) -> None:
    """Show the order ORDER_ID with its events."""
    with _ledger() as (ledger, _):
        found, history = ledger.order(order_id), ledger.history(order_id)
    if found is None:
        raise click.ClickException(f"no order {order_id}")
    events = [_event(version, event) for version, event in enumerate(history, 1)]
    if as_json:
        click.echo(json.dumps(_order(found) | {"events": events}))
        return
    placed = found.placed
    click.echo(f"#{placed.number} at {placed.restaurant.name}, {placed.total}, {found.status}")
    for line in placed.lines:
        click.echo(f"  {line.quantity} × {line.name} {', '.join(line.options)}".rstrip())
    if placed.note:
        click.echo(f"  note: {placed.note}")
    for row in events:
        click.echo(_event_line(row))


@click.command("events")
@click.option("--follow", is_flag=True, help="Go on with new events as they happen, until Ctrl-C.")
@as_json
def events_(follow: bool, as_json: bool) -> None:
    """Print every event of every order in one line each, oldest first."""
    if not follow:
        with _ledger() as (ledger, _):
            _print_events(ledger, "0", as_json)
        return
    with until_stopped() as unless_stopped, _ledger() as (ledger, _):
        after = "0"
        while True:
            unless_stopped()
            after = _print_events(ledger, after, as_json, block_ms=1000)


def _known(ledger: Ledger, slug: str) -> Restaurant:
    found = ledger.restaurant(slug)
    if found is None:
        raise click.ClickException(f"no restaurant {slug!r}: comanda restaurant list shows them")
    return found


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
    }


def _for_staff(entrance: Json) -> list[str]:
    """Both links, for the one of a group lets nobody choose a private chat, nor the other way round."""
    if entrance["staff_link"] is None:
        return [f"staff: {entrance['staff_start']}  (to the restaurant bot)"]
    return [f"staff group: {entrance['staff_link']}", f"or a private chat: {entrance['staff_private_link']}"]


def _bot_names(settings: Settings) -> tuple[str | None, str | None]:
    try:
        customer, restaurant_ = settings.tokens()
    except BadSettings:
        return None, None
    return _bot_name(settings, customer), _bot_name(settings, restaurant_)


def _bot_name(settings: Settings, token: str) -> str | None:
    try:
        answer = httpx.get(f"{settings.telegram_api_url}/bot{token}/getMe", timeout=ASK_TELEGRAM)
        name = answer.json()["result"]["username"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _restaurant(of: Restaurant, ledger: Ledger) -> Json:
    service = ledger.service(of.slug)
    return {
        "slug": of.slug,
        "name": of.name,
        "staff_chat": service.staff_chat,
        "paused": service.is_paused(ledger.clock()),
        "open": of.is_open(ledger.clock()),
    }


def _state(row: Json) -> str:
    if row["staff_chat"] is None:
        return "has no staff chat"
    if row["paused"]:
        return "paused"
    return "open for orders" if row["open"] else "closed now (hours)"


def _order(of: Order) -> Json:
    placed = of.placed
    return {
        "order_id": of.id,
        "number": placed.number,
        "restaurant": placed.restaurant.slug,
        "customer": placed.customer.name,
        "status": of.status.value,
        "placed_at": _plain(placed)["at"],
        "ready_by": of.ready_by and of.ready_by.isoformat().replace("+00:00", "Z"),
        "total": placed.total.decimal(),
        "currency": placed.total.currency,
        "lines": _plain(placed)["lines"],
        "note": placed.note,
    }


def _event(version: int, event: AnyEvent) -> Json:
    fields = _plain(event)
    kind, at = fields.pop("kind"), fields.pop("at")
    return {"version": version, "kind": kind, "at": at, **fields}


def _print_events(ledger: Ledger, after: str, as_json: bool, block_ms: int | None = None) -> str:
    """Print what follows that entry of the stream, as far as it goes. Returns the last entry."""
    while batch := ledger.read_events(after, block_ms):
        for entry, order_id, version, event in batch:
            after = entry
            row = {"order_id": order_id} | _event(version, event)
            click.echo(json.dumps(row) if as_json else f"{order_id} {_event_line(row)}")
    return after


def _event_line(row: Json) -> str:
    about = f" ({row['about']})" if "about" in row else ""
    by = f" by {row['by']['name']}" if row.get("by") else ""
    side = f" ({row['side']})" if "side" in row else ""
    why = row.get("reason") or ("unreachable" if row.get("unreachable") else "")
    return f"{row['version']:>3}  {row['at'][:19]}Z  {row['kind']}{about}{by}{side}" + (f": {why}" if why else "")


def _plain(event: AnyEvent) -> Json:
    """An event as JSON, with money as decimal strings beside one `currency`."""
    fields: Json = event.model_dump(mode="json")
    if "total" in fields:
        fields["currency"] = fields["total"]["currency"]
        fields["total"] = _decimal(fields["total"])
        fields["lines"] = [line | {"unit": _decimal(line["unit"])} for line in fields["lines"]]
    return fields


def _decimal(money: Json) -> str:
    return Money.model_validate(money).decimal()
