"""Explaining: every entry that takes a node, and all that was written about each of its values, in order."""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

from ramify.compile import sealed, templates, variables
from ramify.compile.classes import PartClass, in_force
from ramify.compile.contributions import Contribution, by_key, contributions
from ramify.compile.fleet import Fleet
from ramify.compile.matching import INSTALL, PLACEMENTS, SERVICE, Listed
from ramify.compile.references import as_text
from ramify.compile.slots import Slot, UnusableValueError, render
from ramify.compile.templates import Reach
from ramify.compile.tree import Node
from ramify.model.diagnostics import Origin
from ramify.model.inventory import Placement
from ramify.model.repository import Entry, shown
from ramify.model.vaulted import as_written

WINS, OVERRIDDEN, APPLIES, NOT_REACHED, REFUSED = "wins", "overridden", "applies", "not reached", "refused"
IF_IT_FITS = "if it fits the host"


class Use(Struct, frozen=True):
    """An entry that takes a node: by which pattern, what it brings, and what became of that."""

    list: str
    origin: Origin
    pattern: str
    brings: str
    outcome: str


class Said(Struct, frozen=True):
    """One thing that was written about a value, and by what it reached the node."""

    outcome: str
    origin: Origin
    text: str
    by: str


class Read(Struct, frozen=True):
    """A name that a value's template uses, and what it stood for; `origin` where that was written."""

    name: str
    text: str | None
    origin: Origin | None


class Explained(Struct, frozen=True):
    """A value: `text` is None when it is known on the host only, or cannot be made (`problem`)."""

    key: str
    text: str | None
    said: tuple[Said, ...]
    reads: tuple[Read, ...] = ()
    problem: str = ""


class Explanation(Struct, frozen=True):
    """All that made a node what it is."""

    path: str
    host: str
    entries: tuple[Use, ...]
    values: tuple[Explained, ...]


def explain(fleet: Fleet, node: Node) -> Explanation:
    """Explain a node; works on a fleet with errors too, as far as that is possible."""
    host = fleet.host_of(node.path)
    values = _Values(fleet, node)
    return Explanation(
        node.path,
        host.name if host else "",
        tuple(uses(fleet, node)),
        (*values.variables(), *values.slots()),
    )


def uses(fleet: Fleet, node: Node) -> Iterator[Use]:
    """The entries that take a node, list by list in file order."""
    taken = fleet.taken(node)
    alive = {id(entry) for entry in (*in_force(taken.install), *in_force(taken.service))}
    for lists, matched in fleet.matching(node):
        touched = lists.touched(matched)
        for at in lists.taking(matched):
            entry = lists.listed[at]
            pattern = next(p for p in (entry.patterns[n] for n in touched[at]) if not p.negated)
            outcome = _outcome(fleet, node, entry, alive)
            yield Use(entry.which, entry.item.origin, str(pattern), brings(entry), outcome)


def brings(entry: Listed) -> str:
    """What an entry gives to whom it takes: a reference, a host, a condition."""
    item = entry.item
    if isinstance(item, Placement):
        return item.host or "a host with " + ", ".join(
            f"{key}={value}" for key, value in (item.pool or {}).items()
        )
    if isinstance(item, Entry):
        return f"{item.ref} when {shown(item.when)}" if item.when else item.ref
    return str(item.that)


def _outcome(fleet: Fleet, node: Node, entry: Listed, alive: set[int]) -> str:
    taken = fleet.taken(node)
    match entry.which:
        case "code":
            plain = {one.ref for one in taken.code if not one.when}
            if entry.item.when:
                return IF_IT_FITS
            return WINS if len(plain) == 1 else REFUSED
        case "placements":
            return WINS if entry.item is fleet.rule_of(node) else NOT_REACHED
        case "install-config" | "service-config" if id(entry.item) not in alive:
            return OVERRIDDEN
    return APPLIES


