"""A stub's word as a record."""

from msgspec import structs

from ramify.compile.fleet import Fleet
from ramify.compile.profiles import profile, values
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.drift import received
from ramify.model.record import NodeRecord
from ramify.transport.replies import NodeState

NOT_REVERTED = "going back failed: "
"""How the problem of a node is recorded that its host could not take back."""

MOST_PROBLEM = 200
"""Letters of what a health check said that are recorded."""


def recorded(fleet: Fleet, path: str, state: NodeState, before: NodeRecord | None, host: str) -> NodeRecord:
    """What is recorded of a node now, on the host that told it, with the values that it runs with."""
    found = record_of(state, host, _values(fleet, fleet.by_path.get(path), state, before))
    unseen = before.drift if before is not None and state.drift is None else found.drift
    return structs.replace(found, drift=unseen)


def _values(fleet: Fleet, node: Node | None, state: NodeState, before: NodeRecord | None) -> dict[str, str]:
    """The values that a node runs with: those of now, or those that were recorded.

    Where only late ones are others, such as secrets, its binding alone tells which they are.
    """
    known = before if before is not None and before.digest == state.digest else None
    if node is None or fleet.digests[node.path].node != state.digest:
        return known.values if known else {}
    if known and known.binding == state.binding != fleet.digests[node.path].binding:
        return known.values
    return values(profile(fleet, node))


def record_of(state: NodeState, host: str, made: dict[str, str]) -> NodeRecord:
    """A stub's word as a record."""
    return NodeRecord(
        path=state.path,
        host=host,
        initiator=paths.parent(state.path),
        environment=state.environment,
        service=state.service,
        digest=state.digest,
        environment_digest=state.environment_digest,
        service_digest=state.service_digest,
        binding=state.binding,
        release=state.release,
        held=state.held,
        problem=_problem(state),
        values=made,
        drift=received(state.drift or ()),
    )


def _problem(state: NodeState) -> str:
    """What is wrong with a node that is where its records say."""
    ill = state.health is not None and state.health.state != "healthy"
    if state.reverted is not None:
        undone = bool(state.reverted.problem) and (ill or state.health is None)
        told = f"{NOT_REVERTED}{state.reverted.problem}" if undone else f"reverted: {state.reverted.why}"
        return told[:MOST_PROBLEM]
    if state.health is None or not ill:
        return ""
    said = f": {state.health.output}" if state.health.output else ""
    return f"{state.health.state}{said}"[:MOST_PROBLEM]
