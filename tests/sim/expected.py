"""A small pure model of a fleet: what is expected of every node after whatever was asked for."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from ramify.model import paths
from ramify.model.plan import Goal

STOPPED, PAUSED = "stopped", "paused"
GOALS: tuple[Goal, ...] = (
    "start", "stop", "restart", "activate", "deactivate", "configure", "configure-env", "uninstall",
)  # fmt: skip


class Wish(NamedTuple):
    """What a node is to be: by digest what it is given, where, and what drift means there."""

    environment: str
    service: str
    binding: str
    host: str
    on_drift: str = ""

    @property
    def made(self) -> "Wish":
        """What of it can be seen on a host."""
        return self._replace(on_drift="")


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


def stands(node: Node | None, wish: Wish, *, fix: bool = False) -> Node:
    """A node as an apply leaves it: what is held stays so, and an edit where it is only told."""
    if node is None:
        return Node(wish.made)
    left = node.edited and node.made == wish.made and wish.on_drift == "report" and not fix
    return Node(wish.made, node.held != STOPPED, node.held, left)


def applied(nodes: Nodes, wishes: Wishes, chosen: Collection[str], *, fix: bool = False) -> Nodes:
    """After an apply of some paths: they are as is wished; what is below one that was stopped waits."""
    leaving = _leaving(nodes, wishes, chosen)
    missing = {one for path in chosen for one in above(path) if one not in nodes}

    def sleeps(path: str) -> bool:
        return path in nodes and nodes[path].held == STOPPED and path not in leaving

    def stops(path: str) -> bool:
        drifted = path in nodes and nodes[path].edited and path in wishes
        return drifted and wishes[path].on_drift == "stop" and not fix

    def waits(path: str) -> bool:
        return any(map(sleeps, above(path))) or any(map(stops, (path, *above(path))))

    after = {path: node for path, node in nodes.items() if path not in leaving or waits(path)}
    for path in (missing | set(chosen)) & wishes.keys():
        if not waits(path):
            after[path] = stands(nodes.get(path), wishes[path], fix=fix)
    return _woken(nodes, after)


def _woken(before: Nodes, after: Nodes) -> Nodes:
    """With those initiators running that had died, and below which something was to be done."""
    changed = [path for path in before | after if before.get(path) != after.get(path)]
    asked = {one for path in changed for one in above(path) if one in after}
    return after | {one: after[one]._replace(runs=True) for one in asked if after[one].held != STOPPED}


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
        changed = _changed(node, wishes.get(path), goal, deploys=deploys(path)) if reached else node
        if goal != "uninstall":
            after[path] = changed or node
        elif reached and path not in staying:
            del after[path]
        else:
            staying.add(paths.parent(path))
    return _woken(nodes, after) if goal in {"stop", "deactivate"} else after


def deploys(path: str) -> bool:
    """Whether a node deploys what is below it."""
    return paths.name(path).startswith(("gw", "zone"))


def _is_out_of_reach(nodes: Nodes, path: str, chosen: Collection[str], goal: str) -> bool:
    """Whether an initiator above does not run, and is not started on the way either."""
    wakes = goal in {"start", "restart", "stop", "deactivate", "uninstall"}
    return any(not nodes[one].runs and not (wakes and one in chosen) for one in above(path))


def _changed(node: Node, wish: Wish | None, goal: str, *, deploys: bool) -> Node | None:
    """A node after a command that reaches it; None when it is not for this one."""
    if goal in {"configure", "configure-env"}:
        here = wish is not None and wish.host == node.made.host
        return _configured(node, wish, goal) if wish is not None and here else None
    if goal in {"activate", "deactivate"} and deploys:
        return None
    return _MOVED[goal](node)


def _configured(node: Node, wish: Wish, goal: str) -> Node:
    if goal == "configure-env":
        return stands(node, wish, fix=True)
    whole = node.made.environment == wish.made.environment
    # Its digest and its binding are those of an installation: the next apply brings one.
    binding = wish.made.binding if whole else ""
    made = wish.made._replace(environment=node.made.environment, binding=binding)
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

_HOLDS = {"stop": STOPPED, "deactivate": PAUSED}


def is_between(before: Node | None, found: Node | None, wish: Wish | None, goal: str) -> bool:
    """Whether a node that something went wrong with has nothing that it neither had nor was to get."""
    if found is None:
        moves = before is not None and wish is not None and before.made.host != wish.host
        return before is None or wish is None or moves or goal == "uninstall"
    ends = [one for one in (before.made if before else None, wish) if one is not None]
    given = all(
        getattr(found.made, name) in {"", *(getattr(one, name) for one in ends)}
        for name in ("environment", "service", "binding", "host")
    )
    held = {"", before.held if before else "", _HOLDS.get(goal, "")}
    return bool(ends) and given and found.held in held and (not found.edited or _is_edited(before))


def _is_edited(node: Node | None) -> bool:
    return node is not None and node.edited
