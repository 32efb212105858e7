"""The fleet: every node with its class, its host and its digests.

Compiling is an ordered list of passes (`compile_fleet`); each adds diagnostics, none raises them.
"""

import re
from collections.abc import Iterator
from functools import cached_property

from ramify.compile import checks, confidential, tree, views
from ramify.compile.classes import NodeClass
from ramify.compile.digests import Digests, digests
from ramify.compile.matching import Lists, Taken, tell_dead
from ramify.compile.place import Asked
from ramify.compile.problems import Problems
from ramify.compile.realms import Realm, Realms
from ramify.compile.references import BadTemplateError
from ramify.compile.templates import NAMES, SECRETS
from ramify.compile.tree import Node, Tree
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.inventory import Host, Placement

_OTHERS_CHILDREN = re.compile(r"""[.'"]\s*children\b""")
"""In a template: `children` of something, as an attribute or named by a text, and not the node's own."""


class Fleet:
    """A compiled bundle, its domains grown into it; look-ups by path.

    `unseen` are the nodes whose domain only their initiator can ask for: what is below them is planned there.
    """

    def __init__(self, bundle: Bundle, scope: str) -> None:
        self.bundle = bundle
        self.scope = scope
        self.diagnostics = Diagnostics()
        self.tree = Tree((), (), ())
        self.pooled: dict[str, str] = {}
        self.digests: dict[str, Digests] = {}
        self.unseen: list[str] = []
        self._problems = Problems()
        self._placed: dict[str, Host] = {}
        self._taken: list[Taken] = []
        self._class_of: list[NodeClass] = []
        self.marks = confidential.marks(bundle.secrets)
        self._whole = scope == paths.ROOT or _needs_whole(bundle)
        self.realms = Realms(bundle, self.diagnostics, self._problems, whole=scope == paths.ROOT)

    @cached_property
    def by_path(self) -> dict[str, Node]:
        """Every node by its path."""
        return {node.path: node for node in self.tree.nodes}

    def below(self, path: str) -> tuple[Node, ...]:
        """The children of a path, of the root too; nothing for a path that is no node."""
        if path == paths.ROOT:
            return self.tree.top
        node = self.by_path.get(path)
        return self.tree.below(node) if node else ()

    def within(self, path: str) -> Iterator[Node]:
        """A node and all below it, parents first."""
        if path == paths.ROOT:
            return iter(self.tree.nodes)
        node = self.by_path.get(path)
        return iter(()) if node is None else self._within(node)

    def _within(self, node: Node) -> Iterator[Node]:
        yield node
        yield from self._descendants(node)

    def _descendants(self, node: Node) -> Iterator[Node]:
        children = self.tree.children[node.number]
        yield from children
        for child in children:
            if self.tree.children[child.number]:
                yield from self._descendants(child)

    @property
    def hosts(self) -> dict[str, Host]:
        """Every host by its name, those of domains too."""
        return self.realms.hosts

    @property
    def known_hosts(self) -> str:
        """The keys of all hosts, as OpenSSH has them in a file."""
        texts = dict.fromkeys(realm.bundle.inventory.known_hosts for realm in self.realms)
        return "\n".join(filter(None, texts))

    def realm_of(self, node: Node) -> Realm:
        """Whose repository speaks for a node."""
        return self.realms[node.realm]

    def realm_at(self, path: str) -> tuple[Realm, str]:
        """Whose repository would speak for a path, and what the path is called there."""
        node = self.by_path.get(path)
        above = path
        while node is None and above != paths.ROOT:
            above = paths.parent(above)
            node = self.by_path.get(above)
        if node is None:
            return self.realms.root, path
        below = next(iter(self.tree.below(node)), None)
        mounted = above != path and below is not None and below.base != node.base
        nearest = below if mounted and below is not None else node
        return self.realm_of(nearest), path[nearest.base :]

    def taken(self, node: Node) -> Taken:
        """The entries of all lists that take the node."""
        return self._taken[node.number]

    def class_of(self, node: Node) -> NodeClass:
        """What the node shares with others."""
        return self._class_of[node.number]

    def host_of(self, path: str) -> Host | None:
        """The host that carries a node; None for the root and for nodes without one."""
        return self._placed.get(path)

    def context(
        self, node: Node, facts: dict[str, object] | None = None, names: frozenset[str] = NAMES
    ) -> dict[str, object]:
        """Those of the names that the node's templates see."""
        found = views.context(node, self.host_of, self._children, names)
        if SECRETS in names:
            found[SECRETS] = self.marks
        return found if facts is None else {**found, "facts": facts}

    def identity_context(self, node: Node, names: frozenset[str]) -> dict[str, object]:
        """The same without hosts: where a node is placed must not become part of what it is."""
        return views.context(node, None, self._children, names)

    def _children(self, node: Node) -> tuple[Node, ...]:
        if not self._whole and not paths.within(node.path, self.scope):
            raise BadTemplateError("children of nodes above are asked for in a way that cannot be seen")
        # What a domain puts below a node is no business of the realm around it.
        return () if node.spec.domain else self.tree.children[node.number]

    # The passes, in the order of `compile_fleet`.

    def grow(self) -> None:
        """Specs to nodes, each with the entries of all lists of its realm that take it."""
        if self.diagnostics.failed:
            return
        self.tree = tree.grow(self.realms.root, self._opened, None if self._whole else self.scope)
        self._taken = [self._take(node) for node in self.tree.nodes]
        deepest = max(self.tree.nodes, key=lambda node: node.depth, default=None)
        if deepest is not None and deepest.depth > paths.MAX_DEPTH:
            summary = f"{deepest.path} is deeper than {paths.MAX_DEPTH} steps"
            self.diagnostics.error("too-deep", summary, "Make the domains flatter.", deepest.spec.origin)

    def _opened(self, node: Node) -> Realm | None:
        domain = node.spec.domain
        found = self.realms.at(self.realm_of(node), domain) if domain else None
        if found is None:
            self.unseen.append(node.path)
        return found

    def _take(self, node: Node) -> Taken:
        realm = self.realms[node.realm]
        if realm.matcher.has_regex:
            matched = realm.matcher.matches(node.local, node.state)
        else:
            matched = realm.matcher.accepted(node.state)
        realm.matched[matched] = None
        return realm.lists.taken(matched)

    def place(self) -> None:
        """Nodes to hosts."""
        wishes: dict[int, list[Asked]] = {}
        for node in self.tree.nodes:
            places = self.realms[node.realm].places
            if places.number == node.realm:
                asked = Asked(node, self._taken[node.number].rule, node.base)
            else:
                asked = Asked(node, self._rule(places, node), _base_in(places, node))
            wishes.setdefault(places.number, []).append(asked)
        for number, nodes in wishes.items():
            placer = self.realms[number].placer
            if placer is not None:
                placer.place(nodes, self.diagnostics)
                self._placed |= placer.placed
                self.pooled |= placer.pooled
        if self.scope == paths.ROOT:
            for realm in self.realms:
                tell_dead(realm.lists.patterns, tuple(realm.matched), self.diagnostics)

    def _rule(self, places: Realm, node: Node) -> Placement | None:
        """The placement of a node whose domain has no hosts of its own: that of an inventory around it."""
        placed = self._placing(places, node)
        places.matched[placed] = None
        return places.lists.taken(placed).rule

    def _placing(self, places: Realm, node: Node) -> frozenset[int]:
        return places.lists.placing(places.matcher.matches(node.path[_base_in(places, node) :]))

    def rule_of(self, node: Node) -> Placement | None:
        """The placement that takes a node, of its own realm's inventory or of one around it."""
        places = self.realm_of(node).places
        if places.number == node.realm:
            return self.taken(node).rule
        return places.lists.taken(self._placing(places, node)).rule

    def matching(self, node: Node) -> Iterator[tuple[Lists, frozenset[int]]]:
        """The patterns (by their numbers) that match a node: of its realm, and of placements around that."""
        realm = self.realm_of(node)
        yield realm.lists, realm.matcher.matches(node.local, node.state)
        if realm.places is not realm:
            yield realm.places.lists, self._placing(realm.places, node)

    def classify(self) -> None:
        """Nodes to classes: which code and which configuration each gets."""
        self._class_of = [
            self.realms[node.realm].classes.of(self._taken[node.number], node.scope)
            for node in self.tree.nodes
        ]

    def check(self) -> None:
        """What only the whole can tell: roles, secrets, assertions."""
        checks.roles(self, self._problems)
        confidential.check(self, self._problems)
        checks.assertions(self, self._problems, self.diagnostics)

    def digest(self) -> None:
        """Digests of every node in scope, children before parents."""
        self.digests = digests(self, self._problems)

    def tell(self) -> None:
        """What the last pass found, in the diagnostics."""
        self._problems.tell(self.diagnostics)


