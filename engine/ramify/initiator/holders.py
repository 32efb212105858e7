"""Who holds what below a path, asked of the initiators there, level by level; and locks taken away from runs.

Rule 1: every initiator tells what it holds itself, then asks its children: what a run further up has lost the
link to goes on down there, and nobody above knows.
Rule 2: of each that could not be asked it is told why. Nothing is changed but the runs that are named.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.initiator.answers import answers
from ramify.initiator.endings import ending
from ramify.initiator.messages import Holds, LockRequest, Unasked
from ramify.initiator.ports import Hosts, Session
from ramify.model import paths
from ramify.model.inventory import Host
from ramify.model.record import NodeRecord
from ramify.stub.tables import RUNNING
from ramify.stub.wire import NOT_ACTIVE
from ramify.transport.errors import UnusableReplyError
from ramify.transport.replies import StubError

AT_ONCE = 32

Hear = Callable[[Holds | Unasked], Awaitable[None]]


class Holders:
    """Asks the initiators below one path."""

    def __init__(self, fleet: Fleet, records: Mapping[str, NodeRecord], hosts: Hosts, hear: Hear) -> None:
        self._fleet = fleet
        self._records = records
        self._hosts = hosts
        self._hear = hear

    async def ask(self, request: LockRequest) -> None:
        """Ask all that may hold a part of it; whatever happens to one, the others are asked."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for child, host in self._children():
                if not request.paths or any(_meet(child, path) for path in request.paths):
                    group.create_task(self._one(slots, child, host, request), name=child)

    def _children(self) -> Iterator[tuple[str, Host]]:
        """The initiators just below, deployed or perhaps so."""
        fleet, deep = self._fleet, paths.depth(self._fleet.scope) + 1
        known = {record.initiator for record in self._records.values()}
        known |= {node.path for node in fleet.within(fleet.scope) if _deploys(fleet, node)}
        for path in sorted(known):
            if paths.depth(path) == deep and paths.within(path, fleet.scope):
                record = self._records.get(path)
                host = fleet.hosts.get(record.host) if record else fleet.host_of(path)
                if host is not None:
                    yield path, host

    async def _one(self, slots: asyncio.Semaphore, child: str, host: Host, request: LockRequest) -> None:
        try:
            async with slots, self._hosts.session(host, agent=self._agent(child, host)) as stub:
                await self._pass(stub, child, request)
        except StubError as error:
            if error.code != NOT_ACTIVE or self._runs(child):
                await self._hear(Unasked(child, str(error)))
        except Exception as error:  # noqa: BLE001 - one child's misfortune is not the others'
            await self._hear(Unasked(child, ending(error).message))

    def _runs(self, child: str) -> bool:
        record = self._records.get(child)
        return record is not None and record.service in RUNNING

    def _agent(self, child: str, host: Host) -> bool:
        """Whether somebody below is reached with the forwarded agent."""
        below = (self._fleet.host_of(node.path) for node in self._fleet.within(child))
        return any(one is not None and one.auth == "agent" for one in (host, *below))

    async def _pass(self, stub: Session, child: str, request: LockRequest) -> None:
        async for message in answers(stub, child, request):
            if not all(paths.within(path, child) for path in _told(message)):
                raise UnusableReplyError(child, "its initiator tells of what is not below it")
            await self._hear(message)


def _told(message: Holds | Unasked) -> Iterable[str]:
    return [one.at for one in message.holdings] if isinstance(message, Holds) else [message.path]


def _deploys(fleet: Fleet, node: Node) -> bool:
    component = fleet.class_of(node).component
    return component is not None and component.deploys


def _meet(one: str, other: str) -> bool:
    return paths.within(one, other) or paths.within(other, one)
