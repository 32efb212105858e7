"""A veil over what programs of a node say: it goes up without the secrets that the node was given."""

from msgspec import structs

from ramify.compile.confidential import has_marks, used
from ramify.compile.fleet import Fleet
from ramify.initiator.ring import WITHHELD, Ring
from ramify.model.record import NodeRecord
from ramify.transport.replies import NodeState


class Veil:
    """Hides the secrets of one child, of which `before` is recorded."""

    def __init__(self, fleet: Fleet, ring: Ring, before: NodeRecord | None = None) -> None:
        self._fleet = fleet
        self._ring = ring
        self._guarded = before is not None and has_marks(before.values.values())

    def said(self, path: str, text: str) -> str:
        """What a node's program said, as everybody may see it."""
        node = self._fleet.by_path.get(path)
        names = used(self._fleet, node) if node else frozenset[str]()
        if self._guarded and not names and text:
            return WITHHELD  # its secrets are of an earlier bundle
        return self._ring.told(names, text)

    def over(self, state: NodeState) -> NodeState:
        """A state in which no program says what nobody may see."""
        if state.health is not None:
            output = self.said(state.path, state.health.output)
            state = structs.replace(state, health=structs.replace(state.health, output=output))
        if state.reverted is not None:
            why = self.said(state.path, state.reverted.why)
            state = structs.replace(state, reverted=structs.replace(state.reverted, why=why))
        return state
