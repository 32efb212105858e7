"""A repository: three independent lists of patterns and references (HPL 2.2)."""

from msgspec import Struct

from ramify.model.diagnostics import Origin
from ramify.model.patterns import Pattern


class Entry(Struct, frozen=True):
    """Patterns, and what the paths that they take get: a reference, never the data itself."""

    patterns: tuple[Pattern, ...]
    ref: str
    origin: Origin


class Repository(Struct, frozen=True):
    """The three lists, in file order."""

    code: tuple[Entry, ...] = ()
    install: tuple[Entry, ...] = ()
    service: tuple[Entry, ...] = ()
