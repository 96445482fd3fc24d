"""Waiting between tries: ever longer, never past the end, and never past whoever wants the waiter gone."""

from __future__ import annotations

import asyncio
import math

import pytest

from flows.backoff import FIRST, LONGEST, Backoff, granted, pause


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(longest=1.0)
    for most in (FIRST, 2 * FIRST, 4 * FIRST, 1.0, 1.0):
        assert most / 2 <= backoff.next() <= most
    backoff.reset()
    assert backoff.next() <= FIRST


def test_a_wish_to_wait_is_granted_as_far_as_it_makes_sense() -> None:
    assert Backoff().next(at_least=30.0) == 30.0
    assert Backoff().next(at_least=1e12) == 86_400.0
    assert [granted(asked) for asked in (-5, 0, math.nan, 2.5, math.inf, 10**400)] == [1, 1, 1, 2.5, LONGEST, LONGEST]


async def test_a_pause_ends_with_its_time_or_its_event() -> None:
    until = asyncio.Event()
    await pause(0.01, until)
    until.set()
    await pause(3600.0, until)


async def test_who_is_cancelled_in_a_pause_is_cancelled_although_the_event_comes_at_the_same_moment() -> None:
    until = asyncio.Event()
    waiting = asyncio.create_task(pause(3600.0, until))
    await asyncio.sleep(0)
    until.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
