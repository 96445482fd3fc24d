"""One restaurant: shown, written as a file again, and taken out."""

from __future__ import annotations

import json

import click

from flows.events import Side
from flows.ledger import Ledger
from flows.menu import Restaurant, Service
from flows.order import Order
from flows.restaurant_export import export as as_file
from workers.cli.choosing import MOST
from workers.cli.data import Json, as_json, open_ledger, order_line


def known(ledger: Ledger, slug: str) -> Restaurant:
    """The restaurant of that slug. Raises `ClickException` if there is none."""
    found = ledger.restaurant(slug)
    if found is None:
        raise click.ClickException(f"no restaurant {slug!r}: comanda restaurant list shows them")
    return found


@click.command()
@click.argument("slug")
@as_json
def show(slug: str, as_json: bool) -> None:
    """Show the restaurant SLUG: how it stands now, and its menu."""
    with open_ledger() as (ledger, _):
        found, service = known(ledger, slug), ledger.service(slug)
        row = summary(found, service, ledger) | {"open_orders": len(ledger.open_orders(slug))}
    if as_json:
        click.echo(json.dumps(row | _file(found, service)))
        return
    click.echo(f"{found.name} ({slug})")
    click.echo(f"  {found.address}, {found.phone}")
    click.echo(f"  {'open at any time' if found.hours is None else found.hours.describe() or 'never open'}")
    click.echo(f"  {found.timezone}, where it is {row['local_time'].replace('T', ' ')} now")
    click.echo(f"  {state(row)}, {row['open_orders']} orders not over; staff have {found.accept_within} s to answer")
    for category in found.menu:
        click.echo(f"{category.name}")
        for item in category.items:
            hidden = "  (hidden)" if item.id in service.hidden else ""
            click.echo(f"  {item.id:<24} {item.name}, {item.price}{hidden}")


@click.command()
@click.argument("slug")
def export(slug: str) -> None:
    """Print the restaurant SLUG as a file that can be imported again: comanda restaurant export SLUG > SLUG.yaml."""
    with open_ledger() as (ledger, _):
        click.echo(as_file(known(ledger, slug)), nl=False)


@click.command()
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do so without asking.")
def remove(slug: str, yes: bool) -> None:
    """Take the restaurant SLUG out, with its switches, staff chat and invite; its past orders stay.

    It is refused while orders are not over, or its staff are still to be told of one.
    """
    with open_ledger() as (ledger, _):
        if not ledger.has_restaurant(slug):
            raise click.ClickException(f"no restaurant {slug!r}: comanda restaurant list shows them")
        its = [order for order in ledger.orders() if order.placed.restaurant.slug == slug]
        _refuse_while_needed(slug, [order for order in its if not order.over or order.owed_to(Side.RESTAURANT)])
        if not yes:
            click.confirm(f"This takes {slug} out of the store, with its menu. Go on?", abort=True, err=True)
        if ledger.remove_restaurant(slug):
            raise click.ClickException(f"an order has just come in: {slug} stays; finish it first")
    click.echo(f"{slug} is removed. {len(its)} past orders of it stay, for its customers and for `comanda archive`.")


def _refuse_while_needed(slug: str, orders: list[Order]) -> None:
    if not orders:
        return
    told = [
        f"{slug} has {len(orders)} orders that are not over or that its staff are still to be told of; it stays. "
        "Staff stop new ones by /pause:",
        *(order_line(order) for order in orders[:MOST]),
        *(["…"] if len(orders) > MOST else []),
    ]
    raise click.ClickException("\n  ".join(told))


def summary(of: Restaurant, service: Service, ledger: Ledger) -> Json:
    """How a restaurant stands now, for scripts."""
    return {
        "slug": of.slug,
        "name": of.name,
        "staff_chat": service.staff_chat,
        "staff_topic": service.staff_topic,
        "paused": service.is_paused(ledger.clock()),
        "open": of.is_open(ledger.clock()),
        "local_time": ledger.clock().astimezone(of.zone).isoformat(timespec="minutes"),
    }


def state(row: Json) -> str:
    """The same for people, in some words."""
    if row["staff_chat"] is None:
        return "has no staff chat"
    if row["paused"]:
        return "paused"
    return "open for orders" if row["open"] else "closed now (hours)"


def _file(of: Restaurant, service: Service) -> Json:
    return {
        "address": of.address,
        "phone": of.phone,
        "currency": of.currency,
        "timezone": of.timezone,
        "accept_within": of.accept_within,
        "hours": None if of.hours is None else of.hours.model_dump(mode="json"),
        "menu": [
            {
                "category": category.name,
                "items": [
                    {
                        "id": item.id,
                        "name": item.name,
                        "price": item.price.decimal(),
                        "hidden": item.id in service.hidden,
                    }
                    for item in category.items
                ],
            }
            for category in of.menu
        ],
    }
