"""Importing this registers every scenario."""
from scenarios import bad_input, connections, crash, deployment, framing, listing, memory, objects  # noqa: F401
