"""What updates leave to be shown, while Telegram's limits make it wait: of each message the newest picture only.

An update takes effect and its tap is answered at once; its picture is drawn when its chat's turn comes. Until then a
newer picture of the same message takes its place, so that one edit shows what several taps have led to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

Update = dict[str, Any]

BELOW = "below"
"""The place of what is sent anew at the end of a chat."""


@dataclass(frozen=True)
class Picture:
    """What is to be shown at a place of a chat, such as a message; `draw` shows it, as things are by then."""

    chat_id: int
    place: Hashable
    draw: Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Wanted:
    """A picture, and the update that has led to it, the chat's `number`th."""

    update: Update
    picture: Picture
    number: int = 0


class Pictures:
    """The pictures of one chat that are still to be drawn."""

    def __init__(self) -> None:
        self.handled = 0
        """The chat's updates that have taken effect since its first picture was wanted."""
        self._newest: dict[Hashable, Wanted] = {}  # by place, in the order in which places were first wanted
        self._overtaken: list[Wanted] = []  # whose updates are still in the inbox
        self._current: Wanted | None = None  # what is being drawn, or tried again
        self._is_drawing = False

    def add(self, new: Wanted) -> None:
        """Want a picture. It takes the place of an older one, unless that is being drawn."""
        old = self._newest.get(new.picture.place)
        self._newest[new.picture.place] = new
        if old is not None and not (old is self._current and self._is_drawing):
            self._overtaken.append(old)
            if old is self._current:  # it only waits for another try, which won't draw it
                self._current = None

    def take(self) -> Wanted | None:
        """What is to be drawn next; it stays wanted until it is `done`."""
        self._current = next(iter(self._newest.values()), None)
        return self._current

    def begin(self, wanted: Wanted) -> bool:
        """Draw it from now on, unless a newer one has taken its place."""
        self._is_drawing = self._newest.get(wanted.picture.place) is wanted
        return self._is_drawing

    def pause(self) -> None:
        """It is not being drawn any more, or not now: a newer one may take its place."""
        self._is_drawing = False

    def done(self, wanted: Wanted) -> None:
        """It is drawn, given up, or overtaken, and its update struck off."""
        if self._newest.get(wanted.picture.place) is wanted:
            del self._newest[wanted.picture.place]
        self._current = None

    def overtaken(self) -> list[Wanted]:
        """Those whose updates can be struck off: none that is older waits.

        After a death the oldest that waits is handled again, and with it has to be all that followed: what it changes
        once more was perhaps changed back.
        """
        return [one for one in self._overtaken if one.number <= self._oldest]

    def forget(self, overtaken: Wanted) -> None:
        """Its update is struck off."""
        self._overtaken = [one for one in self._overtaken if one is not overtaken]

    @property
    def updates(self) -> set[int]:
        """The ids of the updates that have taken effect, and are still in the inbox."""
        return {wanted.update["update_id"] for wanted in (*self._waiting, *self._overtaken)}

    @property
    def behind(self) -> int:
        """How many updates have taken effect since the oldest one that waits."""
        return max(0, self.handled - self._oldest)

    @property
    def _waiting(self) -> list[Wanted]:
        return [*self._newest.values(), *([self._current] if self._current else [])]

    @property
    def _oldest(self) -> int:
        return min((wanted.number for wanted in self._waiting), default=self.handled)
