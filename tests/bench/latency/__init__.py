"""From a tap to the ticket: how soon the restaurant hears of an order."""
