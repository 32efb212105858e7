"""Planning: desired state and recorded state in, what happens to every node out. A pure function."""

from collections.abc import Iterable, Mapping

from msgspec import structs

from ramify.compile import lifecycle
from ramify.compile.certainty import conditional, of_deployed, opaque
from ramify.compile.changes import changes
from ramify.compile.drifting import due, left_so, stopped
from ramify.compile.fleet import Fleet
from ramify.compile.standing import standing
from ramify.compile.steps import NOTHING, PAUSED, STOPPED, Standing, steps_down, steps_up
from ramify.compile.tree import Node
from ramify.compile.unseen import above
from ramify.model import paths
from ramify.model.drift import summed
from ramify.model.plan import Action, Change, Goal, NodePlan, Plan, summarise
from ramify.model.record import NodeRecord
from ramify.stub.tables import INSTALLED

Records = Mapping[str, NodeRecord]

LOOK = lifecycle.LOOK

_HELD_BY = {STOPPED: "it was stopped on purpose", PAUSED: "it was paused on purpose"}


def plan(  # noqa: PLR0913 - what is to be done, and how it is meant
    fleet: Fleet,
    bundle_digest: str,
    records: Records,
    selected: frozenset[str] | None = None,
    selection: tuple[str, ...] = (),
    goal: Goal = "apply",
    *,
    fix_drift: bool = False,
) -> Plan:
    """Plan what can be seen of the fleet's scope; `selected` limits it to some paths (None: all).

    With `apply` as its goal:
    A selected node can only be reached through its ancestors, so those that are not up come along. One that
    leaves the hierarchy stays while something below it that is not selected stays. What has drifted is put
    right where the hierarchy says so, or everywhere, to `fix_drift`.
    """
    if goal != "apply":
        nodes = lifecycle.plan_nodes(fleet, records, selected, goal)
        return Plan(bundle_digest, nodes, summarise(nodes), selection, goal=goal)
    chosen = wanted(selected, records)
    present, unseen = fleet.by_path, frozenset(fleet.unseen)
    up = [
        plan_node(fleet, node, records.get(node.path), fix_drift=fix_drift)
        for node in fleet.within(fleet.scope)
        if chosen is None or node.path in chosen
    ]
    gone = [
        record
        # Children before their parents: "/a/b" comes after "/a".
        for path, record in sorted(records.items(), reverse=True)
        if path not in present and _matters(record) and paths.within(path, fleet.scope)
        if not any(above(path, unseen))  # planned there
    ]
    leaving, kept = (gone, []) if chosen is None else _chosen_to_leave(gone, chosen)
    asleep = {path for path, record in records.items() if record.held == STOPPED and path in present}
    removals = (_plan_removal(fleet, record) for record in leaving)
    staying = (_plan_staying(record) for record in kept)
    nodes = tuple(_left_alone(made, asleep) for made in (*up, *removals, *staying))
    nodes = stopped(fleet, nodes, records, asked=fix_drift)
    return Plan(bundle_digest, nodes, summarise(nodes), selection, fix_drift=fix_drift)


def wanted(selected: frozenset[str] | None, records: Records) -> frozenset[str] | None:
    """Selected paths with those of their ancestors that are not up; None stays all."""
    return None if selected is None else selected | _missing_ancestors(selected, records)


def _chosen_to_leave(
    gone: Iterable[NodeRecord], chosen: frozenset[str]
) -> tuple[list[NodeRecord], list[NodeRecord]]:
    """Those that are chosen: who leaves, and who is kept by children, which come first, that stay."""
    leaving: list[NodeRecord] = []
    kept: list[NodeRecord] = []
    needed: set[str] = set()
    for record in gone:
        if record.path in chosen and record.path not in needed:
            leaving.append(record)
            continue
        needed.add(paths.parent(record.path))
        if record.path in chosen:
            kept.append(record)
    return leaving, kept


def _plan_staying(record: NodeRecord) -> NodePlan:
    initiator = paths.parent(record.path)
    return NodePlan(record.path, Action.HELD, record.host, initiator, reason="something below it stays")


def _left_alone(made: NodePlan, asleep: set[str]) -> NodePlan:
    """What is below an initiator that was stopped on purpose waits until somebody starts that again."""
    blocking = next(above(made.path, asleep), None) if made.action.acts else None
    if blocking is None:
        return made
    reason = f"{blocking} was stopped on purpose: it waits until that is started"
    return structs.replace(made, action=Action.HELD, steps=(), changes=(), reason=reason)


