"""What Telegram's refusals mean: one list for the workers, both bots and the doctor.

The words are those of tdlib/telegram-bot-api and of the servers behind it, which speak in capitals (PEER_ID_INVALID).
Libraries change the case of letters, so it does not count. A code of 403 is always about the chat.
"""

from __future__ import annotations

from enum import StrEnum


class Meaning(StrEnum):
    """What to do about a refusal."""

    GONE = "gone"
    """The bot can't write into this chat, and trying again won't help: blocked, removed, restricted, deleted."""
    MOVED = "moved"
    """The group has become a supergroup, which has another id."""
    TOPIC = "topic"
    """The topic is closed or deleted; the chat itself may still take messages."""
    VANISHED = "vanished"
    """The message to edit, delete or reply to is not there, or can't be changed any more: send a new one."""
    UNCHANGED = "unchanged"
    """The message already shows what it is to show: as good as done."""
    OLD_TAP = "old_tap"
    """The tap is too old to be answered; its effect counts all the same."""
    TOO_MANY = "too_many"
    """The same request is welcome later: Telegram says when."""
    NOT_NOW = "not_now"
    """Telegram, or what stands in its place, is not itself just now: the same request may succeed later."""
    MISTAKE = "mistake"
    """Telegram does not understand the request or does not want it: ours to mend."""


_WORDS: tuple[tuple[Meaning, tuple[str, ...]], ...] = (
    (
        Meaning.TOPIC,
        (
            "topic_closed",
            "topic_deleted",
            "topic_id_invalid",
            "message thread not found",
            "thread_id_invalid",
            "forum topic identifier",
            "can't access the topic",
        ),
    ),
    (Meaning.UNCHANGED, ("message is not modified", "message_not_modified")),
    (Meaning.OLD_TAP, ("query is too old", "query id is invalid", "query_id_invalid")),
    (
        Meaning.VANISHED,
        (
            "message to edit not found",
            "message to delete not found",
            "message to be replied not found",
            "message not found",
            "message_not_found",
            "message can't be edited",
            "message can't be deleted",
            "there is no text in the message to edit",
            "message_id_invalid",
            "msg_id_invalid",
            "message_edit_time_expired",
            "message_author_required",
            "message_delete_forbidden",
        ),
    ),
    (Meaning.MOVED, ("upgraded to a supergroup",)),
    (
        Meaning.GONE,
        (
            "chat not found",
            "user not found",
            "group not found",
            "peer_id_invalid",
            "chat_id_invalid",
            "channel_invalid",
            "channel_private",
            "user_is_blocked",
            "user_deleted",
            "input_user_deactivated",
            "user is deactivated",
            "chat was deactivated",
            "chat is deactivated",
            "chat was deleted",
            "was blocked by the user",
            "was kicked from",
            "is not a member of",
            "can't initiate conversation",
            "can't send messages to",
            "can't access the chat",
            "not enough rights",
            "have no rights",
            "have no write access",
            "need administrator rights",
            "chat_admin_required",
            "chat_forbidden",
            "chat_restricted",
            "chat_write_forbidden",
            "chat_guest_send_forbidden",
            "chat_send_plain_forbidden",
            "user_banned_in_channel",
            "allow_payment_required",
        ),
    ),
)


def meaning(code: int, words: str) -> Meaning:
    """What an answer means that is not ok, by its error code and its description."""
    match code:
        case 400:
            said = words.lower()
            return next((one for one, signs in _WORDS if any(sign in said for sign in signs)), Meaning.MISTAKE)
        case 403:
            return Meaning.GONE
        case 413:  # the request is too long
            return Meaning.MISTAKE
        case 429:
            return Meaning.TOO_MANY
        case _:  # 5xx, and 401 or 404, which Telegram also gives for a moment to a token that is good
            return Meaning.NOT_NOW
