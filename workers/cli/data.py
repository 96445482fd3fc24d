"""Looking at the orders, while the system runs and while it is stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from redis.exceptions import RedisError

from flows.events import AnyEvent
from flows.ledger import Ledger
from flows.ledger.transaction import Contended
from flows.money import Money
from flows.order import Order, Status
from flows.settings import BadSettings, Settings, read_settings
from flows.store import connect
from workers.cli.choosing import number_of, numbered, wanted
from workers.cli.ending import until_stopped
from workers.cli.stores import named, the_store, unanswered
from workers.store import StoreError

Json = dict[str, Any]
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@contextmanager
def open_ledger(*, new: bool = False) -> Iterator[tuple[Ledger, Settings]]:
    """The ledger of the store that the settings name, or of a `new` one. What goes wrong is one line and exit code 1.

    With replicas, what is written counts only once so many of them have it, as in the bots.
    """
    try:
        settings = read_settings()
        with the_store(settings, new=new) as store:
            yield Ledger(connect(store.url), replicas=settings.redis_replicas), settings
    except (BadSettings, StoreError) as error:
        raise click.ClickException(str(error)) from None
    except (RedisError, Contended) as error:
        raise click.ClickException(unanswered(error)) from None
    except ValueError as error:  # what `flows` raises for what it finds stored and can't read
        raise click.ClickException(f"something in the store can't be read: {_first_line(error)}") from None


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0][:200]


@click.command()
@click.option("--today", is_flag=True, help="Those placed today, by their restaurant's clock.")
@click.option("--restaurant", "slug", metavar="SLUG", help="Those of that restaurant.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    type=click.Choice([one.value for one in Status]),
    help=f"Those with that status; given several times, with any of them: {', '.join(Status)}.",
)
@as_json
def orders(today: bool, slug: str | None, statuses: tuple[str, ...], as_json: bool) -> None:
    """List the orders, oldest first. Options narrow the list; with several, an order has to match each."""
    with open_ledger() as (ledger, settings):
        found = wanted(ledger, today=today, restaurant=slug, statuses=[Status(one) for one in statuses])
        if slug is not None and not found:
            _known_slug(ledger, slug)
    if as_json:
        click.echo(json.dumps([_order(one) for one in found]))
        return
    for one in found:
        click.echo(order_line(one))
    if not found:
        such = " such" if today or slug or statuses else ""
        click.echo(f"No{such} orders in the store {named(settings)}.", err=True)


@click.command()
@click.argument("order_id", metavar="ORDER_ID|NUMBER")
@click.option("--restaurant", "slug", metavar="SLUG", help="Which restaurant's order of that NUMBER.")
@as_json
def order(order_id: str, slug: str | None, as_json: bool) -> None:
    """Show an order with its events: that of an id, or the one that people call by a NUMBER today, as 7 or '#7'."""
    with open_ledger() as (ledger, _):
        found = ledger.order(order_id) or _of_today(ledger, order_id, slug)
        history = ledger.history(found.id)
    events = [_event(version, event) for version, event in enumerate(history, 1)]
    if as_json:
        click.echo(json.dumps(_order(found) | {"events": events}))
        return
    placed = found.placed
    click.echo(f"#{placed.number} at {placed.restaurant.name}, {placed.total}, {found.status}")
    for line in placed.lines:
        click.echo(f"  {line.quantity} × {line.name} {', '.join(line.chosen)}".rstrip())
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
        with open_ledger() as (ledger, _):
            _print_events(ledger, "0", as_json)
        return
    with until_stopped() as unless_stopped, open_ledger() as (ledger, _):
        after = "0"
        while True:
            unless_stopped()
            after = _print_events(ledger, after, as_json, block_ms=1000)


def _of_today(ledger: Ledger, words: str, slug: str | None) -> Order:
    """The order of today that people call so. Where there is none, or are several, those that may be meant are told."""
    number = number_of(words)
    if number is None:
        raise click.ClickException(f"no order {words}: `comanda orders` lists their ids")
    if slug is not None:
        _known_slug(ledger, slug)
    meant, before = numbered(ledger, number, slug)
    if len(meant) == 1:
        return meant[0]
    told = f"there are {len(meant)} orders #{number}" if meant else f"no order #{number} today"
    rows = [order_line(one) for one in meant or before]
    cure = "; show one by its id:" if rows else ": `comanda orders --today` lists them"
    raise click.ClickException("\n  ".join([told + cure, *rows]))


def _known_slug(ledger: Ledger, slug: str) -> None:
    """Refuse a slug of no restaurant, unless there are orders of one that was removed."""
    if ledger.restaurant(slug) is None and not wanted(ledger, today=False, restaurant=slug, statuses=()):
        raise click.ClickException(f"no restaurant {slug!r}: `comanda restaurant list` shows them")


def order_line(of: Order) -> str:
    """An order in a line, for people."""
    row = _order(of)
    number, total = f"#{row['number']}", f"{row['total']} {row['currency']}"
    placed_at = f"{row['placed_at'][:19]}Z"
    return f"{row['order_id']}  {number:>5}  {placed_at}  {row['restaurant']:<16} {total:>14}  {row['status']}"


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
