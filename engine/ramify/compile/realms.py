"""Realms: what one repository speaks for. A project is one, every domain below it another (HPL 5.6, H43).

In a realm patterns, templates and digests know paths that begin at its top, so that a domain means the same
wherever it is mounted, and can be signed by itself. Where it is mounted is known to the fleet alone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ramify.compile import merging
from ramify.compile.classes import Classes
from ramify.compile.hosts import hosts
from ramify.compile.matching import Lists
from ramify.compile.place import Placer
from ramify.compile.problems import Problems
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Domain, NodeSpec
from ramify.model.patterns import Matcher

if TYPE_CHECKING:
    from ramify.model.inventory import Host


class Realm:
    """One repository with its hierarchy; mounted in two places it is still one.

    `places` is the realm whose inventory places its nodes: itself, or one around it. `matched` are the sets
    of patterns (by their numbers in `lists`) that match a node, each once.
    """

    def __init__(self, number: int, bundle: Bundle, outer: "Realm | None", domain: Domain | None) -> None:
        self.number = number
        self.bundle = bundle
        self.lists = Lists(bundle)
        self.matcher = Matcher(self.lists.patterns)
        self.classes = Classes(bundle)
        self.places: Realm = outer.places if outer and domain and not _has_hosts(domain) else self
        self.specs: tuple[NodeSpec, ...] = ()
        self.matched: dict[frozenset[int], None] = {}
        self.hosts: dict[str, Host] = {}
        self.placer: Placer | None = None

    def top(self, spec: NodeSpec | None) -> tuple[NodeSpec, ...]:
        """The specs at its top, below the node that it is mounted at; that node's own if it has no others."""
        return self.specs or (spec.children if spec else ())


def _has_hosts(domain: Domain) -> bool:
    return bool(domain.inventory or domain.server)


class Realms:
    """The realms of a bundle, each made when it is first mounted."""

    def __init__(self, bundle: Bundle, diagnostics: Diagnostics, problems: Problems, *, whole: bool) -> None:
        self._diagnostics = diagnostics
        self._problems = problems
        self._pins = bundle.pins
        self._whole = whole
        self._made: dict[tuple[int, str], Realm] = {}
        self._all: list[Realm] = []
        self.hosts: dict[str, Host] = {}
        self.root = self._make(bundle, None, None)

    def __iter__(self) -> Iterator[Realm]:
        return iter(self._all)

    def __getitem__(self, number: int) -> Realm:
        return self._all[number]

    def at(self, outer: Realm, domain: Domain) -> Realm | None:
        """The realm that a node of another one opens; None for one that only its initiator can ask for."""
        bundle = outer.bundle.domains.get(domain.key)
        if bundle is None:
            return None
        key = (outer.number, domain.key)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(bundle, outer, domain)
        return found

    def _make(self, bundle: Bundle, outer: Realm | None, domain: Domain | None) -> Realm:
        realm = Realm(len(self._all), bundle, outer, domain)
        self._all.append(realm)
        realm.specs = merging.merge_templates(bundle.hierarchy, self._diagnostics)
        if self._whole and bundle.hierarchy.templates:
            merging.check_merged(realm.specs, self._diagnostics)
        if realm.places is realm:
            self._settle(realm)
        return realm

    def _settle(self, realm: Realm) -> None:
        """Its own hosts; two of one name are one host, or a mistake."""
        realm.hosts = hosts(realm.bundle.inventory, self._diagnostics)
        realm.placer = Placer(realm.hosts, self._pins, self._problems)
        for name, host in realm.hosts.items():
            if self.hosts.setdefault(name, host) != host:
                origin = next(iter(realm.bundle.inventory.hosts)).origin
                self._diagnostics.error(
                    "two-hosts",
                    f'two inventories have a host "{name}", and not the same one',
                    "Hosts of a domain live beside those around it: give one of them another name.",
                    origin,
                )
