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
from flows.money import Money
from flows.order import Order
from flows.settings import BadSettings, Settings, read_settings
from flows.store import connect
from workers.cli.ending import until_stopped
from workers.store import StoreError, open_store

Json = dict[str, Any]
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@contextmanager
def open_ledger() -> Iterator[tuple[Ledger, Settings]]:
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


@click.command()
@as_json
def orders(as_json: bool) -> None:
    """List all orders, oldest first."""
    with open_ledger() as (ledger, _):
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
    with open_ledger() as (ledger, _):
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
        with open_ledger() as (ledger, _):
            _print_events(ledger, "0", as_json)
        return
    with until_stopped() as unless_stopped, open_ledger() as (ledger, _):
        after = "0"
        while True:
            unless_stopped()
            after = _print_events(ledger, after, as_json, block_ms=1000)


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
