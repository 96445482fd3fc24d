"""The emoji that Telegram takes as reactions (Bot API, ReactionTypeEmoji)."""

from __future__ import annotations

_PICTURE = "\ufe0f"  # asks to show the character before it as a picture; Telegram does not mind whether it is there
_EMOJI = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 "
    "🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 "
    "🤷\u200d♂ 🤷 🤷\u200d♀ 😡"
)
_KNOWN = frozenset(_EMOJI.split())


def is_known(emoji: str) -> bool:
    """Whether people and bots may react with it."""
    return emoji.replace(_PICTURE, "") in _KNOWN
