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
