"""What the report makes of the outcomes, and that the fetched tests are those of the version in use."""

from __future__ import annotations

import telegram

from bot.sandbox import recordings
from bot.sandbox.register import SERVED
from tests.conformance import report, samples, source
from tests.conformance.report import Outcome


def outcome(name: str, outcome: str, reason: str = "") -> Outcome:
    return Outcome(name=f"tests/test_bot.py::{name}", outcome=outcome, reason=reason)


OUTCOMES = [
    outcome("a", "passed"),
    outcome("b", "failed", "AssertionError: 1 == 2"),
    outcome("c", "not served", "sendGame"),
    outcome("d", "not served", "sendDocument"),
    outcome("e", "skipped", "need an inline message"),
    outcome("f", "skipped", "Ignoring TimedOut error: Timed out"),
]


def test_a_promised_method_that_is_missing_and_an_answer_that_never_came_count_as_failures() -> None:
    assert [one.verdict for one in OUTCOMES] == [
        "passed",
        "failed",
        "not applicable",
        "failed",
        "not applicable",
        "failed",
    ]
    assert report.share(OUTCOMES) == 1 / 4


def test_the_table_says_why_a_test_does_not_apply() -> None:
    table = report.table(OUTCOMES)
    assert "sendGame is not served (1); need an inline message (1)" in table
    assert "25.0% of the applicable tests pass." in table


def test_a_listed_test_that_fails_or_has_gone_is_named() -> None:
    listed = [one.name for one in OUTCOMES[:2]] + ["tests/gone.py::x", ""]
    assert report.broken(listed, OUTCOMES) == [OUTCOMES[1].name, "tests/gone.py::x"]
    assert report.passing(OUTCOMES) == f"{OUTCOMES[0].name}\n"


def test_the_tests_that_are_fetched_are_those_of_the_library_in_use() -> None:
    assert source.SOURCE.read_text().split()[0] == f"python-telegram-bot=={telegram.__version__}"


def test_every_method_that_is_promised_is_served() -> None:
    assert set(SERVED) >= report.PROMISED


def test_the_files_that_are_made_have_the_sizes_and_lengths_that_the_tests_expect() -> None:
    made = {name: make() for name, make in samples.SAMPLES.items()}
    films = {"telegram.mp4": (326_534, 5, (360, 640)), "telegram2.mp4": (132_084, 3, (240, 240))}
    recorded = {"telegram.ogg": (9_199, 3, None), "telegram.mp3": (122_920, 3, None)}
    found = {name: (len(file), recordings.seconds(file), recordings.size(file)) for name, file in made.items()}
    assert (films | recorded).items() <= found.items()
