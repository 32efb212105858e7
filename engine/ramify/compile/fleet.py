"""The fleet: every node with its class, its host and its digests.

Compiling is an ordered list of passes (`compile_fleet`); each adds diagnostics, none raises them.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from ramify.compile import checks, tree, views
from ramify.compile.classes import Classes, NodeClass, render
from ramify.compile.place import Placer, hosts
from ramify.compile.tree import Node, Tree
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.inventory import Host
from ramify.model.patterns import Matcher


class Digests(Struct, frozen=True, array_like=True):
    """A node's desired state in six words.

    `environment` is what an installer sees, `service` what the service sees, `node` both, `subtree` the
    node and all below it (a Merkle tree); `binding` is what placement adds, which is no part of identity.
    """

    environment: str
    service: str
    node: str
    subtree: str
    binding: str


class Fleet:
    """A compiled bundle; look-ups by path."""

    def __init__(self, bundle: Bundle, scope: str) -> None:
        self.bundle = bundle
        self.scope = scope
        self.diagnostics = Diagnostics()
        self.classes = Classes(bundle, self.diagnostics)
        self.tree = Tree((), (), ())
        self.hosts: dict[str, Host] = {}
        self.pooled: dict[str, str] = {}
        self.digests: dict[str, Digests] = {}
        self._placed: dict[str, Host] = {}
        self._matches: list[frozenset[int]] = []
        self._class_of: dict[str, NodeClass] = {}

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
        return (node for node in self.tree.nodes if paths.within(node.path, path))

    def class_of(self, node: Node) -> NodeClass:
        """What the node shares with others."""
        return self._class_of[node.path]

    def host_of(self, path: str) -> Host | None:
        """The host that carries a node; None for the root and for nodes without one."""
        return self._placed.get(path)

    def context(self, node: Node, facts: dict[str, object] | None = None) -> dict[str, object]:
        """The names that the node's templates see."""
        return views.context(node, self.host_of, self.tree.below, facts)

    # The passes, in the order of `compile_fleet`.

    def grow(self) -> None:
        """Specs to nodes, each with the state of all patterns at its path."""
        patterns = (*self.classes.patterns, *self._placement_patterns)
        matcher = Matcher(patterns)
        specs = tree.merge_templates(self.bundle.hierarchy)
        # A pool is filled in the order of all nodes, so that whoever has one needs to see them all.
        pools = any(placement.pool is not None for placement in self.bundle.inventory.placements)
        only = None if pools or self.scope == paths.ROOT else self.scope
        self.tree = tree.grow(specs, matcher, self.diagnostics, only)
        if matcher.has_regex:
            self._matches = [matcher.matches(node.path, node.state) for node in self.tree.nodes]
        else:
            self._matches = [matcher.accepted(node.state) for node in self.tree.nodes]
        checks.dead_patterns(patterns, self._matches, self.scope, self.diagnostics)

    @property
    def _placement_patterns(self) -> tuple[checks.Pattern, ...]:
        return tuple(pattern for rule in self.bundle.inventory.placements for pattern in rule.patterns)

    def place(self) -> None:
        """Nodes to hosts."""
        self.hosts = hosts(self.bundle.inventory, self.diagnostics)
        placer = Placer(self.bundle.inventory.placements, self.hosts, self.bundle.pins, self.diagnostics)
        first = len(self.classes.patterns)
        shifted: dict[frozenset[int], frozenset[int]] = {}
        for matched in self._matches:
            if matched not in shifted:
                shifted[matched] = frozenset(at - first for at in matched if at >= first)
        placer.place((node, shifted[self._matches[node.number]]) for node in self.tree.nodes)
        self._placed = placer.placed
        self.pooled = placer.pooled

    def classify(self) -> None:
        """Nodes to classes: which code and which configuration each gets."""
        first = len(self.classes.patterns)
        cut: dict[frozenset[int], frozenset[int]] = {}
        for node in self.tree.nodes:
            matched = self._matches[node.number]
            if matched not in cut:
                cut[matched] = frozenset(at for at in matched if at < first)
            self._class_of[node.path] = self.classes.of(cut[matched], node.scope, node.path)

    def check(self) -> None:
        """What only the whole can tell: roles, depth, parameters, assertions."""
        checks.roles(self, self.diagnostics)
        checks.parameters(self, self.diagnostics)
        checks.assertions(self, self.diagnostics)

    def digest(self) -> None:
        """Digests of every node in scope, children before parents."""
        for node in reversed(self.tree.nodes):
            if paths.within(node.path, self.scope):
                self.digests[node.path] = self._digests(node)

    def _digests(self, node: Node) -> Digests:
        made = self._class_of[node.path]
        needs_context = made.install.own or made.service.own or made.install.placed or made.service.placed
        context = self.context(node) if needs_context else {}
        children = self.tree.children[node.number]
        identity = f"{node.path} {' '.join([child.name for child in children])}"
        environment = _sha(made.install.constant, self._render(made.install.own, context, node))
        service = _sha(made.service.constant, identity, self._render(made.service.own, context, node))
        own = _sha(environment, service)
        subtree = _sha(own, *[self.digests[child.path].subtree for child in children])
        late = (*made.install.placed, *made.service.placed)
        binding = _sha(self._addresses(node, children), self._render(late, context, node), self._engine(made))
        return Digests(environment, service, own, subtree, binding)

    def _render(self, slots: tuple[checks.Slot, ...], context: dict[str, object], node: Node) -> str:
        if not slots:
            return ""
        return "\0".join([render(slot, context, node.path, self.diagnostics) for slot in slots])

    def _addresses(self, node: Node, children: tuple[Node, ...]) -> str:
        around = [node, *children] if node.parent is None else [node.parent, node, *children]
        placed = self._placed
        return " ".join([placed[other.path].address for other in around if other.path in placed])

    def _engine(self, made: NodeClass) -> str:
        # A newer Ramify on the operator's side reaches the initiators with the next apply.
        if made.component is None or not made.component.deploys:
            return ""
        return " ".join(sorted({runtime.engine for runtime in self.bundle.runtimes}))


def _sha(first: bytes | str, *rest: str) -> str:
    text = "\0".join(rest)
    start = first if isinstance(first, bytes) else first.encode()
    return hashlib.sha256(b"\0".join((start, text.encode()))).hexdigest()


PASSES = (
    Fleet.grow,  # first, since everything else speaks of nodes
    Fleet.place,  # before classes are rendered: templates may ask for hosts
    Fleet.classify,  # what each node runs
    Fleet.check,  # on classes, before values are rendered from what a check would have refused
    Fleet.digest,  # last: it reads everything
)


def compile_fleet(bundle: Bundle, scope: str = paths.ROOT) -> Fleet:
    """Compile a bundle for a path and all below it; problems are in `fleet.diagnostics`."""
    fleet = Fleet(bundle, scope)
    for compile_pass in PASSES:
        compile_pass(fleet)
        if fleet.diagnostics.failed and compile_pass is Fleet.grow:
            break
    return fleet
