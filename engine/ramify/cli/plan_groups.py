"""A plan in groups: nodes of one level to which the same happens, so that it is said once."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from ramify.model import paths
from ramify.model.diagnostics import Origin
from ramify.model.plan import Action, Change, NodePlan

Describe = Callable[[str], str]
"""Tells the component of a path; empty when nobody knows."""


class ValueChange(Struct, frozen=True):
    """A change that a group shares; `differs` counts the different ones when it does not.

    `origins` are told where they are the same for all; `new` says that none was there before.
    """

    what: str
    before: str | None
    after: str | None
    differs: int = 0
    origins: tuple[Origin, ...] = ()
    new: bool = False


class Group(Struct, frozen=True):
    """Nodes to which the same happens for the same reason."""

    nodes: tuple[NodePlan, ...]
    component: str
    changes: tuple[ValueChange, ...]

    @property
    def first(self) -> NodePlan:
        """One of them, for what they have in common."""
        return self.nodes[0]


class Level(Struct, frozen=True):
    """All nodes of one depth; `groups` leave out those to which nothing happens."""

    depth: int
    unchanged: int
    groups: tuple[Group, ...]


def levels(nodes: Iterable[NodePlan], describe: Describe, most: int) -> list[Level]:
    """The levels of a plan; where one has more than `most` groups, those that differ in values become one."""
    found: dict[int, list[NodePlan]] = {}
    for node in nodes:
        found.setdefault(paths.depth(node.path), []).append(node)
    return [_level(depth, found[depth], describe, most) for depth in sorted(found)]


def _level(depth: int, nodes: list[NodePlan], describe: Describe, most: int) -> Level:
    touched = [node for node in nodes if node.action.acts]
    groups = _grouped(touched, lambda node: (_kind(node), _values(node)), describe)
    if len(groups) > most:
        coarse = _grouped(
            touched, lambda node: (_kind(node), tuple(change.what for change in node.changes)), describe
        )
        groups = coarse if len(coarse) < len(groups) else groups
    return Level(depth, len(nodes) - len(touched), tuple(groups))


def _values(node: NodePlan) -> tuple[object, ...]:
    """What may not differ in a group: of new nodes, whose values are all new, only what these are called."""
    if node.action is Action.CREATE:
        return tuple(change.what for change in node.changes)
    return node.changes


def _kind(node: NodePlan) -> tuple[object, ...]:
    # Where a node moves from is told for each, unless there are many: then that they move is enough.
    reason = f"moves{node.reason.partition('; ')[2]}" if node.previous_host else node.reason
    # By identity: what an Enum does to hash a member takes longer than all the rest.
    return (id(node.action), node.steps, reason, node.conditional, node.opaque)


def _grouped(
    nodes: list[NodePlan], key: Callable[[NodePlan], tuple[object, ...]], describe: Describe
) -> list[Group]:
    found: dict[tuple[object, ...], list[NodePlan]] = {}
    for node in nodes:
        found.setdefault((*key(node), describe(node.path)), []).append(node)
    return [Group(tuple(alike), describe(alike[0].path), _changes(alike)) for alike in found.values()]


def _changes(nodes: list[NodePlan]) -> tuple[ValueChange, ...]:
    positions = range(len(nodes[0].changes))
    return tuple(_common([node.changes[at] for node in nodes]) for at in positions)


def _common(changes: list[Change]) -> ValueChange:
    first = changes[0]
    different = {(change.before, change.after) for change in changes}
    new = all(change.before is None for change in changes)
    origins = first.origins if len({change.origins for change in changes}) == 1 else ()
    if len(different) > 1:
        return ValueChange(first.what, None, None, len(different), origins, new)
    return ValueChange(first.what, first.before, first.after, origins=origins)
