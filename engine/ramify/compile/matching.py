"""Which entries take which nodes: the lists of the repository, the placements and the assertions together."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Assertion
from ramify.model.inventory import Placement
from ramify.model.patterns import Kind, Pattern, selected
from ramify.model.repository import Entry


class Taken(Struct, frozen=True, eq=False):
    """The entries of each list that take a node, in file order; `rule` is the first placement."""

    role: int
    code: tuple[Entry, ...]
    install: tuple[Entry, ...]
    service: tuple[Entry, ...]
    rule: Placement | None
    assertions: tuple[Assertion, ...]


class Lists:
    """All patterns of a bundle in one order, and what a set of them that matches means.

    `Taken.role` is equal for nodes that get the same code and configuration documents.
    """

    def __init__(self, bundle: Bundle) -> None:
        repository = bundle.repository
        self._entries = (repository.code, repository.install, repository.service)
        self._placements = bundle.inventory.placements
        self._assertions = bundle.hierarchy.assertions
        lists = [[entry.patterns for entry in entries] for entries in self._entries]
        lists.append([placement.patterns for placement in self._placements])
        lists.append([_patterns(assertion) for assertion in self._assertions])
        self._patterns = lists
        self._owners = tuple(_owners(lists))
        self._known: dict[frozenset[int], Taken] = {}
        self._roles: dict[tuple[tuple[int, ...], ...], int] = {}

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All patterns, list by list."""
        return tuple(pattern for entries in self._patterns for patterns in entries for pattern in patterns)

    def taken(self, matched: frozenset[int]) -> Taken:
        """What nodes get that just these of `patterns` match."""
        found = self._known.get(matched)
        if found is None:
            found = self._known[matched] = self._taken(matched)
        return found

    def _taken(self, matched: frozenset[int]) -> Taken:
        *entries, rules, assertions = self._indices(matched)
        code, install, service = (
            tuple(listed[at] for at in indices)
            for listed, indices in zip(self._entries, entries, strict=True)
        )
        role = self._roles.setdefault(tuple(entries), len(self._roles))
        rule = self._placements[rules[0]] if rules else None
        return Taken(role, code, install, service, rule, tuple(self._assertions[at] for at in assertions))

    def _indices(self, matched: frozenset[int]) -> list[tuple[int, ...]]:
        """Of each list the entries that are taken; only those that something matched are looked at."""
        touched: dict[tuple[int, int], list[int]] = {}
        for number in sorted(matched):
            owner = self._owners[number]
            touched.setdefault((owner.which, owner.entry), []).append(owner.pattern)
        result: list[list[int]] = [[] for _ in self._patterns]
        for (at, entry), numbers in touched.items():
            if selected(self._patterns[at][entry], frozenset(numbers)):
                result[at].append(entry)
        return [tuple(entries) for entries in result]


class Owner(Struct, frozen=True):
    """Which list, which entry of it, and which pattern of that a number stands for."""

    which: int
    entry: int
    pattern: int


def _owners(lists: Sequence[Sequence[Sequence[Pattern]]]) -> Iterator[Owner]:
    for at, entries in enumerate(lists):
        for entry, patterns in enumerate(entries):
            yield from (Owner(at, entry, pattern) for pattern in range(len(patterns)))


def _patterns(assertion: Assertion) -> tuple[Pattern, ...]:
    return tuple(
        Pattern(text.removeprefix("!"), Kind.GLOB, text.startswith("!"), assertion.origin)
        for text in assertion.match
    )


def tell_dead(
    patterns: Sequence[Pattern], matches: Sequence[frozenset[int]], diagnostics: Diagnostics
) -> None:
    """Warn of patterns that match no node."""
    live = frozenset().union(*matches)
    for at, pattern in enumerate(patterns):
        if at not in live:
            diagnostics.warning(
                "dead-pattern",
                f'pattern "{pattern}" matches no node',
                "`ramify tree` lists the paths that there are.",
                pattern.origin,
            )
