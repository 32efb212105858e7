"""Holding a saved plan against what is recorded now: what still stands, what is done, and what moved on.

Whether a node moved on is decided where the truth is: by its own initiator, against that one's directory.
So a level judges its own children, and hands each the part of the plan that lies below it.
"""

from collections.abc import Collection, Mapping

from msgspec import Struct, structs

from ramify.compile import planning, unseen
from ramify.compile.fleet import Fleet
from ramify.compile.planning import LOOK, wanted
from ramify.compile.selection import select
from ramify.compile.steps import Standing, steps_down
from ramify.compile.unseen import There
from ramify.model import paths
from ramify.model.plan import Action, NodePlan, Plan, summarise
from ramify.model.record import NodeRecord, generation
from ramify.model.saved import Generations, Saved

MOVED_ON = "it is not any more as it was when this was planned: plan again"
PLANNED_OTHERWISE = "this version of Ramify plans it otherwise than the one that planned it: plan again"

Records = Mapping[str, NodeRecord]
Nodes = Mapping[str, NodePlan]


class Held(Struct, frozen=True):
    """What is left of a saved plan; `stale` nodes are not touched, each with the reason.

    `parts` are the generations that were seen below each child, by the child's path. `bounds` are the
    commands that each child may be given; where they are not told, what is found decides.
    """

    plan: Plan
    stale: dict[str, str]
    parts: dict[str, dict[str, str]]
    bounds: dict[str, tuple[str, ...] | None]

    def may(self, path: str) -> tuple[str, ...] | None:
        """The commands that a child may be given; None: whatever is due."""
        return self.bounds.get(path, ())


def held(now: Plan, records: Records, seen: Generations, scope: str, planned: Nodes | None = None) -> Held:
    """Hold what was `seen` when a plan was made against what would be planned `now`.

    A node that needs nothing any more is done, whatever became of it. `planned` are the saved plan's own
    nodes, where they are known.
    """
    stale: dict[str, str] = {}
    nodes: list[NodePlan] = []
    bounds: dict[str, tuple[str, ...] | None] = {}
    deep = paths.depth(scope) + 1
    for node in now.nodes:
        if node.path not in seen:
            continue
        record = records.get(node.path)
        own = paths.depth(node.path) == deep
        why = moved_on(node, record, seen, planned) if own and node.action.acts else ""
        if why:
            stale[node.path] = why
        nodes.append(untouched(node) if why else node)
        if own:
            bounds[node.path] = _bounds(nodes[-1], record)
    made = structs.replace(now, nodes=tuple(nodes), summary=summarise(nodes))
    return Held(made, stale, _parts(seen, scope), bounds)


def moved_on(node: NodePlan, record: NodeRecord | None, seen: Generations, planned: Nodes | None) -> str:
    """Why what would be done to a node now is not what was planned; nothing if it is."""
    if generation(record) != seen.get(node.path, ""):
        return MOVED_ON
    before = planned.get(node.path) if planned is not None else None
    return "" if before is None or _does(before) == _does(node) else PLANNED_OTHERWISE


def _does(node: NodePlan) -> tuple[object, ...]:
    return node.action, node.host, node.previous_host, node.steps


def untouched(node: NodePlan) -> NodePlan:
    """A node to which nothing is done."""
    return NodePlan(node.path, Action.UNCHANGED, node.host, node.initiator)


def _bounds(node: NodePlan, record: NodeRecord | None) -> tuple[str, ...] | None:
    if LOOK in node.steps:
        return None
    if node.action is Action.REPLACE and record is not None:
        return (*node.steps, *steps_down(Standing(record.environment, record.service)))
    return node.steps


def _parts(seen: Generations, scope: str) -> dict[str, dict[str, str]]:
    parts: dict[str, dict[str, str]] = {}
    deep = paths.depth(scope) + 1
    for path, one in seen.items():
        child = "/" + "/".join(path[1:].split("/", deep)[:deep])
        if child != path:
            parts.setdefault(child, {})[path] = one
    return parts


def recalled(fleet: Fleet, records: Records, saved: Saved) -> Held:
    """What of a saved plan still stands, as far as can be told from the top; each of its nodes is in it.

    What initiators alone plan is taken as they told it then: they hold it against what they know now.
    """
    old = saved.plan
    mounts = (*old.domains, *(one.path for one in old.open))
    told = tuple(node for node in old.nodes if mounts and any(unseen.above(node.path, mounts)))
    there = There(told, old.domains, old.open)
    selected, _ = select(old.selection, unseen.known(fleet, records, there))
    goal, fix = old.goal, old.fix_drift
    now = planning.plan(fleet, old.bundle, records, selected, old.selection, goal, fix_drift=fix)
    reached = wanted(selected, records) if goal == "apply" else selected
    now = unseen.completed(now, there, reached)
    planned = {node.path: node for node in old.nodes}
    found = held(now, records, saved.observed, fleet.scope, planned)
    due = {node.path: node for node in found.plan.nodes}
    nodes = tuple(due.get(node.path) or untouched(node) for node in old.nodes)
    return structs.replace(found, plan=structs.replace(found.plan, nodes=nodes, summary=summarise(nodes)))


def excepting(
    found: Held, seen: Generations, scope: str, stale: Mapping[str, str], over: Collection[str]
) -> Held:
    """What is left without some nodes: those that are not what was planned for another reason, or done.

    Nobody further down hears of them: who is not told of a node does not touch it.
    """
    left = {*stale, *over}
    kept = {path: one for path, one in seen.items() if path not in left}
    bounds = {path: () if path in left else may for path, may in found.bounds.items()}
    return Held(without(found.plan, left), {**stale, **found.stale}, _parts(kept, scope), bounds)


def without(plan: Plan, stale: Collection[str]) -> Plan:
    """A plan that leaves some nodes alone."""
    nodes = tuple(untouched(node) if node.path in stale else node for node in plan.nodes)
    return structs.replace(plan, nodes=nodes, summary=summarise(nodes))


def stale_now(found: Held, records: Records, seen: Generations) -> dict[str, str]:
    """All nodes that moved on as far as is recorded here, also those on which others decide."""
    changed = (node for node in found.plan.nodes if node.action.acts)
    moved = {node.path: moved_on(node, records.get(node.path), seen, None) for node in changed}
    return found.stale | {path: why for path, why in moved.items() if why}