class _Values:
    """The values of one node, with all that was written about each."""

    def __init__(self, fleet: Fleet, node: Node) -> None:
        self._fleet = fleet
        self._node = node
        self._made = fleet.class_of(node)
        self._context = fleet.context(node)
        self._by = {id(use_of): f'{use.origin} "{use.pattern}"' for use_of, use in self._entries()}

    def _entries(self) -> Iterator[tuple[Any, Use]]:
        by_origin = {
            use.origin: use for use in uses(self._fleet, self._node) if use.list in {INSTALL, SERVICE}
        }
        taken = self._fleet.taken(self._node)
        yield from ((entry, by_origin[entry.origin]) for entry in (*taken.install, *taken.service))

    def variables(self) -> Iterator[Explained]:
        """Variables, by name."""
        written = variables.history(self._fleet.realm_of(self._node).bundle.hierarchy, self._node)
        for name in sorted(written):
            told = zip(variables.outcomes(written[name]), written[name], strict=True)
            said = tuple(
                Said(outcome, one.origin, _json(sealed.shown(one.value)), one.label) for outcome, one in told
            )
            yield Explained(f"vars.{name}", _json(sealed.shown(self._node.scope.values[name])), said)

    def slots(self) -> Iterator[Explained]:
        """What the installer is given, then what the service is given."""
        taken = self._fleet.taken(self._node)
        for name, part, entries in (
            ("install", self._made.install, taken.install),
            ("service", self._made.service, taken.service),
        ):
            given = list(contributions(entries, self._fleet.realm_of(self._node).bundle.configurations))
            yield from self._part(name, part, given)

    def _part(self, name: str, part: PartClass, given: list[Contribution]) -> Iterator[Explained]:
        rivals = by_key(given)
        numbers: dict[str, int] = {}
        for slot in part.slots:
            at = numbers[slot.kind] = numbers.get(slot.kind, -1) + 1
            own = rivals.get((slot.kind, slot.name)) or [
                one for one in given if one.origin == slot.origins[-1]
            ]
            key = f"{name}.{slot.kind}.{slot.name or at}"
            text, problem = self._text(slot)
            yield Explained(key, text, tuple(self._said(slot, own)), tuple(self._reads(slot)), problem)

    def _text(self, slot: Slot) -> tuple[str | None, str]:
        if slot.template.reach is Reach.FACTS:
            return None, ""
        try:
            return render(slot, self._context), ""
        except UnusableValueError as error:
            return None, str(error)

    def _said(self, slot: Slot, given: list[Contribution]) -> Iterator[Said]:
        component = self._made.component
        if component and slot.parameter.default is not None:
            place = component.origin or Origin(component.ref, 1, 1)
            outcome = OVERRIDDEN if given else WINS
            yield Said(outcome, place, json.dumps(slot.parameter.default), f"default of {component.ref}")
        for one in given:
            outcome = WINS if one is given[-1] else OVERRIDDEN
            yield Said(outcome, one.origin, _json(as_written(one.text)), self._by[id(one.entry)])

    def _reads(self, slot: Slot) -> Iterator[Read]:
        for reference in templates.references(slot.template):
            value = templates.look_up(reference, self._context)
            origin = self._node.scope.origins.get(".".join(reference[1:])) if reference[0] == "vars" else None
            yield Read(as_written(".".join(reference)), as_text(value), origin)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def narrowed(made: Explanation, key: str) -> Explanation | None:
    """Only what a key asks for: a list, a value by its whole name or its end, or all values below a name."""
    entries = tuple(use for use in made.entries if use.list == key or (key, use.list) == ("host", PLACEMENTS))
    whole = [one for one in made.values if one.key == key or one.key.startswith(f"{key}.")]
    ends = [one for one in made.values if one.key.endswith(f".{key}")]
    loose = [one for one in made.values if one.key.lower().endswith(f".{key.lower()}")]
    values = tuple(whole or ends or loose)
    return structs.replace(made, entries=entries, values=values) if entries or values else None


def keys(made: Explanation) -> set[str]:
    """All that `narrowed` knows, long and short."""
    names = {one.key for one in made.values}
    return names | {name.partition(".")[2].partition(".")[2] or name.partition(".")[2] for name in names}
