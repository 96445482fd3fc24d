"""`comanda backup` and `comanda restore`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from redis.exceptions import RedisError

from flows.ledger.orders import utc_now
from flows.ledger.transaction import Contended
from flows.settings import BadSettings, read_settings
from flows.store import connect
from workers.backup import CannotBackUp, take
from workers.backup_file import BadBackup, Reader, Summary
from workers.cli.data import as_json
from workers.cli.progress import Progress
from workers.cli.stores import the_store, the_store_alone, unanswered
from workers.cli.verify import line
from workers.lasting import refuse_passing
from workers.restore import checked, is_empty
from workers.restore import restore as bring_back
from workers.store import StoreError, refuse_passing_store


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json
def backup(file: Path, as_json: bool) -> None:
    """Write orders, restaurants, carts, invites and waiting updates into FILE. The system may run meanwhile.

    A FILE that is there is replaced once the new one is whole. It holds people's names and orders: keep it safe. It is
    refused where it would be gone soon: in a container without a volume there, or in memory.
    """
    with _failures_in_one_line(file), the_store(read_settings()) as store:
        refuse_passing(file)
        if file.exists() and not file.is_file():
            raise click.ClickException(f"{file} is no file")
        summary = take(connect(store.url), file, Progress("keys written"))
    click.echo(json.dumps(_fields(summary)) if as_json else f"{file}: {_words(summary)}.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Erase what the store has now.")
@click.option("--yes", is_flag=True, help="Do so without asking.")
@as_json
def restore(file: Path, replace: bool, yes: bool, as_json: bool) -> None:
    """Bring the backup in FILE back into an empty store on which nothing runs, and replay every order.

    Exit code 1 also if something that is in it can't be read; the rest is there all the same.
    """
    with _failures_in_one_line(file), file.open("rb") as opened:
        summary = _checked(opened)
        settings = read_settings()
        refuse_passing_store(settings)
        with the_store_alone(settings) as redis:
            if not is_empty(redis):
                if not replace:
                    raise click.ClickException("the store is not empty: --replace erases all that it has")
                if not yes:
                    click.confirm("This erases all that the store has now. Go on?", abort=True, err=True)
            done = bring_back(redis, Reader(opened).records(), utc_now, Progress)
    if as_json:
        left = [{"subject": one.subject, "says": one.says} for one in done.findings]
        click.echo(json.dumps(_fields(summary) | {"replayed": done.orders, "differences": left}))
    else:
        for finding in done.findings:
            click.echo(line(finding))
        agree = f"{len(done.findings)} differences" if done.findings else "and all that is derived from them agrees"
        click.echo(f"{_words(summary)}. {done.orders} orders replayed, {agree}.")
    if done.findings:
        raise SystemExit(1)


def _checked(file: IO[bytes]) -> Summary:
    reader = Reader(file)
    checked(reader.records())
    return reader.summary


def _fields(summary: Summary) -> dict[str, object]:
    return {"made_at": summary.made_at, "orders": summary.keys["order"], "keys": summary.keys.total()}


def _words(summary: Summary) -> str:
    return f"{summary.keys['order']} orders and {summary.keys.total()} keys in all, as of {summary.made_at}"


@contextmanager
def _failures_in_one_line(file: Path) -> Iterator[None]:
    try:
        yield
    except (BadSettings, StoreError, CannotBackUp) as error:
        raise click.ClickException(str(error)) from None
    except BadBackup as error:
        raise click.ClickException(f"{file} can't be brought back: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    except (RedisError, Contended) as error:
        raise click.ClickException(unanswered(error)) from None
