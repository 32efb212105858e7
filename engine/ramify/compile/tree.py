"""From node specs to nodes: templates merged in, ranges counted out, variables inherited downwards."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct, structs

from ramify.model import paths
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.hierarchy import Hierarchy, NodeSpec
from ramify.model.patterns import Matcher
from ramify.model.ranges import expand

MAX_NODES = 1_000_000

expand_name = lru_cache(maxsize=4096)(expand)


class Scope(Struct, frozen=True, eq=False):
    """The variables that a node sees, and where each was written; shared by all nodes of one spec."""

    values: dict[str, Any]
    origins: dict[str, Origin]


class Node(Struct, frozen=True, eq=False):
    """A node: its identity, and the shared values that it was made from.

    `state` is the matcher's state at this path; `spec` has its templates merged in.
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


class Tree(Struct, frozen=True, eq=False):
    """Nodes, parents before their children (siblings in the order of the spec), and who is whose child."""

    nodes: tuple[Node, ...]
    children: tuple[tuple[Node, ...], ...]
    top: tuple[Node, ...]

    def below(self, node: Node | None) -> tuple[Node, ...]:
        """The children of a node, or the top nodes."""
        return self.top if node is None else self.children[node.number]


def merge_templates(hierarchy: Hierarchy) -> tuple[NodeSpec, ...]:
    """The tree with every `extends` resolved: bases in order, the entry's own keys over them."""
    return tuple(_merged(spec, hierarchy.templates, ()) for spec in hierarchy.tree)


def _merged(spec: NodeSpec, templates: dict[str, NodeSpec], open_names: tuple[str, ...]) -> NodeSpec:
    result = spec
    for name in reversed(spec.extends):
        # Unknown names and circles were told when the document was read.
        if name in templates and name not in open_names:
            base = _merged(templates[name], templates, (*open_names, name))
            result = _over(result, base)
    children = tuple(_merged(child, templates, open_names) for child in result.children)
    return structs.replace(result, extends=(), children=children)


def _over(spec: NodeSpec, base: NodeSpec) -> NodeSpec:
    own = {child.name: child for child in spec.children}
    inherited = [_over(own.pop(child.name), child) if child.name in own else child for child in base.children]
    return structs.replace(
        spec,
        vars=deep_merge(base.vars, spec.vars),
        after=spec.after or base.after,
        rollout=deep_merge(base.rollout or {}, spec.rollout or {}) or None,
        children=(*inherited, *own.values()),
        origins={**base.origins, **spec.origins},
    )


def deep_merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, everything else is replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = (
            deep_merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return result


class _Grower:
    """Counts the nodes out; scopes are made once per spec and inherited scope."""

    def __init__(self, matcher: Matcher, only: str | None) -> None:
        self._matcher = matcher
        self._only = only
        self._scopes: dict[tuple[int, int], Scope] = {}
        self.nodes: list[Node] = []
        self.children: list[tuple[Node, ...]] = []

    def grow(self, specs: tuple[NodeSpec, ...], parent: Node | None) -> tuple[Node, ...]:
        made = tuple(node for spec in specs for node in self._siblings(spec, parent))
        for node in made:
            if node.spec.children:
                self.children[node.number] = self.grow(node.spec.children, node)
        return made

    def _siblings(self, spec: NodeSpec, parent: Node | None) -> Iterator[Node]:
        scope = self._scope(spec, parent)
        before = "" if parent is None else parent.path
        depth = 1 if parent is None else parent.depth + 1
        state = self._matcher.start if parent is None else parent.state
        advance = self._matcher.advance
        for name, index in expand_name(spec.name):
            path = f"{before}/{name}"
            if self._only is not None and not _on_the_way(path, self._only):
                continue
            node = Node(len(self.nodes), path, name, index, depth, parent, spec, scope, advance(state, name))
            self.nodes.append(node)
            self.children.append(())
            yield node

    def _scope(self, spec: NodeSpec, parent: Node | None) -> Scope:
        key = (id(spec), 0 if parent is None else id(parent.scope))
        found = self._scopes.get(key)
        if found is None:
            values = {} if parent is None else parent.scope.values
            origins = {} if parent is None else parent.scope.origins
            found = Scope({**values, **spec.vars}, {**_outer(origins, spec.vars), **spec.origins})
            self._scopes[key] = found
        return found


def _outer(origins: dict[str, Origin], nearer: dict[str, Any]) -> dict[str, Origin]:
    # Nearer wins for a whole variable: the places of what it hid are gone with it.
    return {name: origin for name, origin in origins.items() if name.partition(".")[0] not in nearer}


def _on_the_way(path: str, only: str) -> bool:
    return paths.within(path, only) or paths.within(only, path)


def size(specs: tuple[NodeSpec, ...]) -> int:
    """How many nodes specs stand for, without making them."""
    return sum(len(expand_name(spec.name)) * (1 + size(spec.children)) for spec in specs)


def grow(
    specs: tuple[NodeSpec, ...], matcher: Matcher, diagnostics: Diagnostics, only: str | None = None
) -> Tree:
    """Make the nodes; with `only` just that path's ancestors, itself and what is below it."""
    if size(specs) > MAX_NODES:
        diagnostics.error(
            "too-many-nodes",
            f"the hierarchy stands for {size(specs):,} nodes",
            f"At most {MAX_NODES:,} nodes are allowed; narrow a range.",
            specs[0].origin,
        )
        return Tree((), (), ())
    grower = _Grower(matcher, only)
    top = grower.grow(specs, None)
    return Tree(tuple(grower.nodes), tuple(grower.children), top)
