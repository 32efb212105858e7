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
    """A node as templates see it, in the realm that is mounted at the first `base` letters of its path.

    Without `placed` or `children` the view refuses to tell of hosts or of children: they are not known
    yet, or must not become part of a value that is the node's identity.
    """

    __slots__ = ("_base", "_children", "_node", "_placed")

    def __init__(
        self,
        node: Node,
        placed: Placed | None = None,
        children: Children | None = None,
        base: int | None = None,
    ) -> None:
        self._node = node
        self._base = node.base if base is None else base
        self._placed = placed
        self._children = children

    @property
    def path(self) -> str:
        return self._node.path[self._base :]

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def index(self) -> int | None:
        return self._node.index

    @property
    def level(self) -> int:
        return self.path.count("/")

    @property
    def vars(self) -> dict[str, Any]:
        return self._node.scope.values

    @property
    def parent(self) -> "NodeView | RootView":
        above = self._node.parent
        if above is None or len(above.path) <= self._base:
            return RootView()
        return NodeView(above, self._placed, self._children, self._base)

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
    base: int | None = None,
) -> dict[str, Any]:
    """Those of the names that templates may use, seen from the node's realm or one around it (`base`).

    Facts come from elsewhere.
    """
    view = NodeView(node, placed, children, base)
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
