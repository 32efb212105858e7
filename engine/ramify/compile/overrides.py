"""Lints on values that several entries of one list give: entries that give nothing, and unclear winners.

An entry that comes later may say something else about nodes that an earlier one speaks of too: that is how a
special case is written. It must then speak of no other node. Where it does, neither of the two is the special
case, so that the order of the file alone decides, and a reader cannot tell whether it was meant to.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ramify.compile.classes import in_force
from ramify.compile.contributions import Contribution, Key, by_key, contributions
from ramify.compile.fleet import Fleet
from ramify.compile.problems import first_of
from ramify.model.configuration import Configuration
from ramify.model.diagnostics import Diagnostics
from ramify.model.repository import Entry

MAX_NAMED = 3

Documents = dict[str, Configuration]


class _Clash(Struct):
    """Two entries that say different things about the same nodes: what first, and in which roles."""

    earlier: Contribution
    later: Contribution
    keys: dict[Key, None]
    roles: set[int]


class _List:
    """What the entries of one list come to, over all roles; entries are told apart by their ids."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.roles: dict[int, set[int]] = {}
        self.working: set[int] = set()
        self.winners: dict[int, dict[int, Entry]] = {}
        self.clashes: dict[tuple[int, int], _Clash] = {}

    def add(self, role: int, entries: Sequence[Entry], documents: Documents) -> None:
        """One more role, which these entries take."""
        for entry in entries:
            self.entries[id(entry)] = entry
            self.roles.setdefault(id(entry), set()).add(role)
        given = list(contributions(entries, documents))
        self._work(entries, given, documents)
        for key, rivals in by_key(given).items():
            self._rivals(role, key, rivals)

    def _work(self, entries: Sequence[Entry], given: list[Contribution], documents: Documents) -> None:
        says = {id(one.entry) for one in given}
        applies = {id(entry): entry for entry in in_force(entries)}
        by_ref = {entry.ref: entry for entry in applies.values()}
        for entry in entries:
            if id(entry) not in applies:
                self.winners.setdefault(id(entry), {})[id(by_ref[entry.ref])] = by_ref[entry.ref]
            elif id(entry) not in says or entry.ref not in documents:
                self.working.add(id(entry))  # it is empty, or nobody knows what it says: no opinion
        # An argument that is overridden still decides at which place the argument stands.
        self.working.update(id(one.entry) for one in given if one.adds_up or one.kind == "args")

    def _rivals(self, role: int, key: Key, rivals: list[Contribution]) -> None:
        *others, winner = rivals
        self.working.add(id(winner.entry))
        for other in others:
            self.winners.setdefault(id(other.entry), {})[id(winner.entry)] = winner.entry
            if other.text != winner.text:
                pair = (id(other.entry), id(winner.entry))
                clash = self.clashes.setdefault(pair, _Clash(other, winner, {}, set()))
                clash.keys[key] = None
                clash.roles.add(role)

    def shadowed(self) -> Iterator[Entry]:
        """Entries that give no node anything."""
        return (entry for at, entry in self.entries.items() if at not in self.working)

    def unclear(self) -> Iterator[_Clash]:
        """Clashes in which the later entry is no special case of the earlier one."""
        for (earlier, later), clash in self.clashes.items():
            if earlier in self.working and not self.roles[later] <= self.roles[earlier]:
                yield clash


def check(fleet: Fleet, found: Diagnostics) -> None:
    """Tell shadowed entries and unclear winners of both lists of configurations."""
    for realm in fleet.realms:
        roles = {taken.role: taken for taken in map(realm.lists.taken, realm.matched)}
        for install in (True, False):
            made = _List()
            for role, taken in roles.items():
                made.add(role, taken.install if install else taken.service, realm.bundle.configurations)
            for entry in made.shadowed():
                _tell_shadowed(entry, made.winners.get(id(entry), {}).values(), found)
            for clash in made.unclear():
                nodes = [node for node in fleet.tree.nodes if node.realm == realm.number]
                named = [node.path for node in nodes if fleet.taken(node).role in clash.roles]
                _tell_unclear(clash, named, found)


def _tell_shadowed(entry: Entry, winners: Iterable[Entry], found: Diagnostics) -> None:
    places = [str(winner.origin) for winner in winners]
    named = " and ".join(places[:MAX_NAMED]) + (" and others" if len(places) > MAX_NAMED else "")
    found.warning(
        "shadowed",
        f'entry "{entry.ref}" gives no node anything: {named} overrides all of its values',
        "Later entries win: remove this one, or put it after those.",
        entry.origin,
    )


def _tell_unclear(clash: _Clash, nodes: Sequence[str], found: Diagnostics) -> None:
    earlier, later = clash.earlier, clash.later
    more = f" (and {len(clash.keys) - 1} more)" if len(clash.keys) > 1 else ""
    found.warning(
        "two-values",
        f'{first_of(nodes)}: "{later.name}"{more} gets two values, '
        f"at {earlier.origin} and, winning, at {later.origin}",
        f"The entry at {earlier.entry.origin} comes first, and this one is no special case of it: it takes "
        "other nodes too. Narrow this one, or take nodes away from one of the two with `!pattern`.",
        later.entry.origin,
    )