def _matters(record: NodeRecord) -> bool:
    """Whether something of the node may be on its host."""
    return record.exists or bool(record.open)


def _missing_ancestors(selected: Iterable[str], records: Records) -> frozenset[str]:
    found: set[str] = set()
    for path in selected:
        parent = paths.parent(path)
        while parent != paths.ROOT and parent not in found:
            record = records.get(parent)
            if record is None or not record.exists or record.open:
                found.add(parent)
            parent = paths.parent(parent)
    return frozenset(found)


def plan_node(fleet: Fleet, node: Node, record: NodeRecord | None, *, fix_drift: bool = False) -> NodePlan:
    """What happens to one node of the fleet."""
    drift = tuple(one.words for one in record.drift) if record else ()
    left = ""
    if record is not None:
        seen, record = record, due(fleet, node, record, asked=fix_drift)
        left = left_so(seen) if seen.drift and not record.drift else ""
    host = fleet.host_of(node.path)
    name = host.name if host else ""
    initiator = paths.parent(node.path)
    action, steps, reason, found = _step(fleet, node, record, name)
    if not action.acts:
        why = "; ".join(filter(None, (reason, left)))
        return NodePlan(node.path, action, name, initiator, reason=why, drift=drift)
    made = fleet.class_of(node)
    return NodePlan(
        node.path,
        action,
        name,
        initiator,
        steps,
        found,
        reason,
        record.host if record and action is Action.REPLACE else "",
        conditional(made, record),
        (*opaque(made, steps), *_run_where_it_was(fleet, action, record)),
        drift,
    )


def _run_where_it_was(fleet: Fleet, action: Action, record: NodeRecord | None) -> tuple[str, ...]:
    """What of a node's removal from its earlier host runs programs."""
    if action is not Action.REPLACE or record is None:
        return ()
    return of_deployed(fleet, record, steps_down(Standing(record.environment, record.service)))[1]


def _step(
    fleet: Fleet, node: Node, record: NodeRecord | None, host: str
) -> tuple[Action, tuple[str, ...], str, tuple[Change, ...]]:
    """What happens to a node, by which steps, why, and what becomes of its values."""
    if record is None or not _matters(record):
        return Action.CREATE, steps_up(NOTHING), "", ()
    if record.host != host:
        anew = structs.replace(NOTHING, held=record.held)
        return Action.REPLACE, steps_up(anew), _and_stays(f"moves from {record.host}", record), ()
    steps = steps_up(standing(fleet, node, record, record))
    if record.open:
        return Action.UPDATE, (LOOK, *steps), "an earlier run was interrupted", ()
    held = _HELD_BY.get(record.held, "")
    if not steps:
        return (Action.HELD if held else Action.UNCHANGED), (), held, ()
    found, reason = _changes(fleet, node, record)
    return Action.UPDATE, steps, _and_stays(reason, record), found


def _and_stays(reason: str, record: NodeRecord) -> str:
    """A reason, and why a node does not run after what is done for it."""
    held = _HELD_BY.get(record.held)
    return "; ".join(filter(None, (reason, held and f"{held}, and stays so")))


def _changes(fleet: Fleet, node: Node, record: NodeRecord) -> tuple[tuple[Change, ...], str]:
    """What a node's values become, and in words what no value shows."""
    wished = fleet.digests[node.path]
    if record.drift:
        repaired = tuple(one.change for one in record.drift if one.how != "others")
        return (*repaired, *_wished(fleet, node, record)), f"drifted: {summed(record.drift)}"
    if record.digest == wished.node and record.binding == wished.binding:
        installed = record.environment == INSTALLED
        return (), f"found {record.service if installed else record.environment}"
    found = changes(fleet, node, record.values)
    if found:
        return found, ""
    if record.digest == wished.node:
        return (), "an address around it or a secret changed, or Ramify itself"
    return (), "component or children changed"


def _wished(fleet: Fleet, node: Node, record: NodeRecord) -> tuple[Change, ...]:
    """The changes of values alone."""
    wished = fleet.digests[node.path]
    is_same = (record.digest, record.binding) == (wished.node, wished.binding)
    return () if is_same else changes(fleet, node, record.values)


def _plan_removal(fleet: Fleet, record: NodeRecord) -> NodePlan:
    steps = steps_down(Standing(record.environment, record.service))
    conditional, opaque = of_deployed(fleet, record, steps)
    return NodePlan(
        record.path, Action.DESTROY, record.host, paths.parent(record.path),
        (LOOK, *steps) if record.open else steps, reason="not in the hierarchy any more",
        conditional=conditional, opaque=opaque,
    )  # fmt: skip
