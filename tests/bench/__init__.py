"""`make bench`: how fast Comanda is, next to the same pipeline on other queues and to what is possible at all."""
