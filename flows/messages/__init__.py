"""All wording in one place: what customers read, what staff read, and what both share."""
