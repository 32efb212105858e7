"""A run: all that is below one path brought to its desired state, every branch on its own.

The same code stands at the operator and at every initiator. It contacts its own children only; what is
below them is done by them.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec import structs

from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.directory.sqlite import Directory
from ramify.initiator.drive import Driver, NodeFailedError, record_of
from ramify.initiator.link import Link, RunRefusedError
from ramify.initiator.messages import Ended, Kind, Options, RunRequest
from ramify.initiator.reach import Reacher
from ramify.initiator.supply import MissingArtifactError, Supply
from ramify.initiator.work import Branch, branches
from ramify.model import paths
from ramify.model.events import Event, Finished, Found, Note, Report, Started
from ramify.model.plan import Action, Plan
from ramify.model.record import NodeRecord, NodeResult, Outcome, fingerprint
from ramify.transport.channel import Channel
from ramify.transport.errors import ConnectionLostError, TransportError, UnreachableError, UnusableReplyError
from ramify.transport.stubclient import StubClient, StubError

Emit = Callable[[Event], None]

_IN_DOUBT = (ConnectionLostError, UnusableReplyError)
"""After these nobody knows whether the last command was carried out."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done: values only."""

    run: str
    kind: Kind
    fleet: Fleet
    bundle: bytes
    plan: Plan
    selection: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it is done from: this machine's edges."""

    directory: Directory
    reacher: Reacher
    supply: Supply
    now: Callable[[], str]


