"""`comanda doctor`: what is wrong, and the cure."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from redis import Redis
from redis.exceptions import RedisError

from flows.ledger.orders import utc_now
from flows.ledger.transaction import Contended
from flows.settings import BadSettings, Settings, read_settings
from flows.store import connect, is_outage, trouble
from workers.check_telegram import of_telegram
from workers.checks import Check, Level, of_keys, of_names, of_processes, of_restaurants, of_store
from workers.cli.data import as_json
from workers.cli.stores import named, the_store, unanswered
from workers.set_aside import SetAside, forget, retry, set_aside
from workers.store import StoreError, client_of, refuse_passing_store


@click.command()
@click.option("--full", is_flag=True, help="Show the whole traceback of each update that was set aside.")
@click.option("--retry", "again", metavar="UPDATE_ID", help="Have that update tried again.")
@click.option("--forget", "gone", metavar="UPDATE_ID", help="Forget that update.")
@as_json
def doctor(full: bool, again: str | None, gone: str | None, as_json: bool) -> None:
    """Look at the settings, Telegram, the store, the processes and the updates that could not be handled.

    One line each, with the cure. Exit code 1 if there is a problem; a warning is none. It may run at any time, takes
    no updates away and shows no secrets.
    """
    if again and gone:
        raise click.UsageError("an update is either tried again or forgotten: give one of --retry and --forget")
    if again or gone:
        _move(again, gone)
        return
    checks, updates = _look()
    if as_json:
        fields = [asdict(one) | {"at": one.at.isoformat()} for one in updates]
        for one in fields if not full else []:
            del one["traceback"]
        click.echo(json.dumps({"checks": [asdict(one) for one in checks], "set_aside": fields}))
    else:
        for check in checks:
            click.echo(line(check))
        for update in updates:
            click.echo(line(_as_check(update)))
            if full:
                click.echo(update.traceback)
    if updates or any(check.level is Level.PROBLEM for check in checks):
        raise SystemExit(1)


def line(check: Check) -> str:
    """A check as people read it."""
    cure = f" → {check.cure}" if check.cure else ""
    return f"{check.level:<8} {check.check}: {check.says}{cure}"


def _look() -> tuple[list[Check], list[SetAside]]:
    try:
        settings = read_settings()
    except BadSettings as error:
        return [Check("settings", Level.PROBLEM, str(error))], []
    checks = [*of_names(os.environ)]
    try:
        checks += asyncio.run(of_telegram(settings))
    except BadSettings as error:
        checks.append(Check("settings", Level.PROBLEM, str(error)))
    try:
        with _opened(settings) as redis:
            directory = None if settings.redis_url else settings.data_dir
            checks += [*_of_place(settings), *of_store(redis, directory, settings.redis_replicas), *of_keys(redis)]
            checks.append(Check("which store", Level.OK, named(settings)))
            for found in (of_restaurants(redis), of_processes(redis, utc_now())):
                checks += _as_far_as_possible(found)
            return checks, set_aside(redis)
    except StoreError as error:
        checks.append(Check("store", Level.PROBLEM, str(error)))
    except RedisError as error:
        checks.append(_refusal(error))
    return checks, []


def _of_place(settings: Settings) -> Iterator[Check]:
    """Whether the embedded store lies where it would be gone with its container, or with the machine's power."""
    try:
        refuse_passing_store(settings)
    except StoreError as error:
        says, _, cure = str(error).rpartition(": ")
        yield Check("store", Level.PROBLEM, says, cure)


def _as_far_as_possible(checks: Iterator[Check]) -> Iterator[Check]:
    """These checks, up to the first that the store refuses to answer; the others go on."""
    try:
        yield from checks
    except RedisError as error:
        if is_outage(error):
            raise
        yield _refusal(error)


def _refusal(error: RedisError) -> Check:
    return Check(
        "store", Level.PROBLEM, f"does not answer as it should: {trouble(error)}", "see its log, and try again"
    )


@contextmanager
def _opened(settings: Settings) -> Iterator[Redis]:
    """The store, also one that nobody would start on. Raises `StoreError`."""
    if settings.redis_url is not None:
        with client_of(settings.redis_url) as redis:
            yield redis
        return
    with the_store(settings) as store, connect(store.url) as redis:
        yield redis


def _as_check(update: SetAside) -> Check:
    chat = "no chat" if update.chat is None else f"chat {update.chat}"
    says = f"set aside at {update.at:%F %T}Z, of {chat}: {update.error}"
    cure = f"comanda doctor --full; then --retry {update.update_id} or --forget {update.update_id}"
    return Check(f"{update.bot} bot's update {update.update_id}", Level.PROBLEM, says, cure)


def _move(again: str | None, gone: str | None) -> None:
    try:
        with _opened(read_settings()) as redis:
            bots = retry(redis, again) if again else forget(redis, gone or "")
    except (BadSettings, StoreError) as error:
        raise click.ClickException(str(error)) from None
    except (RedisError, Contended) as error:
        raise click.ClickException(unanswered(error)) from None
    if not bots:
        raise click.ClickException(f"{again or gone} is none of those that were put aside")
    for bot in bots:
        told = "is tried again now, or as soon as that bot runs" if again else "is forgotten"
        click.echo(f"The {bot} bot's update {again or gone} {told}.")
