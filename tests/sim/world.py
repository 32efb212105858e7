"""A world in memory: hosts with simulated stubs, initiators that are the real service, links that can break.

Real: runs, links, services, parents, directories in SQLite, plans. Simulated: stubs and connections.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ramify.compile.fleet import Fleet
from ramify.directory.sqlite import Directory
from ramify.initiator import messages
from ramify.initiator.messages import Chunk, Request
from ramify.initiator.serving import Service
from ramify.model.inventory import Host
from ramify.repository.store import Store
from ramify.stub.tables import RUNNING
from ramify.transport.channel import Channel
from sim.servers import SimServers
from sim.stubs import SimHost, SimNode, SimSession
from sim.wires import ChildEnd, End, ParentEnd, Wire


class Initiator:
    """The process of an initiator: the real service, with its directory in a file."""

    def __init__(self, world: "World", host: SimHost, path: str) -> None:
        self.path = path
        self.dead = False
        self.wires: list[Wire] = []
        self.directory = Directory(host.data(path) / "directory.db")
        stores = (Store(host.data(path) / "packs"), host.packs)
        pinned = host.packs.folder.parent / "trust.json"
        self.service = Service(path, stores, self.directory, (world.reach, world.servers), pinned)

    def kill(self) -> None:
        """As kill -9: from here on it writes and sends nothing."""
        self.dead = True
        self.directory.close()
        for wire in self.wires:
            wire.cut()

    async def stop(self) -> None:
        """As SIGTERM."""
        await self.service.close()
        if not self.dead:
            self.dead = True
            self.directory.close()
        for wire in self.wires:
            wire.child.hang_up()


class World:
    """Hosts, the initiators on them, and what was seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: dict[str, SimHost] = {}
        self.contacts: list[tuple[str, str]] = []
        self.commands: list[tuple[str, str, str]] = []
        self.refusals: list[tuple[str, str]] = []
        self.crossed: Counter[tuple[str, str]] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.cut_at: dict[str, int] = {}
        self.kill_at: dict[str, int] = {}
        self.servers = SimServers()
        self.dies_after: set[str] = set()
        self.touched: Callable[[str], None] = lambda path: None
        self.watching: Callable[[str, bytes], None] = lambda path, data: None
        self.moment: Callable[[], None] = lambda: None
        self._changed: list[tuple[SimHost, SimNode]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    # Ways to hosts.

    def host(self, name: str) -> SimHost:
        """A host, made when it is first asked for."""
        if name not in self.hosts:
            self.hosts[name] = SimHost(self, name, self.folder / "hosts" / name)
        return self.hosts[name]

    @asynccontextmanager
    async def reach(
        self, _fleet: Fleet, request: Request, _directory: Directory
    ) -> "AsyncIterator[SimHosts]":
        yield SimHosts(self, request.path)

    def attach(self, host: SimHost, initiator: Initiator) -> Channel:
        """A link to an initiator, served by it."""
        wire = Wire(host.name, lambda wire, sender, data: self._watch(initiator, wire, sender, data))
        initiator.wires.append(wire)
        child = ChildEnd(wire.child)
        self._spawn(initiator.service.attached(child, child))
        return ParentEnd(wire.parent)

    def _watch(self, initiator: Initiator, wire: Wire, sender: End, data: bytes) -> None:
        path = initiator.path
        self.watching(path, data)
        self.moment()
        if sender is wire.parent:
            header = data[8 : 8 + int.from_bytes(data[:4], "big")]
            with suppress(messages.UnusableMessageError):
                message = messages.decode_downward(header)
                if isinstance(message, Chunk) and message.offset == 0:
                    self.crossed[path, message.digest] += 1
        if self.cut_at.get(path) == wire.frames:
            del self.cut_at[path]
            wire.cut()
        if self.kill_at.get(path) == wire.frames:
            del self.kill_at[path]
            self.kill(initiator)

    # Processes.

    def changed(self, host: SimHost, node: SimNode) -> None:
        """A service was started or stopped by a command."""
        self._changed.append((host, node))

    async def settle(self, host: SimHost) -> None:
        """Let processes be as the commands say."""
        changed, self._changed = self._changed, []
        for where, node in changed:
            running = where.initiators.pop(node.path, None)
            if running is not None:
                await running.stop()
            start = node.order.get("service", {}).get("start") or {}
            if node.state[1] in RUNNING and "initiator" in start:
                where.initiators[node.path] = Initiator(self, where, node.path)

    def initiator(self, path: str) -> Initiator:
        """The running initiator of a node."""
        return next(host.initiators[path] for host in self.hosts.values() if path in host.initiators)

    def at_work(self, path: str) -> bool:
        """Whether the initiator of a node has a run going on."""
        return bool(self.initiator(path).service.actives)

    def directories(self) -> Iterator[tuple[str, Directory]]:
        """What all initiators know that are there, also the dead ones; each with its path."""
        for host in list(self.hosts.values()):
            for path in host.nodes:
                running = host.initiators.get(path)
                if running is not None and not running.dead:
                    yield path, running.directory
                elif (file := host.data(path) / "directory.db").exists():
                    directory = Directory(file)
                    yield path, directory
                    directory.close()

    def kill(self, initiator: Initiator) -> None:
        initiator.kill()
        self._spawn(initiator.service.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Nothing is left running."""
        for host in self.hosts.values():
            host.mend()
            for initiator in host.initiators.values():
                await initiator.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def quiet(self) -> None:
        """Wait until no initiator has a run going on."""
        for host in list(self.hosts.values()):
            for initiator in list(host.initiators.values()):
                for active in [] if initiator.dead else list(initiator.service.actives):
                    await active.over.wait()

    def mend(self) -> None:
        """All faults are gone."""
        self.cut_at.clear()
        self.kill_at.clear()
        for host in self.hosts.values():
            host.mend()

    # What there is.

    def up(self) -> dict[str, str]:
        """The paths that run, and where."""
        return {
            path: host.name
            for host in self.hosts.values()
            for path in host.nodes
            if host.node(path).state[1] in RUNNING
        }

    def given(self, path: str) -> list[str]:
        """The commands that a node was given."""
        return [command for _, found, command in self.commands if found == path]


class SimHosts:
    """The hosts as one initiator, or the operator, sees them (implements Hosts)."""

    def __init__(self, world: World, who: str) -> None:
        self._world = world
        self._who = who

    @asynccontextmanager
    async def session(
        self, host: Host, *, agent: bool = False, fresh: bool = False
    ) -> AsyncIterator[SimSession]:
        world, found = self._world, self._world.host(host.name)
        world.contacts.append((self._who, host.name))
        world.at_once[self._who] += 1
        world.most_at_once[self._who] = max(world.most_at_once[self._who], world.at_once[self._who])
        session = SimSession(found)
        try:
            await asyncio.sleep(0)
            if found.wrong is not None:
                wrong = found.wrong
                await found.tried()
                raise wrong
            yield session
        finally:
            world.at_once[self._who] -= 1
            await session.close()