class Run:
    """Carries a job out."""

    def __init__(self, job: Job, place: Place, emit: Emit) -> None:
        self._job = job
        self._place = place
        self._emit = emit
        self._results: dict[str, NodeResult] = {}
        self._driver = Driver(job.fleet, place.supply, job.options)
        self._slots = asyncio.Semaphore(job.options.parallel)
        self._before = place.directory.records(job.fleet.scope)
        self._branches = branches(job.fleet, job.plan, self._before, everything=job.kind == "refresh")
        self._ended = {branch.path: asyncio.Event() for branch in self._branches}

    async def carry_out(self) -> Report:
        """Do it all; every planned node has exactly one result in the report, whatever happens."""
        directory, job = self._place.directory, self._job
        directory.begin(job.run, job.fleet.scope, job.plan.bundle, self._place.now(), self._opened())
        try:
            async with asyncio.TaskGroup() as group:
                for branch in self._branches:
                    group.create_task(self._branch(branch), name=branch.path)
        finally:
            report = self._report()
            counts = {outcome.value: report.count(outcome) for outcome in Outcome}
            directory.finish(job.run, self._place.now(), counts)
        return report

    def _opened(self) -> Iterable[NodeRecord]:
        """Records of what the run is about to touch, marked: written before anything happens."""
        if self._job.kind == "refresh":
            return
        for planned in self._job.plan.nodes:
            if planned.action is not Action.UNCHANGED:
                record = self._before.get(planned.path)
                if record is None:
                    record = NodeRecord(planned.path, planned.host, planned.initiator)
                yield structs.replace(record, open=self._job.run)

    def _report(self) -> Report:
        results = [
            self._results.get(planned.path)
            or NodeResult(
                planned.path, Outcome.UNCHANGED if planned.action is Action.UNCHANGED else Outcome.UNKNOWN
            )
            for planned in self._job.plan.nodes
        ]
        planned_paths = {planned.path for planned in self._job.plan.nodes}
        # An initiator may know of more than we did: a node that only its own directory still has.
        more = [result for path, result in self._results.items() if path not in planned_paths]
        return Report((*results, *more))

    # One branch: a child, and all below it.

    async def _branch(self, branch: Branch) -> None:
        try:
            failed = await self._after(branch)
            if failed is not None:
                self._skip(branch.all, f"it comes after {failed}, which is not up")
                return
            async with self._slots:
                await self._guarded(branch)
        finally:
            self._ended[branch.path].set()

    async def _after(self, branch: Branch) -> str | None:
        """Wait for the siblings that come first; the one that did not come up, if any."""
        for path in branch.after:
            if path in self._ended:
                await self._ended[path].wait()
                result = self._results.get(path)
                if result is not None and result.outcome not in {Outcome.DONE, Outcome.UNCHANGED}:
                    return path
        return None

    async def _guarded(self, branch: Branch) -> None:
        try:
            await self._visit(branch)
        except UnreachableError as error:
            self._lost(branch, Outcome.OFFLINE, error)
        except TransportError as error:
            self._lost(branch, Outcome.UNKNOWN if isinstance(error, _IN_DOUBT) else Outcome.FAILED, error)
        except NodeFailedError as error:
            self._failed(branch, error)
        except (StubError, MissingArtifactError, RunRefusedError, TimeoutError) as error:
            self._finish(NodeResult(branch.path, Outcome.FAILED, str(error) or "took too long"))
            self._skip(branch.below, f"{branch.path} failed")

    def _lost(self, branch: Branch, outcome: Outcome, error: TransportError) -> None:
        if branch.path in self._results:
            # The node itself was done with; what was lost is the link to its initiator.
            for path in branch.below:
                if path not in self._results:
                    self._finish(NodeResult(path, Outcome.UNKNOWN, str(error), error.hint))
            return
        self._finish(NodeResult(branch.path, outcome, str(error), error.hint))
        self._skip(branch.below, f"{branch.path} is {outcome.value}")

    def _failed(self, branch: Branch, error: NodeFailedError) -> None:
        result = NodeResult(branch.path, Outcome.FAILED, error.message, error.detail)
        record = record_of(error.state, branch.host.name, {}) if error.state and branch.host else None
        self._finish(result, record)
        self._skip(branch.below, f"{branch.path} failed")

    async def _visit(self, branch: Branch) -> None:
        if branch.host is None:
            raise NodeFailedError(
                f'host "{branch.host_name}" is not in the inventory any more',
                "Put it back to have the node removed from it, or remove the node there by hand.",
            )
        self._emit(Started(branch.path, branch.host.name))
        if branch.previous is not None:
            await self._leave(branch)
        async with self._place.reacher.session(branch.host, agent=branch.needs_agent) as stub:
            if self._job.kind == "refresh":
                await self._refresh(branch, stub)
            elif branch.node is None:
                await self._remove(branch, stub)
            else:
                await self._bring_up(branch, branch.node, stub)

    async def _leave(self, branch: Branch) -> None:
        """Take a node that moves away from its earlier host; that host being dead is no reason to wait."""
        if branch.previous is None:
            return
        try:
            async with self._place.reacher.session(branch.previous) as stub:
                await self._driver.down(stub, branch.path)
        except TransportError as error:
            self._emit(Note(branch.path, f"left behind on {branch.previous.name}: {error}"))

    async def _bring_up(self, branch: Branch, node: Node, stub: StubClient) -> None:
        if branch.touched:
            record = await self._driver.up(stub, node, self._before.get(branch.path))
            was = self._before.get(branch.path)
            same = was is not None and not branch.moved and _same(was, record)
            self._finish(NodeResult(branch.path, Outcome.UNCHANGED if same else Outcome.DONE), record)
        if branch.below:
            await self._below(branch, stub)

    async def _remove(self, branch: Branch, stub: StubClient) -> None:
        record = self._before.get(branch.path)
        if branch.below and record is not None and record.service == "active":
            await self._below(branch, stub)
        left = [path for path in branch.below if not self._gone(path)]
        if left:
            raise NodeFailedError(
                f"{left[0]} below it is still there", "A node is removed after its children."
            )
        # The session that led to the initiator is a relay now: taking the node away needs one of its own.
        if branch.below and branch.host:
            async with self._place.reacher.session(branch.host) as other:
                await self._driver.down(other, branch.path)
        else:
            await self._driver.down(stub, branch.path)
        self._finish(NodeResult(branch.path, Outcome.DONE), gone=True)

    def _gone(self, path: str) -> bool:
        result = self._results.get(path)
        return result is not None and result.outcome in {Outcome.DONE, Outcome.UNCHANGED}

    async def _refresh(self, branch: Branch, stub: StubClient) -> None:
        state = await self._driver.look(stub, branch.path)
        was = self._before.get(branch.path)
        there = state.environment != "non-existent" or state.service != "non-existent"
        record = None
        if there and branch.node is not None:
            record = self._driver.record(branch.node, state)
        elif there and branch.host is not None:
            record = record_of(state, branch.host.name, was.values if was else {})
        same = record is not None and was is not None and _same(was, record)
        outcome = Outcome.UNCHANGED if same or (not there and was is None) else Outcome.DONE
        self._finish(NodeResult(branch.path, outcome), record, gone=not there)
        if branch.deploys and state.service == "active":
            await self._below(branch, stub)
        else:
            self._skip(branch.below, f"{branch.path} is {state.service}: nobody there to ask")

    # What is below a child is its own initiator's work.

    async def _below(self, branch: Branch, stub: StubClient) -> None:
        if branch.host is None:
            return
        known = [
            r for path, r in self._before.items() if path != branch.path and paths.within(path, branch.path)
        ]
        request = RunRequest(
            kind=self._job.kind,
            bundle=self._job.plan.bundle,
            path=branch.path,
            run=self._job.run,
            known=fingerprint(known),
            selection=self._job.selection,
            agent=(await stub.greeted()).agent,
            options=self._job.options,
        )
        channel = await self._attach(branch, stub)
        link = Link(channel, branch.host.name, self._place.supply, self._job.bundle)
        ended = await link.run(request, known, self._from_below)
        self._end_below(branch, ended)

    async def _attach(self, branch: Branch, stub: StubClient) -> Channel:
        wait = self._job.options.attach_timeout
        try:
            return await stub.attach(branch.path, wait=wait)
        except StubError as error:
            if error.code != "not-active" or branch.node is None:
                raise
        # Its initiator died since it was last heard of: bring it up, then it can be talked to.
        self._emit(Note(branch.path, "its initiator was not running, and is started again"))
        record = await self._driver.up(stub, branch.node, self._before.get(branch.path))
        self._finish(NodeResult(branch.path, Outcome.DONE), record)
        return await stub.attach(branch.path, wait=wait)

    def _from_below(self, events: tuple[Event, ...]) -> None:
        written: list[NodeRecord] = []
        gone: list[str] = []
        for event in events:
            match event:
                case Finished():
                    self._results[event.result.path] = event.result
                    if event.record is not None:
                        written.append(event.record)
                    if event.gone:
                        gone.append(event.result.path)
                case Found():
                    self._place.directory.replace_below(event.path, self._still_open(event))
                case Started() | Note():
                    pass
            self._emit(event)
        if written or gone:
            self._place.directory.write(written, gone)

    def _still_open(self, found: Found) -> list[NodeRecord]:
        """What an initiator has, with the marks of this run: it knows nothing of those yet."""
        known = {record.path: record for record in found.records}
        opened = {
            record.path: structs.replace(known.get(record.path, record), open=self._job.run)
            for record in self._opened()
            if record.path != found.path and paths.within(record.path, found.path)
        }
        return list({**known, **opened}.values())

    def _end_below(self, branch: Branch, ended: Ended) -> None:
        for result in ended.results:
            self._results[result.path] = result
        closed: list[NodeRecord] = []
        gone: list[str] = []
        now = self._place.directory.records(branch.path)
        for path in branch.below:
            result = self._results.setdefault(path, NodeResult(path, Outcome.UNCHANGED))
            record = now.get(path)
            if record is None or record.open != self._job.run:
                continue
            true = structs.replace(record, open="") if result.outcome is Outcome.UNCHANGED else None
            if result.outcome is Outcome.SKIPPED:
                true = self._before.get(path)
            if true is not None and (true.exists or true.open):
                closed.append(true)
            elif result.outcome in {Outcome.UNCHANGED, Outcome.SKIPPED}:
                gone.append(path)
        self._place.directory.write(closed, gone)

    # What became of nodes.

    def _skip(self, branch_paths: Iterable[str], why: str) -> None:
        for path in branch_paths:
            if path not in self._results:
                self._finish(NodeResult(path, Outcome.SKIPPED, why))

    def _finish(self, result: NodeResult, record: NodeRecord | None = None, *, gone: bool = False) -> None:
        self._results[result.path] = result
        if record is None and not gone and result.outcome in {Outcome.SKIPPED, Outcome.OFFLINE}:
            # Untouched: what was known before is as true as it was.
            record = self._before.get(result.path)
            gone = record is None
        self._place.directory.write([record] if record else [], [result.path] if gone else [])
        self._emit(Finished(result, record, gone))


def _same(before: NodeRecord, after: NodeRecord) -> bool:
    """Whether a node was found as it had been recorded."""
    names = ("host", "environment", "service", "digest", "binding", "release")
    return all(getattr(before, name) == getattr(after, name) for name in names)
