"""The Telegram faces: the customer bot, the restaurant bot, the intake both share, and the sandbox."""
