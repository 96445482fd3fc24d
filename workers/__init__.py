"""What runs behind the bots: the RQ worker and its jobs, the clock, delivery to Telegram, and the command line."""
