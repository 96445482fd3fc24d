"""`comanda verify`: does everything that is derived from the orders agree with them?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from redis.exceptions import RedisError

from flows.ledger.orders import utc_now
from flows.ledger.transaction import Contended
from flows.settings import BadSettings, read_settings
from flows.store import connect
from workers.cli.data import as_json
from workers.cli.progress import Progress
from workers.cli.stores import the_store, unanswered
from workers.store import StoreError
from workers.verify import Finding, Verification

STATES = {"found": "", "repaired": " (put right)", "left": " (needs a person)"}


class _Unknown(click.ClickException):
    """Whether all agrees could not be found out."""

    exit_code = 2


@click.command()
@click.option("--repair", is_flag=True, help="Put right what is derived. Orders' events are never touched.")
@as_json
def verify(repair: bool, as_json: bool) -> None:
    """Read every order and compare it with all that is derived from it. The system may run meanwhile.

    Exit code 0: all agrees, or was put right; 1: something does not; 2: it could not be found out.
    """
    findings = []
    with _failing_with_2(), the_store(read_settings()) as store:
        verification = Verification(connect(store.url), utc_now, repair=repair, tell=Progress("orders compared"))
        for finding in verification.run():
            findings.append(finding)
            if not as_json:
                click.echo(line(finding))
    wrong = [finding for finding in findings if finding.state != "repaired"]
    if as_json:
        differences = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"orders": verification.orders, "differences": differences}))
    else:
        click.echo(_sum(verification.orders, findings, wrong))
    if wrong:
        raise SystemExit(1)


def line(finding: Finding) -> str:
    """A finding as people read it."""
    return f"{finding.subject}: {finding.says}{STATES[finding.state]}"


def _sum(orders: int, findings: list[Finding], wrong: list[Finding]) -> str:
    if not findings:
        return f"{orders} orders, and all that is derived from them agrees."
    cure = "; comanda verify --repair puts it right" if any(one.state == "found" for one in wrong) else ""
    return f"{orders} orders, {len(findings)} differences, {len(findings) - len(wrong)} put right{cure}."


@contextmanager
def _failing_with_2() -> Iterator[None]:
    try:
        yield
    except (BadSettings, StoreError) as error:
        problem = str(error)
    except (RedisError, Contended) as error:
        problem = unanswered(error)
    else:
        return
    raise _Unknown(problem)
