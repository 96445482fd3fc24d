"""Who is told in an outage that nothing has been done yet: each sender once, whichever processes get the update."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bot.excuses import LIFE, MOST, PATIENCE, Excuses

FELLOWS = ("host-1", "host-2", "host-3")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def said(number: int, chat: int = 7) -> dict[str, Any]:
    return {"update_id": number, "message": {"text": "Ciao", "chat": {"id": chat}}}


def numbers(updates: list[dict[str, Any]]) -> list[int]:
    return [update["update_id"] for update in updates]


def test_a_process_alone_tells_each_sender_once() -> None:
    excuses = Excuses("host-1")

    assert numbers(excuses.due([said(1), said(2)], [])) == [1, 2]
    assert numbers(excuses.due([said(1), said(2), said(3)], ["host-1"])) == [3]


def test_of_several_processes_that_get_the_same_update_one_tells() -> None:
    processes = [Excuses(name) for name in FELLOWS]
    told = Counter[int]()
    for chat in range(60):
        for process in processes:
            told.update(numbers(process.due([said(chat, chat)], FELLOWS)))

    assert set(told) == set(range(60))
    assert set(told.values()) == {1}


def test_the_chats_are_shared_among_all_of_them() -> None:
    shares = [len(Excuses(name).due([said(chat, chat) for chat in range(300)], FELLOWS)) for name in FELLOWS]

    assert sum(shares) == 300
    assert min(shares) > 50


def test_whom_nobody_has_told_for_a_while_another_process_tells() -> None:
    clock = Clock()
    mine = [chat for chat in range(60) if Excuses("host-1").due([said(chat, chat)], FELLOWS)]
    others = next(chat for chat in range(60) if chat not in mine)
    excuses = Excuses("host-1", clock)

    assert excuses.due([said(1, others)], FELLOWS) == []
    clock.now += PATIENCE
    assert numbers(excuses.due([said(1, others)], FELLOWS)) == [1]
    assert excuses.due([said(1, others)], FELLOWS) == []


def test_only_so_many_updates_are_remembered_and_each_for_so_long() -> None:
    clock = Clock()
    excuses = Excuses("host-1", clock)
    for number in range(3 * MOST):
        excuses.due([said(number)], [])
    assert len(excuses._noted) <= MOST

    clock.now += LIFE
    excuses.due([said(-1)], [])
    assert len(excuses._noted) == 1


def test_an_update_that_was_handled_is_remembered_no_longer() -> None:
    excuses = Excuses("host-1")
    excuses.due([said(1)], [])

    excuses.settled(said(1))

    assert not excuses._noted
