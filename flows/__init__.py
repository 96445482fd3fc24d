"""What an order is and what follows from each event. Knows no bot, no worker and no Telegram library."""
