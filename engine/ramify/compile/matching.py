"""Which entries take which nodes: the lists of the repository, the placements and the assertions together."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Assertion
from ramify.model.inventory import Placement
from ramify.model.patterns import Kind, Pattern, selected
from ramify.model.repository import Entry

CODE, INSTALL, SERVICE, PLACEMENTS, ASSERTIONS = (
    "code",
    "install-config",
    "service-config",
    "placements",
    "assert",
)
ROLE = (CODE, INSTALL, SERVICE)
"""The lists that decide what a node is."""


class Taken(Struct, frozen=True, eq=False):
    """The entries of each list that take a node, in file order; `rule` is the first placement."""

    role: int
    code: tuple[Entry, ...]
    install: tuple[Entry, ...]
    service: tuple[Entry, ...]
    rule: Placement | None
    assertions: tuple[Assertion, ...]


class Listed(Struct, frozen=True, eq=False):
    """An entry of a list: `which` is the list's key in its document."""

    which: str
    item: Any
    patterns: tuple[Pattern, ...]


class Lists:
    """All patterns of a bundle in one order, and what a set of them that matches means.

    `Taken.role` is equal for nodes that get the same code and configuration documents.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.listed = tuple(_listed(bundle))
        self._owners = [
            (at, number) for at, entry in enumerate(self.listed) for number in range(len(entry.patterns))
        ]
        self._known: dict[frozenset[int], Taken] = {}
        self._roles: dict[tuple[int, ...], int] = {}

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All patterns, list by list."""
        return tuple(pattern for entry in self.listed for pattern in entry.patterns)

    def touched(self, matched: frozenset[int]) -> dict[int, list[int]]:
        """The entries (by their numbers in `listed`) of which these of `patterns` match some, and which."""
        found: dict[int, list[int]] = {}
        for number in sorted(matched):
            at, pattern = self._owners[number]
            found.setdefault(at, []).append(pattern)
        return found

    def taking(self, matched: frozenset[int]) -> Iterator[int]:
        """The entries (by their numbers in `listed`) that take a node which just these patterns match."""
        # Only entries that something matched are looked at: there may be as many as there are nodes.
        for at, numbers in self.touched(matched).items():
            if selected(self.listed[at].patterns, frozenset(numbers)):
                yield at

    def placing(self, matched: frozenset[int]) -> frozenset[int]:
        """Those of some patterns that belong to placements."""
        return frozenset(at for at in matched if self.listed[self._owners[at][0]].which == PLACEMENTS)

    def taken(self, matched: frozenset[int]) -> Taken:
        """What nodes get that just these of `patterns` match."""
        found = self._known.get(matched)
        if found is None:
            found = self._known[matched] = self._taken(matched)
        return found

    def _taken(self, matched: frozenset[int]) -> Taken:
        by_list: dict[str, list[Any]] = {}
        key = []
        for at in self.taking(matched):
            entry = self.listed[at]
            by_list.setdefault(entry.which, []).append(entry.item)
            if entry.which in ROLE:
                key.append(at)
        role = self._roles.setdefault(tuple(key), len(self._roles))
        code, install, service = (tuple(by_list.get(which, ())) for which in ROLE)
        rule = by_list.get(PLACEMENTS, [None])[0]
        return Taken(role, code, install, service, rule, tuple(by_list.get(ASSERTIONS, ())))


def _listed(bundle: Bundle) -> Iterator[Listed]:
    repository = bundle.repository
    for which, entries in zip(ROLE, (repository.code, repository.install, repository.service), strict=True):
        yield from (Listed(which, entry, entry.patterns) for entry in entries)
    yield from (Listed(PLACEMENTS, rule, rule.patterns) for rule in bundle.inventory.placements)
    yield from (Listed(ASSERTIONS, rule, _patterns(rule)) for rule in bundle.hierarchy.assertions)


def _patterns(assertion: Assertion) -> tuple[Pattern, ...]:
    return tuple(
        Pattern(text.removeprefix("!"), Kind.GLOB, text.startswith("!"), assertion.origin)
        for text in assertion.match
    )


def tell_dead(
    patterns: Sequence[Pattern], matches: Sequence[frozenset[int]], diagnostics: Diagnostics
) -> None:
    """Warn of patterns that match no node."""
    live = frozenset[int]().union(*matches)
    for at, pattern in enumerate(patterns):
        if at not in live:
            diagnostics.warning(
                "dead-pattern",
                f'pattern "{pattern}" matches no node',
                "`ramify tree` lists the paths that there are.",
                pattern.origin,
            )
