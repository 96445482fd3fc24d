"""The same pipeline on other queues. Each module is imported in the environment that has its library."""
