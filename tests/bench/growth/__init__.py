"""What grows with the number of orders in the store, and what does not."""
