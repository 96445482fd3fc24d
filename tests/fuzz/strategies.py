"""Inputs: anything at all, and what is nearly right."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

HUGE = (2**31, 2**63, -(2**63) - 1, 10**39, 10**400)
ODD_TEXTS = (
    *("", " ", "\x00", "\ud800", "\u202e", "مريم", "🍕" * 40, "<b>", "&", "/", "/start", "a:b", "{}", "%s", "$(x)"),
    *("NaN", "1e999999", "-1", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-03-14T12:00:00", "../etc/passwd"),
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 100)
    | st.sampled_from(HUGE)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(ODD_TEXTS)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, original: Any, most: int = 3) -> Any:
    """The same tree of JSON with something else, something more or something less in up to `most` places."""
    for _ in range(draw(st.integers(1, most))):
        original = _changed(draw, original)
    return original


def _changed(draw: st.DrawFn, node: Any) -> Any:
    if not isinstance(node, dict | list) or not node:
        return draw(values)
    copy = node.copy()
    key = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
    what = draw(st.integers(0, 9))
    if what == 0:
        del copy[key]
    elif what == 1:
        copy[key] = draw(values)
    elif what == 2 and isinstance(copy, dict):
        copy[draw(st.text(max_size=8))] = draw(values)
    elif what == 3 and isinstance(copy, list):
        copy.append(copy[key])
    else:
        copy[key] = _changed(draw, node[key])
    return copy


@st.composite
def damaged(draw: st.DrawFn, original: str) -> bytes:
    """The bytes of a text with some cut out and others in their place, as a broken disk or hand leaves them."""
    data = original.encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(data)))
    cut = draw(st.integers(0, 12) | st.just(len(data)))
    return data[:at] + draw(st.binary(max_size=6)) + data[at + cut :]


def stored(*originals: Any) -> st.SearchStrategy[bytes]:
    """Stored JSON as it should not be: foreign, mutated or damaged; and now and then as it should be."""
    good = st.sampled_from(originals)
    return (
        good.flatmap(mutated).map(as_bytes)
        | good.map(json.dumps).flatmap(damaged)
        | values.map(as_bytes)
        | st.binary(max_size=40)
        | good.map(as_bytes)
        | st.sampled_from([b"Infinity", b'{"v":1e999}', b"\xff\xfe{", b"null"])
    )


def as_bytes(tree: Any) -> bytes:
    """JSON of a tree. Half a surrogate pair is escaped, as JSON can hold it."""
    return json.dumps(tree).encode()
