"""Why an entry does not take a path, or that it does: each of its patterns held against the path."""

import re
from collections.abc import Iterator

from msgspec import Struct

from ramify.compile.explain import brings
from ramify.compile.matching import Listed, Lists
from ramify.compile.mismatch import reason
from ramify.model import patterns
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.patterns import Kind, Pattern

_PLACE = re.compile(r".+:\d+(:\d+)?\Z")


class Judged(Struct, frozen=True):
    """One pattern: whether it matches, and why not."""

    pattern: str
    kind: str
    negated: bool
    origin: Origin | None
    matches: bool
    reason: str


class Verdict(Struct, frozen=True):
    """An entry, or a pattern that stands in none (`list` is empty)."""

    list: str
    origin: Origin | None
    brings: str
    takes: bool
    patterns: tuple[Judged, ...]


def verdicts(lists: Lists, text: str, path: str, found: Diagnostics) -> tuple[Verdict, ...]:
    """Of each entry that has the pattern, or stands at the place FILE:LINE; else of the pattern alone."""
    entries = [entry for entry in lists.listed if _is_meant(entry, text)]
    if entries:
        return tuple(_verdict(entry, path) for entry in entries)
    pattern = parse(text, found)
    if pattern is None:
        return ()
    judged = _judged(pattern, path)
    return (Verdict("", None, "", judged.matches != pattern.negated, (judged,)),)


def parse(text: str, found: Diagnostics) -> Pattern | None:
    """A pattern of the command line: as in YAML with a leading slash, as in XML without one."""
    plain = text.removeprefix("!")
    kind = Kind.GLOB if plain.startswith("/") else Kind.PAPER
    made = Pattern(plain, kind, negated=text.startswith("!"))
    wrong = "a pattern cannot be empty" if not plain.strip() else patterns.problem(made)
    if wrong:
        found.error("bad-pattern", wrong, 'Patterns look like "/region*/zone[1-3]/**".')
        return None
    return made


def _is_meant(entry: Listed, text: str) -> bool:
    if _PLACE.match(text) and not text.startswith("/"):
        origins = [entry.item.origin, *(one.origin for one in entry.patterns)]
        return any(f"{origin}:".startswith(f"{text}:") for origin in origins)
    return any(text in {str(one), one.text} for one in entry.patterns)


def _verdict(entry: Listed, path: str) -> Verdict:
    judged = tuple(_judged(one, path) for one in entry.patterns)
    hits = [one for one in judged if one.matches]
    takes = bool(hits) and not any(one.negated for one in hits)
    return Verdict(entry.which, entry.item.origin, brings(entry), takes, judged)


def _judged(pattern: Pattern, path: str) -> Judged:
    why = reason(pattern, path)
    return Judged(str(pattern), pattern.kind.value, pattern.negated, pattern.origin, not why, why)


def used_by(lists: Lists, text: str) -> Iterator[Listed]:
    """The entries that have a pattern, as it is written."""
    return (entry for entry in lists.listed if any(text == str(one) for one in entry.patterns))
