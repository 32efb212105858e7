"""A small pure model of a fleet: what is expected of every node after whatever was asked for."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from ramify.model import paths

STOPPED, PAUSED = "stopped", "paused"


class Wish(NamedTuple):
    """What the hierarchy wants a node to be, by digest: its environment, its service, what is around it."""

    environment: str
    service: str
    binding: str


class Node(NamedTuple):
    """How a node stands that is on a host."""

    made: Wish
    runs: bool = True
    held: str = ""
    edited: bool = False
    whole: bool = True


Nodes = dict[str, Node]
Wishes = Mapping[str, Wish]


def above(path: str) -> Iterable[str]:
    """All nodes above one, the nearest first."""
    while (path := paths.parent(path)) != paths.ROOT:
        yield path


def stands(node: Node | None, wish: Wish) -> Node:
    """A node as an apply leaves it: what is held stays so."""
    held = node.held if node is not None else ""
    return Node(wish, held != STOPPED, held)


def applied(nodes: Nodes, wishes: Wishes, chosen: Collection[str]) -> Nodes:
    """After an apply of some paths: they are as is wished; what is below one that was stopped waits."""
    leaving = _leaving(nodes, wishes, chosen)
    missing = {one for path in chosen for one in above(path) if one not in nodes}

    def waits(path: str) -> bool:
        return any(one in nodes and nodes[one].held == STOPPED and one not in leaving for one in above(path))

    after = {path: node for path, node in nodes.items() if path not in leaving or waits(path)}
    for path in (missing | set(chosen)) & wishes.keys():
        if not waits(path):
            after[path] = stands(nodes.get(path), wishes[path])
    return after


def _leaving(nodes: Nodes, wishes: Wishes, chosen: Collection[str]) -> set[str]:
    """What has left the hierarchy and may go: one above something that stays does not."""
    leaving: set[str] = set()
    kept: set[str] = set()
    for path in sorted(nodes.keys() - wishes.keys(), reverse=True):
        if path in chosen and path not in kept:
            leaving.add(path)
        else:
            kept.add(paths.parent(path))
    return leaving


def commanded(nodes: Nodes, wishes: Wishes, chosen: Collection[str], goal: str) -> Nodes:
    """After one of the lifecycle commands for some paths; only who can be reached is."""
    after = dict(nodes)
    staying: set[str] = set()
    for path in sorted(nodes, reverse=True):  # children before their parents
        node = nodes[path]
        reached = path in chosen and not _is_out_of_reach(nodes, path, chosen, goal)
        changed = _changed(node, wishes.get(path), goal, deploys=_deploys(path)) if reached else node
        if goal != "uninstall":
            after[path] = changed or node
        elif reached and path not in staying:
            del after[path]
        else:
            staying.add(paths.parent(path))
    return after


def _deploys(path: str) -> bool:
    return paths.name(path).startswith(("gw", "zone"))


def _is_out_of_reach(nodes: Nodes, path: str, chosen: Collection[str], goal: str) -> bool:
    """Whether an initiator above does not run, and is not started on the way either."""
    wakes = goal in {"start", "restart", "stop", "deactivate", "uninstall"}
    return any(not nodes[one].runs and not (wakes and one in chosen) for one in above(path))


def _changed(node: Node, wish: Wish | None, goal: str, *, deploys: bool) -> Node | None:
    """A node after a command that reaches it; None when it is not for this one."""
    if goal in {"configure", "configure-env"}:
        return _configured(node, wish, goal) if wish is not None else None
    if goal in {"activate", "deactivate"} and deploys:
        return None
    return _MOVED[goal](node)


def _configured(node: Node, wish: Wish, goal: str) -> Node:
    if goal == "configure-env":
        return stands(node, wish)
    made = Wish(node.made.environment, wish.service, wish.binding)
    return node._replace(made=made, runs=node.held != STOPPED, edited=False)


def _pauses(node: Node) -> bool:
    return node.runs and node.held == PAUSED


_MOVED: dict[str, Callable[[Node], Node]] = {
    "start": lambda node: node if _pauses(node) else node._replace(runs=True, held=""),
    "stop": lambda node: node._replace(runs=False, held=STOPPED),
    "restart": lambda node: node._replace(runs=True, held=""),
    "activate": lambda node: node._replace(held="") if node.held == PAUSED else node,
    "deactivate": lambda node: node._replace(held=PAUSED) if node.runs else node,
    "uninstall": lambda node: node,
}
