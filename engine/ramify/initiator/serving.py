"""What an initiator does for its parents: one run at a time on each subtree, told to whoever is attached.

It goes on with a run when the link to its parent is lost, and the parent attaches again. A second request
for the same work joins the run. Runs of disjoint subtrees go on side by side; one that wants a part of what
another works on is refused, and told who that is, unless it waits.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.directory.sqlite import Directory
from ramify.initiator import incoming
from ramify.initiator.active import Active
from ramify.initiator.domains import DomainError, Domains, Seen, Servers
from ramify.initiator.holders import Holders
from ramify.initiator.inquiry import Inquiry
from ramify.initiator.job import Job, Place
from ramify.initiator.jobs import Jobs, Made
from ramify.initiator.leases import LockedError, lease_of
from ramify.initiator.ledger import Emit
from ramify.initiator.listening import Listening
from ramify.initiator.messages import (
    Ended,
    Events,
    Holds,
    LockRequest,
    LogRequest,
    Refused,
    Request,
    Reserve,
    RunRequest,
    UnusableMessageError,
)
from ramify.initiator.parent import Parent, ParentLostError, Writer
from ramify.initiator.ports import Hosts
from ramify.initiator.reserving import LASTS
from ramify.initiator.ring import Ring
from ramify.initiator.run import Run
from ramify.initiator.supply import Fetch, MissingArtifactError, Supply, first_of
from ramify.initiator.tasks import beside, end, while_lasts
from ramify.model import bundle as bundles
from ramify.model.bundle import UnusableBundleError
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.events import Note
from ramify.model.history import Lease, overlaps
from ramify.repository.store import Store
from ramify.stub.wire import StubError
from ramify.transport.errors import TransportError
from ramify.transport.frames import Reader

logger = logging.getLogger(__name__)

Reach = Callable[[Fleet, Request, Directory], AbstractAsyncContextManager[Hosts]]
"""How an initiator comes to its hosts, for one run."""

Edges = tuple[Reach, Servers]
"""All that it reaches: hosts, and servers of domains."""


class WrongInitiatorError(Exception):
    """A request for somebody else."""


class StoppedError(Exception):
    """The parent does not want it any more."""


_REFUSALS = (
    StoppedError,
    WrongInitiatorError,
    UnusableBundleError,
    MissingArtifactError,
    DomainError,
    DiagnosticsError,
    StubError,
)


class _Holding(NamedTuple):
    """A run that stands against another one."""

    active: Active
    job: Job
    lease: Lease


class Service:
    """Serves parents, one run at a time on each subtree; `actives` are those that go on."""

    def __init__(
        self, path: str, stores: tuple[Store, Store], directory: Directory, edges: Edges, pinned: Path
    ) -> None:
        """`stores` are its own, and the packs that its host's stub keeps; `pinned` is that host's policy."""
        self._reach, servers = edges
        self._path = path
        self._stores = stores
        self._own = stores[0]
        self._directory = directory
        self._turn = asyncio.Lock()
        self.actives: list[Active] = []
        self._reserved: tuple[Lease, float] | None = None
        self._known: tuple[str, Fleet] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._domains = Domains(self._own.folder.parent / "domains", servers)
        self._jobs = Jobs(path, self._own, directory, self._domains, pinned)
        self._own.folder.mkdir(parents=True, exist_ok=True)
        incoming.sweep(self._own.folder)

    async def close(self) -> None:
        """End the run that is going on, and be done with all parents."""
        await end(self._running)

    async def attached(self, reader: Reader, writer: Writer) -> None:
        """Serve one parent, until it leaves or has what it wanted."""
        serving = asyncio.ensure_future(self._attached(reader, writer))
        self._hold(serving)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(serving)

    def _hold(self, task: "asyncio.Task[None]") -> None:
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _attached(self, reader: Reader, writer: Writer) -> None:
        parent = Parent(reader, writer, self._own.folder)
        try:
            request = await parent.request()
            match request:
                case LogRequest():
                    await while_lasts(parent.listen(), self._tell_logs(request, parent))
                case LockRequest():
                    await while_lasts(parent.listen(), self._tell_locks(request, parent))
                case Reserve():
                    await while_lasts(parent.listen(), self._reserve(request, parent))
                case RunRequest(options=options):
                    async with beside() as spawn:
                        spawn(parent.report(options))
                        await while_lasts(parent.listen(options.silence), self._serve(request, parent))
                case None:
                    pass
        except (UnusableMessageError, TransportError, OSError) as error:
            logger.warning("a parent was sent away: %s", error)
        finally:
            parent.close()

    async def _tell_logs(self, request: LogRequest, parent: Parent) -> None:
        """Bring logs up, whatever run goes on; the last run's bundle and the records tell who is where."""
        fleet = self._last_fleet()
        if fleet is None or request.path != self._path:
            await parent.send(Refused(f"the initiator of {self._path} has deployed nothing yet"))
            return
        async with self._reach(fleet, request, self._directory) as hosts:
            records = self._directory.records(self._path)
            await Listening(fleet, records, hosts, parent.send).bring(request)
        await parent.send(Ended())

    async def _tell_locks(self, request: LockRequest, parent: Parent) -> None:
        """Tell what is held here and below, whatever run goes on; those that are named end."""
        if request.path != self._path:
            await parent.send(Refused(f"this is the initiator of {self._path}, not of {request.path}"))
            return
        for active in self.actives:
            if active.lease.run in request.release:
                active.release(request.who)
        await parent.send(Holds(tuple(active.holding for active in self.actives)))
        fleet = self._last_fleet()
        if fleet is not None:
            async with self._reach(fleet, request, self._directory) as hosts:
                records = self._directory.records(self._path)
                await Holders(fleet, records, hosts, parent.send).ask(request)
        await parent.send(Ended())

    async def _reserve(self, request: Reserve, parent: Parent) -> None:
        """Begin nothing for others from now on, once nobody else is at work."""
        loop = asyncio.get_running_loop()
        end = None if request.wait is None else loop.time() + request.wait
        while (other := self._at_work(request.lease.run)) is not None:
            if end is not None and loop.time() >= end:
                await parent.send(Refused(str(LockedError(other.lease)), locked=True))
                return
            await parent.send(Events((Note(self._path, f"waits for run {other.lease.run}"),)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end):
                    await other.over.wait()
        self._reserved = request.lease, loop.time() + LASTS
        await parent.send(Ended())

    def _at_work(self, run: str) -> Active | None:
        """Another run that changes something."""
        found = (one for one in self.actives if one.lease.run != run and one.job.kind == "apply")
        return next(found, None)

    def _must_be_free(self, run: str) -> None:
        """Begin a run.

        Raises:
            LockedError: another one is about to stop this initiator.
        """
        if self._reserved is not None:
            lease, until = self._reserved
            if lease.run != run and asyncio.get_running_loop().time() < until:
                raise LockedError(lease)
            self._reserved = None

    def _last_fleet(self) -> Fleet | None:
        """What the last run was of, compiled once for all who ask; None where nothing was deployed."""
        runs = self._directory.history.runs()
        data = self._directory.bundles.get(runs[0].bundle) if runs else None
        if data is None:
            return None
        digest = runs[0].bundle
        if self._known is None or self._known[0] != digest:
            self._known = (digest, compile_fleet(bundles.decode(data, digest), self._path))
        return self._known[1]

    async def _serve(self, request: RunRequest, parent: Parent) -> None:
        try:
            active = await self._found(request, parent)
        except ParentLostError:
            return
        except LockedError as error:
            await parent.send(Refused(str(error), locked=True))
            return
        except _REFUSALS as error:
            logger.warning("run %s is refused: %s", request.run, error)
            await parent.send(Refused(str(error)))
            return
        except Exception as error:
            logger.exception("run %s cannot be started", request.run)
            await parent.send(Refused(f"an error of Ramify's own: {type(error).__name__}: {error}"))
            return
        await active.over.wait()
        await parent.flush()
        await parent.send(Refused(active.failure, begun=True) if active.failure else Ended())

    async def _found(self, request: RunRequest, parent: Parent) -> Active:
        """The run that a parent asks for, unless the parent stops before it has begun."""
        beginning = asyncio.ensure_future(self._begun(request, parent))
        stopped = asyncio.ensure_future(parent.stopped.wait())
        try:
            await asyncio.wait((beginning, stopped), return_when=asyncio.FIRST_COMPLETED)
            if beginning.done():
                return beginning.result()
            raise StoppedError("it was stopped before it began")
        finally:
            await end([beginning, stopped])

    async def _begun(self, request: RunRequest, parent: Parent) -> Active:
        return self._joined(request, parent) or await self._started(request, parent)

    def _joined(self, request: RunRequest, parent: Parent) -> Active | None:
        if request.path != self._path:
            raise WrongInitiatorError(f"this is the initiator of {self._path}, not of {request.path}")
        active = next((active for active in self.actives if active.is_for(request)), None)
        if active is not None:
            active.join(parent, self._jobs.found(request), request.tickets)
        return active

    async def _started(self, request: RunRequest, parent: Parent) -> Active:
        """The run of a request, once no other one works on what it wants."""
        loop = asyncio.get_running_loop()
        wait = request.options.wait if request.kind == "apply" else None
        end = None if wait is None else loop.time() + wait
        while True:
            async with self._turn:
                found = self._joined(request, parent) or await self._unopposed(request, parent)
            if isinstance(found, Active):
                return found
            other = found.lease
            if found.job.kind == "apply" and end is not None and loop.time() >= end:
                raise LockedError(other)
            parent.emit(Note(self._path, f"waits for run {other.run}"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end if found.job.kind == "apply" else None):
                    await found.active.over.wait()

    async def _unopposed(self, request: RunRequest, parent: Parent) -> "Active | _Holding":
        """The run, begun, or who works on a part of what it is to work on."""
        self._must_be_free(request.run)
        if not request.selection and self.actives:
            return self._holding(self.actives[0])
        made = await self._jobs.make(request, parent, [active.job for active in self.actives])
        self._must_be_free(request.run)  # that took its time
        lease = lease_of(made.job, _now())
        other = next((one for one in self.actives if overlaps(one.lease.paths, lease.paths)), None)
        if other is not None:
            return self._holding(other)
        active = Active(request, parent, self._own, made.job, lease)
        self.actives.append(active)
        self._hold(asyncio.create_task(self._carry_out(active, made)))
        return active

    @staticmethod
    def _holding(active: Active) -> "_Holding":
        return _Holding(active, active.job, active.lease)

    def _source(self, active: Active, seen: tuple[Seen, ...]) -> Fetch:
        """Where packs come from that are not here: the parents, or else the servers of domains."""
        return first_of(active.pack, *(partial(self._from_domain, one) for one in seen))

    async def _from_domain(self, seen: Seen, digest: str) -> Path:
        try:
            return await self._domains.pack(seen, digest, self._own)
        except DomainError as error:
            raise MissingArtifactError(str(error)) from error

    async def _inquire(self, made: Made, place: Place, emit: Emit) -> None:
        if made.planned is not None:
            emit(made.planned)
        await Inquiry(made.job, place, emit).carry_out()

    async def _carry_out(self, active: Active, made: Made) -> None:
        job = made.job
        supply = Supply(self._stores, self._source(active, made.seen))
        try:
            async with self._reach(job.fleet, active.request, self._directory) as hosts:
                place = Place(
                    directory=self._directory, hosts=hosts, supply=supply, ring=Ring(self._path, active.box)
                )
                if job.kind == "plan":
                    await self._inquire(made, place, active.emit)
                else:
                    async with beside() as spawn:
                        spawn(active.expire())
                        await Run(job, place, active.emit, _now, active.risk).carry_out()
        except Exception as error:
            logger.exception("run %s broke down", job.run)
            active.failure = f"an error of Ramify's own: {type(error).__name__}: {error}"
        finally:
            await supply.close()
            self.actives.remove(active)
            active.over.set()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
