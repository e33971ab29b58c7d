"""Importing this registers every scenario."""
from scenarios import (  # noqa: F401
    access,
    bad_input,
    blob,
    cluster,
    coding,
    connections,
    crash,
    deployment,
    encryption,
    framing,
    hot,
    listing,
    memory,
    objects,
    pressure,
    versions,
)
