"""What templates see: read-only views of a node, its parent and its children."""

from collections.abc import Callable
from typing import Any

from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.inventory import Host

Placed = Callable[[str], Host | None]
Children = Callable[[Node], tuple[Node, ...]]


class RootView:
    """The parent of a top node: the operator's own place."""

    path = paths.ROOT
    name = ""
    index = None
    level = 0
    host = None


class NodeView:
    """A node as templates see it; `host` is there once nodes are placed."""

    __slots__ = ("_children", "_node", "_placed")

    def __init__(self, node: Node, placed: Placed | None = None, children: Children | None = None) -> None:
        self._node = node
        self._placed = placed
        self._children = children

    @property
    def path(self) -> str:
        return self._node.path

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def index(self) -> int | None:
        return self._node.index

    @property
    def level(self) -> int:
        return self._node.depth

    @property
    def vars(self) -> dict[str, Any]:
        return self._node.scope.values

    @property
    def parent(self) -> "NodeView | RootView":
        above = self._node.parent
        return RootView() if above is None else NodeView(above, self._placed, self._children)

    @property
    def children(self) -> "list[NodeView]":
        if self._children is None:
            return []
        return [NodeView(child, self._placed, self._children) for child in self._children(self._node)]

    @property
    def host(self) -> Host | None:
        return self._placed(self._node.path) if self._placed else None


def context(
    node: Node, placed: Placed, children: Children, facts: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The names that the templates of a configuration document may use."""
    view = NodeView(node, placed, children)
    names = {
        "node": view,
        "parent": view.parent,
        "children": view.children,
        "host": view.host,
        "vars": node.scope.values,
    }
    return names if facts is None else {**names, "facts": facts}
