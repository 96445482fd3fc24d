"""Refusals in Telegram's own codes and words (from the texts of tdlib's telegram-bot-api)."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return answer | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(text: str, **parameters: Any) -> ApiError:
    """A refusal with the first letter made small, unless it begins a name as `QUOTE_TEXT_INVALID`."""
    if len(text) > 1 and not (text[1] == "_" or text[1].isupper()):
        text = text[0].lower() + text[1:]
    return ApiError(400, f"Bad Request: {text}", **parameters)


def forbidden(text: str) -> ApiError:
    return ApiError(403, f"Forbidden: {text}")


def kicked(kind: str) -> ApiError:
    return forbidden(f"bot was kicked from the {kind} chat")


def not_a_member(kind: str) -> ApiError:
    return forbidden(f"bot is not a member of the {kind} chat")


def not_served(what: str) -> ApiError:
    """The refusal of what Telegram has and the sandbox has not: the one answer that is not Telegram's."""
    words = f"this sandbox does not serve {what}; GET /control lists the methods that it serves"
    return ApiError(501, f"Not Implemented: {words}")


UNAUTHORIZED = ApiError(401, "Unauthorized")
NOT_FOUND = ApiError(404, "Not Found")
NO_METHOD = ApiError(404, "Not Found: method not found")
EMPTY = bad_request("message text is empty")
BLANK = bad_request("text must be non-empty")
TOO_LONG = bad_request("message is too long")
CAPTION_TOO_LONG = bad_request("message caption is too long")
NO_CHAT = bad_request("chat not found")
NO_MESSAGE_TO_EDIT = bad_request("message to edit not found")
CANT_EDIT = bad_request("message can't be edited")
NOT_MODIFIED = bad_request(
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
NO_MESSAGE_TO_DELETE = bad_request("message to delete not found")
CANT_DELETE = bad_request("message can't be deleted")
KEYBOARD_TOO_LONG = bad_request("reply markup is too long")
BAD_BUTTON_DATA = bad_request("BUTTON_DATA_INVALID")
OLD_QUERY = bad_request("query is too old and response timeout expired or query ID is invalid")
BLOCKED = forbidden("bot was blocked by the user")
NEVER_STARTED = forbidden("bot can't initiate conversation with a user")
DEACTIVATED = forbidden("user is deactivated")
SECOND_POLLER = ApiError(
    409,
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
)
ENDED_BY_WEBHOOK = ApiError(409, "Conflict: terminated by setWebhook request")
WEBHOOK_IS_SET = ApiError(
    409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
