"""The initiator as a service: a process on its node's host that a parent talks to over a unix socket.

Started by the stub like any other service. It goes on with a run when the link to its parent is lost, and
the parent attaches again; a second request for the same work joins the run, another one waits for its end.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import plan
from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.initiator.messages import Ended, Need, Refused, RunRequest, UnusableMessageError
from ramify.initiator.parent import Parent, ParentLostError
from ramify.initiator.reach import Reacher
from ramify.initiator.run import Job, Place, Run
from ramify.initiator.supply import MissingArtifactError, Supply
from ramify.initiator.tasks import beside
from ramify.model import paths
from ramify.model.bundle import UnusableBundleError, decode
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.events import Event, Found, Note, Report
from ramify.model.record import Outcome, fingerprint
from ramify.repository.store import Store
from ramify.stub import archive
from ramify.transport.connector import Connector
from ramify.transport.errors import TransportError
from ramify.transport.trust import Limits, Trust

SOCKET = "socket"

logger = logging.getLogger("ramify.initiator")


class Active:
    """The run that is going on, and who listens."""

    def __init__(self, request: RunRequest, parent: Parent) -> None:
        self.request = request
        self.listeners = [parent]
        self.report: asyncio.Future[Report] = asyncio.get_running_loop().create_future()

    def emit(self, event: Event) -> None:
        """Tell every listener."""
        for parent in self.listeners:
            parent.emit(event)

    def is_for(self, request: RunRequest) -> bool:
        """Whether a request asks for just this work."""
        return (self.request.kind, self.request.bundle, self.request.path, self.request.selection) == (
            request.kind,
            request.bundle,
            request.path,
            request.selection,
        )


class Service:
    """Serves parents, one run at a time."""

    def __init__(self, path: str, data: Path, packs: Path) -> None:
        self._path = path
        self._data = data
        self._own = Store(data / "packs")
        self._host = Store(packs)
        self._own.folder.mkdir(parents=True, exist_ok=True)
        self._directory = Directory(data / "directory.db")
        self._turn = asyncio.Lock()
        self._active: Active | None = None

    async def serve(self) -> None:
        """Listen until the process is asked to end."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)  # noqa: PTH108 - what a killed process left; nothing to wait for
        server = await asyncio.start_unix_server(self._attached, SOCKET)
        logger.info("initiator of %s is listening", self._path)
        async with server:
            await server.serve_forever()

    async def _attached(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parent = Parent(reader, writer, self._own.folder)
        try:
            request = await parent.request()
            if request is not None:
                async with beside() as spawn:
                    spawn(parent.listen())
                    spawn(parent.report())
                    await self._request(request, parent)
        except (UnusableMessageError, TransportError, OSError) as error:
            logger.warning("a parent was sent away: %s", error)
        finally:
            await parent.close()

    async def _request(self, request: RunRequest, parent: Parent) -> None:
        try:
            report = await self._joined(request, parent)
        except ParentLostError:
            return
        except (UnusableBundleError, MissingArtifactError, DiagnosticsError, ValueError) as error:
            logger.warning("run %s is refused: %s", request.run, error)
            await parent.send(Refused(str(error)))
            return
        except Exception:
            logger.exception("run %s ended in an error of Ramify's own", request.run)
            await parent.send(Refused("an internal error: the initiator's log says more"))
            return
        await parent.flush()
        told = tuple(result for result in report.results if result.outcome is not Outcome.UNCHANGED)
        await parent.send(Ended(told, len(report.results) - len(told)))

    async def _joined(self, request: RunRequest, parent: Parent) -> Report:
        if request.path != self._path:
            raise ValueError(f"this is the initiator of {self._path}, not of {request.path}")
        active = self._active
        if active is None or not active.is_for(request):
            return await self._started(request, parent)
        parent.emit(Note(self._path, f"joins run {active.request.run}, which does the same"))
        await self._tell_found(request, parent)
        active.listeners.append(parent)
        return await asyncio.shield(active.report)

    async def _started(self, request: RunRequest, parent: Parent) -> Report:
        if self._turn.locked() and self._active is not None:
            parent.emit(Note(self._path, f"waits for run {self._active.request.run}"))
        async with self._turn:
            bundle = await self._bundle(request.bundle, parent)
            await self._tell_found(request, parent)
            active = self._prepare(request, bundle, parent)
            return await asyncio.shield(active.report)

    def _prepare(self, request: RunRequest, bundle: bytes, parent: Parent) -> Active:
        fleet = compile_fleet(decode(bundle, request.bundle), request.path)
        if fleet.diagnostics.failed:
            raise DiagnosticsError(fleet.diagnostics)
        trust = Trust.of_initiator(fleet.bundle.inventory.known_hosts, request.agent, Path.home())
        connector = Connector(trust, Limits())
        supply = Supply((self._own, self._host), lambda digest: self._pack(digest, parent))
        place = Place(
            directory=self._directory,
            reacher=Reacher(connector, self._directory),
            supply=supply,
            now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
        )
        job = self._job(request, fleet, bundle)
        active = self._active = Active(request, parent)
        # The run is the service's, not the link's: it goes on when the parent is lost.
        active.report = asyncio.create_task(self._carry_out(Run(job, place, active.emit), connector, supply))
        return active

    async def _carry_out(self, run: Run, connector: Connector, supply: Supply) -> Report:
        try:
            return await run.carry_out()
        finally:
            self._active = None
            await supply.close()
            await connector.close()

    def _job(self, request: RunRequest, fleet: Fleet, bundle: bytes) -> Job:
        records = self._directory.records(self._path)
        known = [node.path for node in fleet.within(self._path)]
        selected, _ = select(request.selection, dict.fromkeys((*known, *records)))
        below = None if selected is None else selected - {self._path}
        made = plan(fleet, request.bundle, records, below, request.selection)
        nodes = tuple(node for node in made.nodes if node.path != self._path)
        return Job(
            run=request.run,
            kind=request.kind,
            fleet=fleet,
            bundle=bundle,
            plan=type(made)(made.bundle, nodes, made.summary, made.selection),
            selection=request.selection,
            options=request.options,
        )

    async def _tell_found(self, request: RunRequest, parent: Parent) -> None:
        """Make both directories say the same: ours is nearer to the truth, unless it has never been used."""
        records = self._directory.records(self._path)
        if fingerprint(records.values()) == request.known:
            return
        if not records and not self._directory.runs():
            inherited = await parent.fetch(Need("records"))
            if isinstance(inherited, tuple):
                below = [r for r in inherited if r.path != self._path and paths.within(r.path, self._path)]
                self._directory.replace_below(self._path, below)
            return
        parent.emit(Found(self._path, tuple(records.values())))

    async def _bundle(self, digest: str, parent: Parent) -> bytes:
        kept = self._own.path(digest).with_suffix(".bundle")
        if not kept.is_file():
            part = await parent.fetch(Need("bundle", digest))
            if not isinstance(part, Path):
                raise UnusableBundleError(f"bundle {digest[:12]} did not arrive")
            decode(part.read_bytes(), digest)
            part.replace(kept)
        return kept.read_bytes()

    async def _pack(self, digest: str, parent: Parent) -> Path:
        part = await parent.fetch(Need("pack", digest))
        if not isinstance(part, Path):
            raise MissingArtifactError(f"artifact {digest[:12]} did not arrive")
        target = self._own.path(digest)
        part.replace(target)
        return target


async def _serve() -> None:
    environ = os.environ
    os.chdir(environ["RAMIFY_RUN"])
    os.umask(0o077)
    data = Path(environ["RAMIFY_DATA"])
    archive.keep(data / "stub")
    service = Service(environ["RAMIFY_PATH"], data, data.parents[2] / "packs")
    serving = asyncio.ensure_future(service.serve())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main(_arguments: list[str]) -> int:
    """Run the service of the node that the stub's environment names; the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    asyncio.run(_serve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
