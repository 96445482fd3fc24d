"""`make chaos`: anything is killed at any moment, and every acknowledged order still ends well."""
