"""A repository: three independent lists of patterns and references (HPL 2.2)."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from ramify.model.diagnostics import Origin
from ramify.model.patterns import Pattern

When = dict[str, tuple[str, ...]]
"""Facts, and what each may be: words in which `*` and `?` stand for anything."""

FACTS = (
    "hostname", "os", "kernel", "machine", "cpus", "memory_bytes", "python", "libc", "user", "uid",
)  # fmt: skip
"""What a stub knows of its host."""


class Entry(Struct, frozen=True):
    """Patterns, and what the paths that they take get: a reference, never the data itself.

    Code may be `when` some facts of the host are so; nodes that several such entries take get the first that
    fits, and one without a `when` where none does.
    """

    patterns: tuple[Pattern, ...]
    ref: str
    origin: Origin
    when: When = {}


def fits(when: When, facts: Mapping[str, object]) -> bool:
    """Whether facts are as they shall be."""
    return all(
        any(fnmatchcase(str(facts.get(name, "")), word) for word in words) for name, words in when.items()
    )


def shown(when: When) -> str:
    """A `when` in a few words."""
    return ", ".join(f"{name} {' or '.join(words)}" for name, words in when.items())


class Repository(Struct, frozen=True):
    """The three lists, in file order."""

    code: tuple[Entry, ...] = ()
    install: tuple[Entry, ...] = ()
    service: tuple[Entry, ...] = ()
