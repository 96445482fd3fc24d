"""Button payloads: each comes back as it was sent, in 64 bytes, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.callbacks import (
    LIMIT,
    Accept,
    BadPayload,
    CancelMine,
    CustomerTap,
    Place,
    ShowMenu,
    StaffTap,
    decode,
    encode,
    order_of,
)
from flows.events import CancelReason, DeclineReason

ID = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=12, max_size=12)
SLUG = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?", fullmatch=True)
REASON = st.sampled_from([*DeclineReason, *CancelReason]).map(str)
SMALL = st.integers(-99, 99)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "slug": SLUG,
    "item": SLUG,
    "cart": ID,
    "order": ID,
    "reason": REASON,
    "seen": st.text("0123456789abcdef", min_size=4, max_size=4),
    "menu": st.text("0123456789abcdef", min_size=4, max_size=4),
    "group": st.integers(0, 9),
    "option": st.integers(0, 19),
    "line": st.integers(0, 19),
    "by": st.sampled_from([-1, 1]),
}
KINDS = [*typing.get_args(CustomerTap), *typing.get_args(StaffTap)]


def taps(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any tap of that kind with ids as long as they may be."""
    return st.builds(kind, **{field.name: FIELDS.get(field.name, SMALL) for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_payload_comes_back_as_it_was_sent_and_fits(kind: type[Any], data: st.DataObject) -> None:
    tap = data.draw(taps(kind))
    payload = encode(tap)
    assert decode(payload) == tap
    assert len(payload.encode()) <= LIMIT


@given(st.text(max_size=64))
def test_anything_else_is_a_bad_payload_and_nothing_worse(payload: str) -> None:
    try:
        tap = decode(payload)
    except BadPayload:
        return
    assert encode(tap).split(":")[0] == payload.split(":", maxsplit=1)[0]


@pytest.mark.parametrize("payload", ["0pl:0rder0000001", "2pl:0rder0000001", "9xx"])
def test_a_payload_of_another_version_says_so(payload: str) -> None:
    with pytest.raises(BadPayload) as caught:
        decode(payload)
    assert caught.value.outdated


@pytest.mark.parametrize(
    "payload", ["", "1", "1zz", "1pl", "1pl:a:b:c", "1os:x", "1pl:", "1me:two words", "1me:a\n", "pl:1"]
)
def test_a_payload_that_nobody_of_us_made_is_refused(payload: str) -> None:
    with pytest.raises(BadPayload) as caught:
        decode(payload)
    assert not caught.value.outdated


@pytest.mark.parametrize(
    ("payload", "order"),
    [
        (encode(Accept("0rder0000001", 10)), "0rder0000001"),
        (encode(CancelMine("0rder0000001")), "0rder0000001"),
        (encode(Place("0rder0000001", "a1b2c3")), "0rder0000001"),
        (encode(ShowMenu("nonna")), None),
        ("0ax:0rder0000001:10", None),
        ("1ax:order:1:10", None),
        ("", None),
        (None, None),
        (["1ko:0rder0000001"], None),
    ],
)
def test_the_order_that_a_button_is_on_or_makes_is_known(payload: object, order: str | None) -> None:
    assert order_of(payload) == order
