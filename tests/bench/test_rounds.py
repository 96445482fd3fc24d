"""Figures of repeated measurements."""

from __future__ import annotations

from tests.bench.report import Row, Section
from tests.bench.rounds import figure, interleaved, percentile, ratio


def test_a_figure_is_the_median_with_its_spread() -> None:
    assert str(figure([3.0, 100.0, 1.0])) == "3 (1 to 100)"
    assert str(figure([1234.5])) == "1,234"


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_round_is_in_neither() -> None:
    assert ratio([20.0, 2.0], [10.0, 1.0]) == figure([2.0, 2.0])


def test_everybody_has_a_turn_in_each_round_and_the_order_is_the_same_whenever_it_is_run() -> None:
    turns = list(interleaved("abcdef", 3))
    assert turns == list(interleaved("abcdef", 3))
    rounds = ["".join(name for number, name in turns if number == one) for one in range(3)]
    assert [sorted(one) for one in rounds] == [list("abcdef")] * 3
    assert len(set(rounds)) == 3


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 0.999)] == [51, 100, 100]


def test_a_section_is_a_table_with_its_aims() -> None:
    rows = [Row("comanda", {"orders/s": figure([120.0])}), Row("rq", {"orders/s": figure([12.0]), "note": "alone"})]
    assert Section("pipeline", "Pipeline", rows, ["10 × the best peer"]).table().splitlines() == [
        "Pipeline",
        "========",
        "         orders/s  note",
        "comanda  120",
        "rq       12        alone",
        "- 10 × the best peer",
    ]
