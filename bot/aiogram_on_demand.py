"""aiogram with its models built when they are first used. Import this before anything of aiogram.

aiogram builds all of its 444 models while it is imported (https://github.com/aiogram/aiogram/issues/1876); a bot uses a
tenth of them. That takes two thirds of the import's time and 100 MB (see docs/decisions/0026-aiogram-on-demand.md).
pydantic builds an incomplete model by itself when it is first used; all it lacks is the names that the annotations
mention, which aiogram tells only once. `tests/bot/test_aiogram_on_demand.py` builds every one of them like that.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_names: dict[str, Any] = {}
_pydantics = vars(BaseModel)["model_rebuild"]
_build = _pydantics.__func__


def _note(cls: type[BaseModel], /, **options: Any) -> bool | None:
    """In place of `model_rebuild` while aiogram is imported: keep the names, and build nothing of it."""
    if not cls.__module__.startswith("aiogram."):
        return bool(_build(cls, **options))
    _names.update(options.get("_types_namespace") or {})
    return None


def _on_demand(cls: type[BaseModel], /, **options: Any) -> bool | None:
    """`model_rebuild` of aiogram's models afterwards: pydantic calls it at their first use."""
    built: bool | None = _build(cls, **{"_types_namespace": _names, **options})
    return built


BaseModel.model_rebuild = classmethod(_note)  # type: ignore[assignment, method-assign]
try:
    from aiogram.client.context_controller import BotContextController
    from aiogram.methods import Response
finally:
    BaseModel.model_rebuild = _pydantics  # type: ignore[method-assign]
for _base in (BotContextController, Response):  # of all types and methods, and of what Telegram answers
    _base.model_rebuild = classmethod(_on_demand)  # type: ignore[assignment, method-assign]
