"""From node specs to nodes: ranges counted out, variables inherited downwards."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Protocol

from msgspec import Struct

from ramify.compile.sealed import Sealed
from ramify.model import paths
from ramify.model.diagnostics import Origin
from ramify.model.hierarchy import NodeSpec
from ramify.model.patterns import Matcher
from ramify.model.ranges import expand
from ramify.model.vaulted import name_in

expand_name = lru_cache(maxsize=4096)(expand)


class Scope(Struct, frozen=True, eq=False):
    """The variables that a node sees, and where each was written; shared by all nodes of one spec."""

    values: dict[str, Any]
    origins: dict[str, Origin]


class Node(Struct, frozen=True, eq=False, gc=False):
    """A node: its identity, and the shared values that it was made from.

    `state` is the matcher's state at this path; `spec` has its templates merged in. `realm` is the number of
    the realm that speaks for it, and `base` the length of the path that this realm is mounted at.
    """

    number: int
    path: str
    name: str
    index: int | None
    depth: int
    parent: "Node | None"
    spec: NodeSpec
    scope: Scope
    state: int
    realm: int = 0
    base: int = 0

    @property
    def local(self) -> str:
        """The path within its realm."""
        return self.path[self.base :] if self.base else self.path

    @property
    def is_top(self) -> bool:
        """Whether nothing of its realm is above it."""
        return self.parent is None or self.parent.base != self.base


class Ground(Protocol):
    """What a realm is to whoever grows nodes."""

    number: int
    matcher: Matcher

    def top(self, spec: NodeSpec | None) -> tuple[NodeSpec, ...]:
        """The specs below the node that it is mounted at."""


Open = Callable[[Node], Ground | None]
"""The realm that a node opens for all below it, if its spec names a domain that can be seen from here."""


class Tree(Struct, frozen=True, eq=False):
    """Nodes, parents before their children (siblings in the order of the spec), and who is whose child."""

    nodes: tuple[Node, ...]
    children: tuple[tuple[Node, ...], ...]
    top: tuple[Node, ...]

    def below(self, node: Node | None) -> tuple[Node, ...]:
        """The children of a node, or the top nodes."""
        return self.top if node is None else self.children[node.number]


class _Grower:
    """Counts the nodes out; scopes are made once per spec and inherited scope."""

    def __init__(self, opened: Open, only: str | None) -> None:
        self._open = opened
        self._only = only
        self._scopes: dict[tuple[int, int], Scope] = {}
        self.nodes: list[Node] = []
        self.children: list[tuple[Node, ...]] = []

    def grow(self, ground: Ground, specs: tuple[NodeSpec, ...], parent: Node | None) -> tuple[Node, ...]:
        made = tuple(node for spec in specs for node in self._siblings(ground, spec, parent))
        for node in made:
            if node.spec.domain is not None:
                self.children[node.number] = self._mount(node)
            elif node.spec.children:
                self.children[node.number] = self.grow(ground, node.spec.children, node)
        return made

    def _mount(self, node: Node) -> tuple[Node, ...]:
        ground = self._open(node)
        return self.grow(ground, ground.top(node.spec), node) if ground else ()

    def _siblings(self, ground: Ground, spec: NodeSpec, parent: Node | None) -> Iterator[Node]:
        above = None if parent is None or parent.spec.domain is not None else parent
        scope = self._scope(spec, above)
        before = "" if parent is None else parent.path
        depth = 1 if parent is None else parent.depth + 1
        state = ground.matcher.start if above is None else above.state
        base = above.base if above else len(before)
        advance, realm = ground.matcher.advance, ground.number
        for name, index in expand_name(spec.name):
            path = f"{before}/{name}"
            if self._only is not None and not _on_the_way(path, self._only):
                continue
            node = Node(
                len(self.nodes), path, name, index, depth, parent, spec, scope,
                advance(state, name), realm, base,
            )  # fmt: skip
            self.nodes.append(node)
            self.children.append(())
            yield node

    def _scope(self, spec: NodeSpec, parent: Node | None) -> Scope:
        key = (id(spec), 0 if parent is None else id(parent.scope))
        found = self._scopes.get(key)
        if found is None:
            found = self._scopes[key] = _nearer(spec, None if parent is None else parent.scope)
        return found


def _nearer(spec: NodeSpec, outer: Scope | None) -> Scope:
    """Nearer wins for a whole variable: the places of what it hid are gone with it."""
    own = {name: place for name, place in spec.origins.items() if _variable(name) in spec.vars}
    if outer is None:
        return Scope(_in_order(spec.vars), own)
    kept = {name: place for name, place in outer.origins.items() if _variable(name) not in spec.vars}
    return Scope(_in_order(outer.values | spec.vars), kept | own)


def _variable(dotted: str) -> str:
    return dotted.partition(".")[0]


def _in_order(value: Any) -> Any:
    """Mappings in the order of their keys, as a bundle has them that came from elsewhere."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    name = name_in(value)
    return Sealed(name) if name else value


def _on_the_way(path: str, only: str) -> bool:
    return paths.within(path, only) or paths.within(only, path)


def grow(root: Ground, opened: Open, only: str | None = None) -> Tree:
    """Make the nodes; with `only` just that path's ancestors, itself and what is below it."""
    grower = _Grower(opened, only)
    top = grower.grow(root, root.top(None), None)
    return Tree(tuple(grower.nodes), tuple(grower.children), top)
