"""Nodes that lie on hosts and that nobody here knows: looked for where a session is open anyway."""

from collections.abc import Callable, Mapping
from functools import cached_property

from ramify.compile.fleet import Fleet
from ramify.initiator.asking import Asking
from ramify.initiator.ports import Session
from ramify.model import paths
from ramify.model.events import Stray
from ramify.model.inventory import Host
from ramify.model.record import NodeRecord
from ramify.stub.tables import ENVIRONMENT, MACHINES, SERVICE
from ramify.transport.replies import NodeState, StubError

MOST = 100
"""Of so many on one host is told."""


class Strays:
    """Asks each host once in a run. Whoever hears of a stray above may know it: there more is recorded."""

    def __init__(
        self, fleet: Fleet, records: Mapping[str, NodeRecord], tell: Callable[[Stray], None]
    ) -> None:
        self._fleet = fleet
        self._records = records
        self._tell = tell
        self._asked: set[str] = set()

    @cached_property
    def _known(self) -> dict[str, set[str]]:
        """The paths that are on each host, or shall be."""
        found: dict[str, set[str]] = {}
        if self._fleet.scope != paths.ROOT:
            # Its own node was put there by its parent.
            host = self._fleet.host_of(self._fleet.scope)
            found.setdefault(host.name if host else "", set()).add(self._fleet.scope)
        for node in self._fleet.by_path:
            host = self._fleet.host_of(node)
            found.setdefault(host.name if host else "", set()).add(node)
        for record in self._records.values():
            found.setdefault(record.host, set()).add(record.path)
        return found

    async def look(self, stub: Session, asking: Asking, host: Host) -> None:
        """Tell of what lies on a host beside what is known to be there."""
        if host.name in self._asked:
            return
        self._asked.add(host.name)
        known = sorted(self._known.get(host.name, ()))
        try:
            reply = await asking.within("strays", stub.request("strays", known=known))
        except StubError:
            return  # nobody's node is worse for it
        for stray in (_stray(state, host.name) for state in reply.nodes[:MOST]):
            if is_well_formed(stray):
                self._tell(stray)


def _stray(state: NodeState, host: str) -> Stray:
    pids = tuple(sorted(state.pids.values()))
    return Stray(state.path, host, state.environment, state.service, pids)


def is_well_formed(stray: Stray) -> bool:
    """Whether what somebody tells of a stray can be one: it is shown as it is."""
    states = stray.environment in MACHINES[ENVIRONMENT] and stray.service in MACHINES[SERVICE]
    return states and paths.problem(stray.path) is None and stray.host.isprintable()


def unknown(stray: Stray, fleet: Fleet, records: Mapping[str, NodeRecord]) -> bool:
    """Whether a stray that was told of is unknown here, too."""
    host, record = fleet.host_of(stray.path), records.get(stray.path)
    placed = host is not None and host.name == stray.host
    return not placed and (record is None or record.host != stray.host)
