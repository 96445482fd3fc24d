"""What Telegram says of a field that is missing or not of its type (tdlib, JsonObject)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

Json = dict[str, Any]

_TYPES = {
    "bool": "of type Boolean",
    "dict": "of type Object",
    "int": "a Number",
    "list": "of type Array",
    "model": "of type Object",
    "string": "of type String",
}


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_number_as_text)]  # Telegram takes a number for a text


class Given(BaseModel):
    """An object in a request. Fields that it does not name are kept."""

    model_config = ConfigDict(extra="allow", strict=True)


def complaint(error: ValidationError) -> str:
    """What is wrong with the first field that is."""
    first = error.errors()[0]
    name = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "")
    if first["type"] == "missing":
        return f'Can\'t find field "{name}"'
    kind = first["type"].partition("_")[0]
    return f'Field "{name}" must be {_TYPES[kind]}' if kind in _TYPES else f'Field "{name}" is invalid'


def plainly(error: ValidationError) -> str:
    """What is wrong with the first field that is, in words for people."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"])) or "the request"
    limits = first.get("ctx", {})
    match first["type"]:
        case "json_invalid":
            return "that is no JSON"
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            return f"there is no field {name}"
        case "string_too_long":
            return f"{name} is longer than {limits['max_length']} characters"
        case "value_error":
            return f"{name} {limits['error']}"
        case "string_too_short" | "too_short":
            return f"{name} is empty" if limits["min_length"] == 1 else f"{name} is too short"
    kind, _, problem = first["type"].partition("_")
    if kind in _TYPES and problem in ("type", "parsing"):
        return f"{name} must be {_TYPES[kind]}"
    return f"{name} is not as it has to be"
