"""Logs of nodes, brought up the tree: from the stubs of one's own children, else from their initiators.

Rule 1: a piece is passed on before the next one is asked for: whoever reads slowly makes all below wait.
Rule 2: the end of whoever listens ends everything below, link by link. A run is not in the way of it.
Rule 3: of every node that was asked for it is said once that there is no more, and why.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from msgspec import structs

from ramify.compile.fleet import Fleet
from ramify.initiator.answers import PATIENCE, answers
from ramify.initiator.endings import ending
from ramify.initiator.messages import LogRequest, Over, Said
from ramify.initiator.ports import Hosts, Session
from ramify.model import paths
from ramify.model.inventory import Host
from ramify.model.record import NodeRecord
from ramify.transport.errors import UnusableReplyError

WAIT = 10.0
"""Seconds in which a follower hears something, if only that there is nothing."""
AT_ONCE = 32

Hear = Callable[[Said | Over], Awaitable[None]]


class Listening:
    """Brings the logs of nodes below one path to whoever asked."""

    def __init__(self, fleet: Fleet, records: Mapping[str, NodeRecord], hosts: Hosts, hear: Hear) -> None:
        self._fleet = fleet
        self._records = records
        self._hosts = hosts
        self._hear = hear

    async def bring(self, request: LogRequest) -> None:
        """Bring what is asked for; with `follow` until nobody listens any more."""
        scope = self._fleet.scope
        own: dict[str, list[str]] = {}
        for path in request.paths:
            if path != scope and paths.within(path, scope):
                own.setdefault(_child(path, scope), []).append(path)
            else:
                await self._hear(Over(path, "it is not below this initiator"))
        slots = asyncio.Semaphore(len(request.paths) if request.follow else AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for child, nodes in own.items():
                below = tuple(path for path in nodes if path != child)
                if child in nodes:
                    group.create_task(self._one(slots, child, (child,), request, self._ask))
                if below:
                    group.create_task(self._one(slots, child, below, request, self._pass))

    async def _one(
        self, slots: asyncio.Semaphore, child: str, nodes: tuple[str, ...], request: LogRequest, how: Any
    ) -> None:
        """Bring those of one child, or of nodes below it; whatever goes wrong, the others go on."""
        left = set(nodes)

        async def hear(message: Said | Over) -> None:
            if message.path not in left:
                raise UnusableReplyError(child, "its initiator tells of nodes that nobody asked for")
            if isinstance(message, Over):
                left.remove(message.path)
            await self._hear(message)

        why = "no more came"
        async with slots:
            try:
                host = self._host(child, coming=child in request.at)
                if isinstance(host, str):
                    why = host
                else:
                    async with self._hosts.session(host, agent=self._agent(host, nodes)) as stub:
                        await how(stub, child, structs.replace(request, paths=nodes), hear)
            except Exception as error:  # noqa: BLE001 - one child's misfortune is not the others'
                why = ending(error).message
        for path in sorted(left):
            await self._hear(Over(path, why))

    def _host(self, child: str, *, coming: bool) -> Host | str:
        record = self._records.get(child)
        if record is None:
            return (self._fleet.host_of(child) if coming else None) or "it has not been deployed"
        return self._fleet.hosts.get(record.host) or f'host "{record.host}" is not in the inventory any more'

    def _agent(self, host: Host, nodes: Iterable[str]) -> bool:
        """Whether somebody below is reached with the forwarded agent."""
        known = (self._fleet.host_of(path) for path in nodes if path in self._fleet.by_path)
        return any(one is not None and one.auth == "agent" for one in (host, *known))

    async def _ask(self, stub: Session, path: str, request: LogRequest, hear: Hear) -> None:
        """From a child's stub, piece by piece."""
        wanted: dict[str, Any] = {
            "lines": request.lines,
            "previous": request.previous,
            "install": request.install,
            "whole": request.follow,
        }
        at: dict[str, Any] | None = request.at.get(path)
        more = False
        while True:
            wait = WAIT if request.follow and at is not None and not more else 0
            async with asyncio.timeout(PATIENCE + wait):
                reply = await stub.request("logs", path=path, at=at, wait=wait, **wanted)
            for name, piece in reply.logs.items():
                await hear(Said(path, name, piece.text, piece.lost, piece.at))
            at, more = {**(at or {}), **{name: one.at for name, one in reply.logs.items()}}, reply.more
            if not more and not request.follow:
                await hear(Over(path))
                return
            if not reply.logs:
                await hear(Said(path))

    async def _pass(self, stub: Session, child: str, request: LogRequest, hear: Hear) -> None:
        """From a child's initiator, as it comes."""
        async for message in answers(stub, child, request):
            await hear(message)


def _child(path: str, scope: str) -> str:
    depth = paths.depth(scope) + 1
    return "/" + "/".join(path[1:].split("/")[:depth])
