"""A world in memory: hosts with simulated stubs, initiators that are the real service, links that can break.

Real: runs, links, services, parents, directories in SQLite, plans. Simulated: stubs and connections.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from ramify.compile import unseen
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.holding import recalled
from ramify.compile.planning import plan, wanted
from ramify.compile.selection import select
from ramify.compile.unseen import There
from ramify.directory.sqlite import Directory
from ramify.initiator import messages
from ramify.initiator.brake import Brake
from ramify.initiator.inquiry import Inquiry
from ramify.initiator.job import Job, Place
from ramify.initiator.messages import Chunk, Kind, LogRequest, Options, RunRequest
from ramify.initiator.ring import Ring
from ramify.initiator.run import Run
from ramify.initiator.serving import Service
from ramify.initiator.supply import Supply
from ramify.model import bundle as bundles
from ramify.model import paths, saved
from ramify.model.bundle import Bundle
from ramify.model.events import Event, Planned, Report, Unheard
from ramify.model.inventory import Host
from ramify.model.plan import Goal, Plan
from ramify.model.record import NodeRecord, Outcome
from ramify.model.rollout import Limits
from ramify.model.saved import Saved
from ramify.repository.store import Store
from ramify.repository.transfers import TransferError
from ramify.stub.tables import RUNNING
from ramify.transport.channel import Channel
from sim.stubs import SimHost, SimNode, SimSession
from sim.wires import ChildEnd, End, ParentEnd, Wire

QUICK = Options(wait=None, gather=0, command_timeout=600, silence=600, beat=300, confirm_timeout=0.02)


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


class SimServers:
    """Servers of domains (implements Servers): what they serve, who is down, and what they were asked for."""

    def __init__(self) -> None:
        self.serves: dict[str, Bundle] = {}
        self.store: Store | None = None
        self.down: set[str] = set()
        self.asked: list[str] = []

    async def bundle(self, server: str, known: str) -> bytes | None:
        await self._answer(server, "bundle")
        data = bundles.encode(structs.replace(self.serves[server], runtimes=()))
        return None if bundles.digest(data) == known else data

    async def pack(self, server: str, digest: str, store: Store) -> Path:
        await self._answer(server, digest)
        if self.store is None or not self.store.has(digest):
            raise TransferError("http-status", "the server answers 404")
        store.path(digest).write_bytes(self.store.path(digest).read_bytes())
        return store.path(digest)

    async def _answer(self, server: str, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(0)
        if server in self.down:
            raise TransferError("no-answer", "Connection refused")


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
        self.watching: Callable[[str, bytes], None] = lambda path, data: None
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
        self, _fleet: Fleet, request: RunRequest | LogRequest, _directory: Directory
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


class Operator:
    """The operator: a directory, a store, and bundles to carry out."""

    def __init__(self, world: World, store: Store) -> None:
        self.world = world
        self.store = store
        self.events: list[Event] = []
        self.brake = Brake()
        self._number = 0
        self.open_directory()

    def open_directory(self) -> None:
        """After a death, or at first."""
        self.directory = Directory(self.world.folder / "operator" / "directory.db")

    def lose_directory(self) -> None:
        """As if its file had been deleted."""
        self.directory.close()
        for file in (self.world.folder / "operator").glob("directory.db*"):
            file.unlink()
        self.open_directory()

    def records(self) -> dict[str, NodeRecord]:
        return self.directory.records()

    def fleet(self, bundle: Bundle) -> Fleet:
        fleet = compile_fleet(bundle)
        assert not fleet.diagnostics.failed, list(fleet.diagnostics)
        return fleet

    def plan(self, bundle: Bundle, *selection: str, goal: Goal = "apply") -> Plan:
        return self._plan(self.fleet(bundle), selection, goal=goal)

    def _plan(
        self,
        fleet: Fleet,
        selection: tuple[str, ...],
        there: There | None = None,
        goal: Goal = "apply",
        *,
        fix: bool = False,
    ) -> Plan:
        records, there = self.records(), there or unseen.unasked(fleet)
        selected, _ = select(selection, unseen.known(fleet, records, there))
        digest = bundles.digest(bundles.encode(fleet.bundle))
        made = plan(fleet, digest, records, selected, selection, goal, fix_drift=fix)
        reached = wanted(selected, records) if goal == "apply" else selected
        return unseen.completed(made, there, reached)

    async def apply(
        self,
        bundle: Bundle,
        *selection: str,
        kind: Kind = "apply",
        options: Options = QUICK,
        most: Limits | None = None,
    ) -> Report:
        """Plan and carry out; the events are in `events`."""
        fleet = self.fleet(bundle)
        there = await self.ask(bundle) if fleet.unseen and kind == "apply" else None
        made = self._plan(fleet, selection, there, fix=options.fix_drift)
        job = self._job(fleet, kind, made, options)
        return await self._run(replace(job, most=most or Limits()))

    async def command(self, bundle: Bundle, goal: Goal, *selection: str, options: Options = QUICK) -> Report:
        """Plan one of the lifecycle commands, and carry it out."""
        fleet = self.fleet(bundle)
        return await self._run(self._job(fleet, "apply", self._plan(fleet, selection, goal=goal), options))

    async def _run(self, job: Job) -> Report:
        self.events = []
        run = Run(job, self._place(), self.events.append, lambda: f"{self._number:04}")
        self.brake.fit(run.risk)
        try:
            return await run.carry_out()
        finally:
            self.brake = Brake()

    def save(self, bundle: Bundle, *selection: str) -> Saved:
        """A plan to be carried out later, as it comes back from its file."""
        return self._saved(self.fleet(bundle), self.plan(bundle, *selection))

    async def save_there(self, bundle: Bundle, *selection: str) -> Saved:
        """The same, with what initiators plan."""
        return self._saved(self.fleet(bundle), await self.plan_there(bundle, *selection))

    def _saved(self, fleet: Fleet, made: Plan) -> Saved:
        seen = saved.observed(made, self.records())
        return saved.decode(saved.encode(Saved(made, bundles.encode(fleet.bundle), seen, "sim", "now")))

    async def apply_saved(self, plan: Saved, options: Options = QUICK) -> Report:
        """Carry out just what a plan says, as the operator does."""
        fleet = self.fleet(plan.opened())
        found = recalled(fleet, self.records(), plan)
        job = self._job(fleet, "apply", found.plan, options)
        return await self._run(replace(job, bundle=plan.bundle, held=found))

    async def ask(self, bundle: Bundle, options: Options = QUICK) -> There:
        """What initiators plan below nodes whose domains only they can ask for."""
        fleet = self.fleet(bundle)
        job = self._job(fleet, "plan", self._plan(fleet, ()), options)
        self.events = []
        await Inquiry(job, self._place(), self.events.append).carry_out()
        told = [event for event in self.events if isinstance(event, Planned | Unheard)]
        return unseen.gathered(fleet.unseen, told)

    async def plan_there(self, bundle: Bundle, *selection: str) -> Plan:
        """The whole plan, one tree."""
        return self._plan(self.fleet(bundle), selection, await self.ask(bundle))

    def _job(self, fleet: Fleet, kind: Kind, made: Plan, options: Options) -> Job:
        self._number += 1
        return Job(
            run=f"run{self._number}",
            kind=kind,
            fleet=fleet,
            bundle=bundles.encode(fleet.bundle),
            plan=made,
            selection=made.selection,
            options=options,
            mounts=unseen.due(made),
        )

    def _place(self) -> Place:
        hosts, supply = SimHosts(self.world, paths.ROOT), Supply((self.store,))
        return Place(directory=self.directory, hosts=hosts, supply=supply, ring=Ring(paths.ROOT))

    async def refresh(self, bundle: Bundle, options: Options = QUICK) -> Report:
        return await self.apply(bundle, kind="refresh", options=options)


def outcomes(report: Report) -> dict[str, str]:
    """The outcome of every path; each is told of once."""
    found = {result.path: result.outcome.value for result in report.results}
    assert len(found) == len(report.results)
    assert sum(report.count(outcome) for outcome in Outcome) == len(found)
    return found


def quick(**changes: float) -> Options:
    """Options for tests, changed."""
    return structs.replace(QUICK, **changes)
