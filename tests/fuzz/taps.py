"""What a button may carry when it is not one of ours: nonsense, other versions, and our verbs with other fields."""

from __future__ import annotations

from hypothesis import strategies as st

from flows.callbacks import _VERBS, LIMIT
from flows.events import CancelReason, DeclineReason

ORDER = "0rder0000001"
CART = "cart00000001"

verbs = st.sampled_from(sorted(_VERBS)) | st.text(max_size=3)
fields = (
    st.sampled_from([ORDER, CART, "nonna", "margherita", "cola", "stew", "0", "1", "-1", "10", "20", "99", "1_0", "-"])
    | st.sampled_from([*map(str, DeclineReason), *map(str, CancelReason)])
    | st.integers(-3, 100).map(str)
    | st.sampled_from(["9" * 40, "-" + "9" * 39, "0" * 40, "00000000000_", "Ⅷ", "٣", "1\n", ""])
    | st.text("0123456789abcdef", min_size=4, max_size=4)
    | st.text(max_size=8)
)


def payloads(*known: str) -> st.SearchStrategy[str]:
    """Payloads of at most 64 bytes, as any client may send them; `known` ones are among them, as they are and bent."""
    ours = st.builds(lambda verb, rest: ":".join([f"1{verb}", *rest]), verbs, st.lists(fields, max_size=5))
    bent = st.builds(
        lambda payload, at, cut, typed: payload[:at] + typed + payload[at + cut :],
        st.sampled_from(known or ("1rs",)),
        st.integers(0, LIMIT),
        st.integers(0, 4),
        st.text(max_size=4),
    )
    return (ours | ours | bent | st.text(max_size=LIMIT) | st.sampled_from(known or ("1rs",))).map(_cut)


def _cut(payload: str) -> str:
    return payload.encode()[:LIMIT].decode("utf-8", "ignore")
