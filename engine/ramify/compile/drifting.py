"""What a plan does about drift: whether it is put right, left alone, or stops whatever is below it."""

from collections.abc import Iterable, Mapping

from msgspec import structs

from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.drift import OnDrift, summed
from ramify.model.plan import Action, NodePlan
from ramify.model.record import NodeRecord

Records = Mapping[str, NodeRecord]


def on_drift(fleet: Fleet, node: Node) -> OnDrift:
    """What is said nearest above a node, within its domain; without a word drift is put right."""
    above: Node | None = node
    while above is not None:
        if above.spec.on_drift:
            return above.spec.on_drift
        above = None if above.is_top else above.parent
    return fleet.realm_of(node).bundle.hierarchy.on_drift or "fix"


def is_fixed(fleet: Fleet, node: Node, *, asked: bool) -> bool:
    """Whether an apply puts drift of a node right; `asked`: somebody wants that, whatever is written."""
    return asked or on_drift(fleet, node) == "fix"


def due(fleet: Fleet, node: Node, record: NodeRecord, *, asked: bool) -> NodeRecord:
    """A record as it counts: drift that is left alone counts as none."""
    if not record.drift or is_fixed(fleet, node, asked=asked):
        return record
    return structs.replace(record, drift=())


def left_so(record: NodeRecord) -> str:
    """Why nothing is done about drift."""
    return f"drifted ({summed(record.drift)}), and left so, as `on_drift: report` says"


def stopped(
    fleet: Fleet, nodes: tuple[NodePlan, ...], records: Records, *, asked: bool
) -> tuple[NodePlan, ...]:
    """What is planned for nodes; those that shall stop for drift, and all below them, are left alone."""
    found = {} if asked else _stopping(fleet, records)
    return tuple(_stopped(node, found) for node in nodes) if found else nodes


def _stopping(fleet: Fleet, records: Records) -> dict[str, str]:
    drifted = (path for path, record in records.items() if record.drift and path in fleet.by_path)
    return {
        path: summed(records[path].drift)
        for path in drifted
        if on_drift(fleet, fleet.by_path[path]) == "stop"
    }


def _stopped(node: NodePlan, found: Mapping[str, str]) -> NodePlan:
    top = next((path for path in _upwards(node.path) if path in found), None)
    if top is None or (not node.action.acts and node.path != top):
        return node
    stopped = why(top, found[top], node.path)
    return NodePlan(
        node.path,
        Action.HELD,
        node.host,
        node.initiator,
        reason=stopped,
        drift=node.drift,
        stopped=True,
    )


def why(top: str, found: str, path: str) -> str:
    """Why nothing is done to a node: it has drifted, or the one on `top` of it."""
    what = f"drifted ({found})" if path == top else f"{top} drifted ({found})"
    return f"{what}: nothing is done until somebody has looked and says `--fix-drift`"


def _upwards(path: str) -> Iterable[str]:
    while path != paths.ROOT:
        yield path
        path = paths.parent(path)
