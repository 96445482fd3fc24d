"""What members of a chat may do (Bot API, ChatAdministratorRights and ChatPermissions)."""

from __future__ import annotations

from collections.abc import Iterable

from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room

_GENERAL = (
    *("can_manage_chat", "can_change_info", "can_delete_messages", "can_invite_users", "can_restrict_members"),
    *("can_promote_members", "can_manage_video_chats", "can_send_welcome_messages"),
    *("can_post_stories", "can_edit_stories", "can_delete_stories"),
)
_MORE = {
    "group": ("can_pin_messages", "can_manage_tags"),
    "supergroup": ("can_pin_messages", "can_manage_topics", "can_manage_tags"),
    "channel": ("can_post_messages", "can_edit_messages", "can_manage_direct_messages"),
}
MEDIA_PERMISSIONS = (
    *("can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos"),
    *("can_send_video_notes", "can_send_voice_notes"),
)
PERMISSIONS = (
    *("can_send_messages", *MEDIA_PERMISSIONS, "can_send_polls", "can_send_other_messages"),
    *("can_add_web_page_previews", "can_react_to_messages", "can_edit_tag"),
    *("can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics"),
)
# What members may do in a new group: everything but what changes the group itself, as Telegram's apps set it.
USUAL = {name: name not in ("can_change_info", "can_pin_messages", "can_edit_tag") for name in PERMISSIONS}
# The permission that a message needs, by the first of these fields that it has, and what Telegram calls it.
_CONTENT = {
    "animation": ("can_send_other_messages", "animations"),
    "audio": ("can_send_audios", "music"),
    "contact": ("can_send_messages", "contacts"),
    "dice": ("can_send_other_messages", "dice"),
    "document": ("can_send_documents", "documents"),
    "invoice": ("can_send_messages", "invoice messages"),
    "venue": ("can_send_messages", "venues"),
    "location": ("can_send_messages", "locations"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "video_note": ("can_send_video_notes", "video notes"),
    "voice": ("can_send_voice_notes", "voice notes"),
    "text": ("can_send_messages", "text messages"),
}


def names(room: Room) -> tuple[str, ...]:
    """The rights that an administrator of such a chat can have."""
    return _GENERAL + _MORE.get(room.kind, ())


def granted(room: Room, wanted: Iterable[str]) -> Json:
    """An administrator's rights: those wanted, which bring the first one along, as with Telegram."""
    asked = set(wanted)
    rights: Json = {name: name in asked for name in names(room)}
    rights["can_manage_chat"] = any(rights.values()) or "is_anonymous" in asked
    return rights | {"is_anonymous": "is_anonymous" in asked}


def is_administrator(room: Room, member: int) -> bool:
    return room.status_of(member) in ("creator", "administrator")


def may(room: Room, member: int, right: str) -> bool:
    """Whether somebody may do in a chat what a right or permission stands for."""
    status = room.status_of(member)
    if room.kind == "private" or status == "creator":
        return True
    if status == "administrator":
        # An administrator may do what all may, and what its own rights say.
        return bool(room.administrators[member].get(right, right in PERMISSIONS and right not in names(room)))
    return status in ("member", "restricted") and right in PERMISSIONS and permitted(room, member)[right]


def appointed(room: Room, member: int, right: str) -> bool:
    """The same for a bot, which in a basic group has to be an administrator for what it does to the group itself."""
    return may(room, member, right) and (room.kind != "group" or is_administrator(room, member))


def permitted(room: Room, member: int) -> dict[str, bool]:
    """What a member who is no administrator may do: what all may and this one is not kept from."""
    if room.kind == "channel":
        return dict.fromkeys(PERMISSIONS, False)
    own = room.restricted.get(member, {})
    return {name: allowed and own.get(name, True) for name, allowed in everybodys(room).items()}


def everybodys(room: Room) -> dict[str, bool]:
    """What all members of a group may do."""
    return USUAL | room.permissions


def forbidden_content(room: Room, member: int, content: Json) -> str | None:
    """What of a message somebody may not send there, in Telegram's words, or None."""
    needed, what = next((_CONTENT[name] for name in _CONTENT if content.get(name)), _CONTENT["text"])
    return None if may(room, member, needed) else what
