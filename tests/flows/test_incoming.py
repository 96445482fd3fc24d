"""What people send that is no tap, and what is answered to it: one of a kind after the other, only the first."""

from __future__ import annotations

from typing import Any

import pytest

from flows.incoming import Kind, is_automatic, sent
from flows.messages.about import UNREAD
from tests.customers import Customer, MemoryShop

CARLA = {"id": 77, "is_bot": False, "first_name": "Carla"}
PLACE = {"latitude": 45.0, "longitude": 7.6}


def message(**content: Any) -> dict[str, Any]:
    return {"message_id": 5, "date": 1, "chat": {"id": 77, "type": "private"}, "from": CARLA, **content}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"text": "hello"}, Kind.TEXT),
        ({"photo": [{"file_id": "x"}], "media_group_id": "1", "caption": "no onions"}, Kind.MEDIA),
        ({"animation": {}, "document": {}}, Kind.MEDIA),
        ({"document": {}}, Kind.MEDIA),
        ({"video_note": {}}, Kind.MEDIA),
        ({"voice": {}}, Kind.VOICE),
        ({"audio": {}}, Kind.VOICE),
        ({"sticker": {}}, Kind.STICKER),
        ({"dice": {"emoji": "🎲", "value": 6}}, Kind.STICKER),
        ({"location": PLACE}, Kind.PLACE),
        ({"location": {**PLACE, "live_period": 28800}}, Kind.PLACE),
        ({"venue": {"location": PLACE}, "location": PLACE}, Kind.PLACE),
        ({"contact": {"phone_number": "1"}}, Kind.CONTACT),
        ({"poll": {}}, Kind.OTHER),
        ({"text": "hello", "via_bot": {"id": 9, "is_bot": True}}, Kind.TEXT),
        ({"text": "hello", "forward_origin": {"type": "user"}}, Kind.TEXT),
    ],
)
def test_what_a_person_sends_is_of_a_kind(content: dict[str, Any], kind: Kind) -> None:
    assert sent({"update_id": 1, "message": message(**content)}) is kind


@pytest.mark.parametrize(
    "service",
    [
        "pinned_message",
        "new_chat_members",
        "left_chat_member",
        "new_chat_title",
        "message_auto_delete_timer_changed",
        "forum_topic_created",
        "forum_topic_closed",
        "general_forum_topic_hidden",
        "write_access_allowed",
        "proximity_alert_triggered",
        "successful_payment",
        "web_app_data",
        "video_chat_started",
        "something_that_is_new_to_us",
    ],
)
def test_what_telegram_tells_of_a_chat_wants_no_answer(service: str) -> None:
    assert sent({"update_id": 1, "message": message(**{service: {"text": "x"}})}) is None


def test_an_edited_text_is_a_kind_and_a_place_that_moves_wants_no_answer() -> None:
    edited = {"edit_date": 2}
    assert sent({"edited_message": message(text="hello", **edited)}) is Kind.EDIT
    assert sent({"edited_message": message(location=PLACE, **edited)}) is None
    assert sent({"edited_message": message(photo=[], caption="x", **edited)}) is None


def test_what_other_bots_and_channels_write_wants_no_answer() -> None:
    bot = {"id": 9, "is_bot": True, "first_name": "Bot"}
    assert sent({"message": message(text="/pause") | {"from": bot}}) is None
    assert is_automatic({"message": message(text="/pause") | {"from": bot}})
    assert sent({"message": message(text="news", is_automatic_forward=True)}) is None
    assert is_automatic({"message": message(text="/pause", is_automatic_forward=True)})
    assert sent({"channel_post": message(text="news")}) is None


def test_an_anonymous_administrator_is_a_person() -> None:
    """Telegram gives the group's own bot as the one who writes, and the group as the sender."""
    chat = {"id": -5, "type": "supergroup"}
    anonymous = {"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}, "sender_chat": chat, "chat": chat}
    assert sent({"message": message(text="/orders") | anonymous}) is Kind.TEXT


UNREADABLE = [kind for kind in Kind if kind is not Kind.TEXT]


class TestAnswers:
    """What Carla reads, who is in the middle of her order."""

    @pytest.fixture
    def carla(self) -> Customer:
        return Customer(MemoryShop()).starts("nonna")

    @pytest.mark.parametrize("kind", UNREADABLE)
    def test_each_kind_gets_words_of_its_own_above_the_screen(self, carla: Customer, kind: Kind) -> None:
        before = carla.screen
        carla.sends_a(kind)
        assert carla.notice.startswith(UNREAD[kind])
        assert len(carla.notice) <= 200
        assert carla.screen == before

    @pytest.mark.parametrize("kind", UNREADABLE)
    def test_of_one_kind_in_a_row_only_the_first_is_answered(self, carla: Customer, kind: Kind) -> None:
        answered = [carla.sends_a(kind).notice for _ in range(10)]
        assert answered[0]
        assert not any(answered[1:])

    def test_another_kind_is_answered_and_so_is_the_same_after_something_else(self, carla: Customer) -> None:
        assert carla.sends_a(Kind.MEDIA).notice
        assert carla.sends_a(Kind.VOICE).notice
        assert carla.sends_a(Kind.MEDIA).notice
        assert carla.types("hello").notice
        assert carla.sends_a(Kind.MEDIA).notice
        carla.taps("Drinks")
        assert carla.sends_a(Kind.MEDIA).notice

    def test_whoever_is_asked_for_a_note_is_told_that_it_has_to_be_a_text(self, carla: Customer) -> None:
        carla.taps("Drinks", "Cola", "Add to cart", "Cart", "Add a note").sends_a(Kind.VOICE)
        assert "I need the note as a plain text message" in carla.notice
        carla.types("no ice")
        assert "no ice" in carla.screen.text

    def test_an_edited_note_is_said_not_to_count(self, carla: Customer) -> None:
        carla.taps("Drinks", "Cola", "Add to cart", "Cart", "Add a note").types("no ice").sends_a(Kind.EDIT)
        assert "does not count" in carla.notice
        assert "no ice" in carla.screen.text
