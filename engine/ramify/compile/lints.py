"""Lints: what is allowed and probably not meant. Asked for by `ramify validate` only, for they cost time.

Each is a rule over the nodes that there are, so that it can say which nodes it speaks of; none of them
warns of general entries first and special ones after, since that is what lists are for.
"""

from collections.abc import Callable, Sequence

from ramify.compile import late_names, overrides
from ramify.compile.fleet import Fleet
from ramify.compile.matching import PLACEMENTS, Listed
from ramify.compile.realms import Realm
from ramify.model.diagnostics import Diagnostic, Diagnostics

MAX_NAMED = 3


def lint(fleet: Fleet) -> Diagnostics:
    """Everything that the lints find, by place; nothing where there is no tree."""
    found = Diagnostics()
    for rule in _RULES:
        rule(fleet, found)
    return Diagnostics(sorted(found, key=_place))


def _place(item: Diagnostic) -> tuple[str, int, int]:
    origin = item.origin
    return (origin.file, origin.line, origin.column) if origin else ("", 0, 0)


def unreachable(fleet: Fleet, found: Diagnostics) -> None:
    """Patterns that match nodes, all of which `!patterns` of the same entry take away."""
    for realm in fleet.realms:
        _unreachable(realm, found)


def _unreachable(realm: Realm, found: Diagnostics) -> None:
    lists = realm.lists
    live: set[tuple[int, int]] = set()
    taken_by: dict[tuple[int, int], set[int]] = {}
    for matched in realm.matched:
        for at, numbers in lists.touched(matched).items():
            patterns = lists.listed[at].patterns
            negated = [number for number in numbers if patterns[number].negated]
            plain = [(at, number) for number in numbers if not patterns[number].negated]
            if not negated:
                live.update(plain)
            for key in plain:
                taken_by.setdefault(key, set()).update(negated)
    for at, number in sorted(taken_by.keys() - live):
        _tell_unreachable(lists.listed[at], number, taken_by[at, number], found)


def _tell_unreachable(entry: Listed, number: int, takers: set[int], found: Diagnostics) -> None:
    pattern = entry.patterns[number]
    named = " and ".join(f'"{entry.patterns[taker]}"' for taker in sorted(takers)[:MAX_NAMED])
    found.warning(
        "unreachable",
        f'pattern "{pattern}" takes no node: {named} of the same entry takes all that it matches away',
        "Remove one of them.",
        pattern.origin,
    )


def shadowed_placements(fleet: Fleet, found: Diagnostics) -> None:
    """Placements that one before them leaves no node to.

    A `/**` at the end is no such one: it is there for nodes that may come.
    """
    for realm in fleet.realms:
        _shadowed_placements(realm, found)


def _shadowed_placements(realm: Realm, found: Diagnostics) -> None:
    nodes, first = _placed_sets(realm)
    rules = {at: realm.lists.listed[at] for at in nodes}
    for at in sorted(nodes.keys() - first):
        earlier = next((other for other in sorted(first) if other < at and nodes[at] <= nodes[other]), None)
        if earlier is not None and not _is_net(rules[at]):
            found.warning(
                "shadowed",
                f"placement takes no node: {rules[earlier].item.origin} takes all of its nodes first",
                "The first one that takes a node decides: put special placements before general ones.",
                rules[at].item.origin,
            )


def _placed_sets(realm: Realm) -> tuple[dict[int, set[int]], set[int]]:
    """Of each placement the nodes that it takes (by sets of patterns), and which are first for any."""
    nodes: dict[int, set[int]] = {}
    first: set[int] = set()
    for number, matched in enumerate(realm.matched):
        taking = [at for at in realm.lists.taking(matched) if realm.lists.listed[at].which == PLACEMENTS]
        first.update(taking[:1])
        for at in taking:
            nodes.setdefault(at, set()).add(number)
    return nodes, first


def _is_net(rule: Listed) -> bool:
    return any(pattern.text == "/**" for pattern in rule.patterns)


_RULES: Sequence[Callable[[Fleet, Diagnostics], None]] = (
    unreachable,
    shadowed_placements,
    overrides.check,
    late_names.undefined,
)
