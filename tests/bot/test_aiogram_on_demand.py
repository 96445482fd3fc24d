"""The restaurant bot's aiogram: nothing is built that is not used, and everything can be."""

from __future__ import annotations

import subprocess
import sys

# Prints how many models are complete after the import, and what can't be built afterwards.
PROGRAM = """
import bot.restaurant
from aiogram import methods, types
from aiogram.methods.base import Response

models = [getattr(module, name) for module in (types, methods) for name in module.__all__]
models = [model for model in models if hasattr(model, "model_rebuild")]
print(len(models), sum(model.__pydantic_complete__ for model in models))

update = types.Update.model_validate({
    "update_id": 1,
    "callback_query": {
        "id": "7", "chat_instance": "1", "data": "accept", "from": {"id": 5, "is_bot": False, "first_name": "Anna"},
        "message": {"message_id": 3, "date": 1, "chat": {"id": -5, "type": "group"}, "text": "Ticket"},
    },
})
print(update.callback_query.message.chat.type, update.event_type)
answer = Response[types.Message].model_validate({"ok": True, "result": update.callback_query.message.model_dump()})
print(type(answer.result).__name__)
keys = types.InlineKeyboardMarkup(inline_keyboard=[[types.InlineKeyboardButton(text="Yes", callback_data="yes")]])
print(methods.SendMessage(chat_id=5, text="Hello", reply_markup=keys).model_dump()["reply_markup"] is not None)

print([model.__name__ for model in models if model.model_rebuild() is False or not model.__pydantic_complete__])
"""


def test_models_are_built_at_their_first_use() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, update, answer, message, unbuilt = done.stdout.splitlines()
    models, complete = map(int, count.split())
    assert models > 400
    assert complete < models / 4
    assert (update, answer, message, unbuilt) == ("group callback_query", "Message", "True", "[]")


def test_other_models_are_built_as_ever() -> None:
    program = """
import bot.aiogram_on_demand
from pydantic import BaseModel

class Later(BaseModel):
    other: "Other"

class Other(BaseModel):
    number: int

print(Later.model_rebuild(), Later(other={"number": "3"}).other.number)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "True 3\n", done.stderr
