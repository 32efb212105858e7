"""What an initiator does for its parents: one run at a time, told to whoever is attached.

It goes on with a run when the link to its parent is lost, and the parent attaches again; a second request
for the same work joins the run, another one waits for its end.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from msgspec import structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import plan
from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.initiator import incoming
from ramify.initiator.active import Active
from ramify.initiator.messages import Ended, Need, Refused, RunRequest, UnusableMessageError
from ramify.initiator.parent import Parent, ParentLostError, Writer
from ramify.initiator.ports import Hosts
from ramify.initiator.run import Run
from ramify.initiator.supply import MissingArtifactError, Supply
from ramify.initiator.tasks import beside, end, while_lasts
from ramify.initiator.visit import Job, Place
from ramify.model import paths
from ramify.model.bundle import UnusableBundleError, decode
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.events import Found, Note
from ramify.model.plan import summarise
from ramify.model.record import fingerprint
from ramify.repository.store import Store
from ramify.transport.errors import TransportError
from ramify.transport.frames import Reader

logger = logging.getLogger(__name__)

Reach = Callable[[Fleet, RunRequest, Directory], AbstractAsyncContextManager[Hosts]]
"""How an initiator comes to its hosts, for one run."""


class WrongInitiatorError(Exception):
    """A request for somebody else."""


_REFUSALS = (WrongInitiatorError, UnusableBundleError, MissingArtifactError, DiagnosticsError)


class Service:
    """Serves parents, one run at a time."""

    def __init__(self, path: str, stores: tuple[Store, Store], directory: Directory, reach: Reach) -> None:
        """`stores` are its own, and the packs that the stub of its host keeps."""
        self._path = path
        self._stores = stores
        self._own = stores[0]
        self._directory = directory
        self._reach = reach
        self._turn = asyncio.Lock()
        self._active: Active | None = None
        self._running: set[asyncio.Task[None]] = set()
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
            if request is not None:
                async with beside() as spawn:
                    spawn(parent.report(request.options))
                    await while_lasts(parent.listen(), self._serve(request, parent))
        except (UnusableMessageError, TransportError, OSError) as error:
            logger.warning("a parent was sent away: %s", error)
        finally:
            parent.close()

    async def _serve(self, request: RunRequest, parent: Parent) -> None:
        try:
            active = await self._joined(request, parent) or await self._started(request, parent)
        except ParentLostError:
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

    async def _joined(self, request: RunRequest, parent: Parent) -> Active | None:
        if request.path != self._path:
            raise WrongInitiatorError(f"this is the initiator of {self._path}, not of {request.path}")
        active = self._active
        if active is None or not active.is_for(request):
            return None
        active.join(parent, self._found(request))
        return active

    async def _started(self, request: RunRequest, parent: Parent) -> Active:
        if self._active is not None:
            parent.emit(Note(self._path, f"waits for run {self._active.request.run}"))
        await self._turn.acquire()
        try:
            bundle = await self._bundle(request.bundle, parent)
            await self._agree(request, parent)
            job = self._job(request, bundle)
            self._tidy(job)
        except BaseException:
            self._turn.release()
            raise
        active = self._active = Active(request, parent, self._own)
        self._hold(asyncio.create_task(self._carry_out(active, job)))
        return active

    async def _carry_out(self, active: Active, job: Job) -> None:
        supply = Supply(self._stores, active.pack)
        try:
            async with self._reach(job.fleet, active.request, self._directory) as hosts:
                place = Place(directory=self._directory, hosts=hosts, supply=supply)
                await Run(job, place, active.emit, _now).carry_out()
        except Exception as error:
            logger.exception("run %s broke down", job.run)
            active.failure = f"an error of Ramify's own: {type(error).__name__}: {error}"
        finally:
            await supply.close()
            self._active = None
            active.over.set()
            self._turn.release()

    def _job(self, request: RunRequest, bundle: bytes) -> Job:
        fleet = compile_fleet(decode(bundle, request.bundle), request.path)
        if fleet.diagnostics.failed:
            raise DiagnosticsError(fleet.diagnostics)
        records = self._directory.records(self._path)
        known = (node.path for node in fleet.within(self._path))
        selected, _ = select(request.selection, dict.fromkeys((*known, *records)))
        below = None if selected is None else selected - {self._path}
        made = plan(fleet, request.bundle, records, below, request.selection)
        # The node itself is its parent's to care for.
        nodes = tuple(node for node in made.nodes if node.path != self._path)
        return Job(
            run=request.run,
            kind=request.kind,
            fleet=fleet,
            bundle=bundle,
            plan=structs.replace(made, nodes=nodes, summary=summarise(nodes)),
            selection=request.selection,
            options=request.options,
        )

    async def _agree(self, request: RunRequest, parent: Parent) -> None:
        """Make both directories say the same: ours is nearer to the truth, unless it has never been used."""
        if self._directory.runs() or self._directory.records(self._path):
            found = self._found(request)
            if found is not None:
                parent.emit(found)
        elif request.known != fingerprint(()):
            told = await parent.records()
            below = [r for r in told if r.path != self._path and paths.within(r.path, self._path)]
            self._directory.replace_below(self._path, below)

    def _found(self, request: RunRequest) -> Found | None:
        """What is recorded here, if the parent knows something else."""
        records = self._directory.records(self._path)
        records.pop(self._path, None)
        if fingerprint(records.values()) == request.known:
            return None
        return Found(self._path, tuple(records.values()))

    async def _bundle(self, digest: str, parent: Parent) -> bytes:
        kept = self._own.path(digest).with_suffix(".bundle")
        if not kept.is_file():
            await parent.fetch(Need("bundle", digest), kept)
        return kept.read_bytes()

    def _tidy(self, job: Job) -> None:
        """Keep what this bundle names: earlier ones, and their packs, can be had again."""
        bundle = job.fleet.bundle
        packs = [component.artifact for component in bundle.components.values()]
        packs += [runtime.artifact for runtime in bundle.runtimes]
        kept = {f"{job.plan.bundle}.bundle", *packs, *map(incoming.part, packs)}
        for file in self._own.folder.iterdir():
            if file.name not in kept:
                file.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
