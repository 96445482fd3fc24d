"""`comanda archive`: orders that ended long ago move into a file."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import click
from redis.exceptions import RedisError

from flows.ledger.orders import utc_now
from flows.ledger.transaction import Contended
from flows.settings import BadSettings, read_settings
from flows.store import connect
from workers.archive import Archived, Archiving
from workers.archive_file import CannotArchive
from workers.cli.data import as_json
from workers.cli.progress import Progress
from workers.cli.stores import the_store, unanswered
from workers.lasting import make_folder, refuse_passing
from workers.store import StoreError

DAYS = 30  # a month of past orders for customers to look at


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--older-than",
    metavar="DAYS",
    default=DAYS,
    show_default=True,
    type=click.IntRange(0, 36_500),
    help="Move orders that ended so many days ago; customers no longer find them by /orders.",
)
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@as_json
def archive(file: Path | None, older_than: int, dry_run: bool, as_json: bool) -> None:
    """Move finished orders of past days out of the store into FILE, an SQLite file for any tool. It may run meanwhile.

    FILE is DATA_DIR/archive.sqlite unless given, and is added to. It holds people's names and orders: keep it safe. It
    is refused where it would be gone soon: in a container without a volume there, or in memory.
    Exit code 1 also if an order can't be read; it stays in the store.
    """
    try:
        settings = read_settings()
        path = file or settings.data_dir / "archive.sqlite"
        refuse_passing(path)
        with the_store(settings) as store:
            if file is None:
                _make(settings.data_dir)
            before = utc_now() - timedelta(days=older_than)
            done = Archiving(connect(store.url), path, before, Progress("orders archived")).run(dry=dry_run)
    except (BadSettings, StoreError, CannotArchive) as error:
        raise click.ClickException(str(error)) from None
    except (RedisError, Contended) as error:
        raise click.ClickException(unanswered(error)) from None
    if as_json:
        left = [{"order_id": one.order_id, "says": one.why} for one in done.left]
        click.echo(json.dumps({"file": str(path), "dry_run": dry_run, "archived": done.orders, "left": left}))
    else:
        _say(done, path, older_than, dry_run)
    if done.left:
        raise SystemExit(1)


def _make(directory: Path) -> None:
    try:
        make_folder(directory)
    except OSError as error:
        raise CannotArchive(f"{directory}: {error.strerror}") from None


def _say(done: Archived, path: Path, days: int, dry: bool) -> None:
    for one in done.left:
        click.echo(f"{one.order_id}: can't be archived: {one.why}")
    are_there = f"would go into {path}" if dry else f"are in {path} now"
    click.echo(f"{done.orders} orders that ended more than {days} days ago {are_there}.")