def _base_in(realm: Realm, node: Node) -> int:
    """The length of the path that a realm is mounted at which a node is in, maybe through other realms."""
    above: Node | None = node
    while above is not None and above.realm != realm.number:
        above = above.parent
    return above.base if above else 0


def _needs_whole(bundle: Bundle) -> bool:
    """Whether a part of the fleet can only be known from all of it."""
    # A pool is filled in the order of all nodes, so that whoever has one needs to see them all.
    if any(placement.pool is not None for placement in bundle.inventory.placements):
        return True
    if any(_OTHERS_CHILDREN.search(text) for text in _texts_of(bundle)):
        return True
    return any(map(_needs_whole, bundle.domains.values()))


def _texts_of(bundle: Bundle) -> Iterator[str]:
    for document in bundle.configurations.values():
        yield from (setting.value for setting in (*document.env, *document.args))
        yield from (file.content for file in document.files)
    for component in bundle.components.values():
        yield from (parameter.default or "" for parameter in component.parameters.values())
    yield from (assertion.that for assertion in bundle.hierarchy.assertions)


PASSES = (
    Fleet.grow,  # first, since everything else speaks of nodes
    Fleet.place,  # before values are rendered: templates may ask for hosts
    Fleet.classify,  # what each node runs
    Fleet.check,  # on classes, before values are rendered from what a check would have refused
    Fleet.digest,  # last: it reads everything
)


def compile_fleet(bundle: Bundle, scope: str = paths.ROOT) -> Fleet:
    """Compile a bundle for a path and all below it; problems are in `fleet.diagnostics`."""
    fleet = Fleet(bundle, scope)
    for compile_pass in PASSES:
        compile_pass(fleet)
        fleet.tell()
        if fleet.diagnostics.failed and compile_pass is Fleet.grow:
            break
    return fleet
