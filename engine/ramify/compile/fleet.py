"""The fleet: every node with its class, its host and its digests.

Compiling is an ordered list of passes (`compile_fleet`); each adds diagnostics, none raises them.
"""

import re
from collections.abc import Iterator
from functools import cached_property

from ramify.compile import checks, merging, tree, views
from ramify.compile.classes import Classes, NodeClass
from ramify.compile.digests import Digests, digests
from ramify.compile.hosts import hosts
from ramify.compile.matching import Lists, Taken, tell_dead
from ramify.compile.place import Placer
from ramify.compile.problems import Problems
from ramify.compile.references import BadTemplateError
from ramify.compile.templates import NAMES
from ramify.compile.tree import Node, Tree
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.inventory import Host
from ramify.model.patterns import Matcher

_OTHERS_CHILDREN = re.compile(r"""[.'"]\s*children\b""")
"""In a template: `children` of something, as an attribute or named by a text, and not the node's own."""


class Fleet:
    """A compiled bundle; look-ups by path.

    `matched` are the sets of patterns (by their numbers in `lists`) that match a node, each once.
    """

    def __init__(self, bundle: Bundle, scope: str) -> None:
        self.bundle = bundle
        self.scope = scope
        self.diagnostics = Diagnostics()
        self.tree = Tree((), (), ())
        self.hosts: dict[str, Host] = {}
        self.pooled: dict[str, str] = {}
        self.digests: dict[str, Digests] = {}
        self.lists = Lists(bundle)
        self.matched: tuple[frozenset[int], ...] = ()
        self._problems = Problems()
        self._placed: dict[str, Host] = {}
        self._taken: list[Taken] = []
        self._class_of: list[NodeClass] = []
        self._whole = scope == paths.ROOT or _needs_whole(bundle)

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
        return found if facts is None else {**found, "facts": facts}

    def identity_context(self, node: Node, names: frozenset[str]) -> dict[str, object]:
        """The same without hosts: where a node is placed must not become part of what it is."""
        return views.context(node, None, self._children, names)

    def _children(self, node: Node) -> tuple[Node, ...]:
        if not self._whole and not paths.within(node.path, self.scope):
            raise BadTemplateError("children of nodes above are asked for in a way that cannot be seen")
        return self.tree.children[node.number]

    # The passes, in the order of `compile_fleet`.

    def grow(self) -> None:
        """Specs to nodes, each with the entries of all lists that take it."""
        specs = merging.merge_templates(self.bundle.hierarchy, self.diagnostics)
        if self.scope == paths.ROOT and self.bundle.hierarchy.templates:
            merging.check_merged(specs, self.diagnostics)
        if self.diagnostics.failed:
            return
        matcher = Matcher(self.lists.patterns)
        self.tree = tree.grow(specs, matcher, None if self._whole else self.scope)
        if matcher.has_regex:
            matches = [matcher.matches(node.path, node.state) for node in self.tree.nodes]
        else:
            matches = [matcher.accepted(node.state) for node in self.tree.nodes]
        self._taken = [self.lists.taken(matched) for matched in matches]
        self.matched = tuple(dict.fromkeys(matches))
        if self.scope == paths.ROOT:
            tell_dead(matcher.patterns, self.matched, self.diagnostics)

    def place(self) -> None:
        """Nodes to hosts."""
        self.hosts = hosts(self.bundle.inventory, self.diagnostics)
        placer = Placer(self.hosts, self.bundle.pins, self._problems)
        nodes = self.tree.nodes
        placer.place(((node, self._taken[node.number].rule) for node in nodes), self.diagnostics)
        self._placed = placer.placed
        self.pooled = placer.pooled

    def classify(self) -> None:
        """Nodes to classes: which code and which configuration each gets."""
        classes = Classes(self.bundle)
        self._class_of = [classes.of(self._taken[node.number], node.scope) for node in self.tree.nodes]

    def check(self) -> None:
        """What only the whole can tell: roles, assertions."""
        checks.roles(self, self._problems)
        checks.assertions(self, self._problems, self.diagnostics)

    def digest(self) -> None:
        """Digests of every node in scope, children before parents."""
        self.digests = digests(self, self._problems)

    def tell(self) -> None:
        """What the last pass found, in the diagnostics."""
        self._problems.tell(self.diagnostics)


def _needs_whole(bundle: Bundle) -> bool:
    """Whether a part of the fleet can only be known from all of it."""
    # A pool is filled in the order of all nodes, so that whoever has one needs to see them all.
    if any(placement.pool is not None for placement in bundle.inventory.placements):
        return True
    return any(_OTHERS_CHILDREN.search(text) for text in _texts_of(bundle))


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
