"""Orders through all five events: a worker, a driver who plays the people, and a stand-in for Telegram."""
