"""What templates see: read-only views of a node, its parent and its children."""

from collections.abc import Callable
from typing import Any

from ramify.compile.references import BadTemplateError
from ramify.compile.templates import NAMES
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.inventory import Host

Placed = Callable[[str], Host | None]
Children = Callable[[Node], tuple[Node, ...]]


class RootView:
    """The parent of a top node: the operator's own place, or what a domain is in; nothing is known of it."""

    path = paths.ROOT
    name = ""
    index = None
    level = 0
    host = None


class NodeView:
    """A node as templates see it.

    Without `placed` or `children` the view refuses to tell of hosts or of children: they are not known
    yet, or must not become part of a value that is the node's identity.
    """

    __slots__ = ("_children", "_node", "_placed")

    def __init__(self, node: Node, placed: Placed | None = None, children: Children | None = None) -> None:
        self._node = node
        self._placed = placed
        self._children = children

    @property
    def path(self) -> str:
        return self._node.local

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def index(self) -> int | None:
        return self._node.index

    @property
    def level(self) -> int:
        return self._node.local.count("/")

    @property
    def vars(self) -> dict[str, Any]:
        return self._node.scope.values

    @property
    def parent(self) -> "NodeView | RootView":
        above = None if self._node.is_top else self._node.parent
        return RootView() if above is None else NodeView(above, self._placed, self._children)

    @property
    def children(self) -> "list[NodeView]":
        if self._children is None:
            raise BadTemplateError("children are not known here")
        return [NodeView(child, self._placed, self._children) for child in self._children(self._node)]

    @property
    def host(self) -> Host | None:
        if self._placed is None:
            raise BadTemplateError("hosts are not known here", "Write `.host` out where it is asked for.")
        return self._placed(self._node.path)


def context(
    node: Node,
    placed: Placed | None = None,
    children: Children | None = None,
    names: frozenset[str] = NAMES,
) -> dict[str, Any]:
    """Those of the names that templates may use; facts come from elsewhere."""
    view = NodeView(node, placed, children)
    found: dict[str, Any] = {}
    if "node" in names:
        found["node"] = view
    if "vars" in names:
        found["vars"] = node.scope.values
    if "parent" in names:
        found["parent"] = view.parent
    if "children" in names:
        found["children"] = view.children
    if "host" in names:
        found["host"] = view.host
    return found
