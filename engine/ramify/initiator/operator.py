"""The operator's own place: an initiator like any other, at the root of the tree."""

import getpass
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from ramify.compile import unseen
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.holding import Held
from ramify.compile.planning import plan as make_plan
from ramify.compile.planning import wanted
from ramify.compile.selection import select
from ramify.compile.unseen import There
from ramify.directory.sqlite import Directory
from ramify.initiator.messages import Kind, Options
from ramify.model import bundle as bundles
from ramify.model.diagnostics import Diagnostics, DiagnosticsError
from ramify.model.events import Event, Halted, Note, Planned, Report, Unheard
from ramify.model.history import Cause
from ramify.model.plan import Goal, Plan, Summary
from ramify.model.record import NodeRecord
from ramify.model.rollout import Limits
from ramify.repository import seals
from ramify.repository.project import CACHE, Loaded
from ramify.repository.secrets import Vault, named
from ramify.stub import archive
from ramify.transport import labstate

if TYPE_CHECKING:
    from ramify.initiator.brake import Brake
    from ramify.initiator.job import Job, Place
    from ramify.initiator.risk import Risk

SQLITE = "sqlite:"
NO_CAUSE = Cause()


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A project loaded, compiled and held against its directory.

    `most` is what may be lost when a plan is carried out, whatever the hierarchy says of that.
    """

    loaded: Loaded
    fleet: Fleet
    bundle: bytes
    digest: str
    directory: Directory
    diagnostics: Diagnostics
    vault: Vault
    cause: Cause = field(default_factory=Cause)
    most: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)

    def records(self) -> dict[str, NodeRecord]:
        """All that is recorded."""
        return self.directory.records()

    def plan(
        self,
        selection: tuple[str, ...] = (),
        there: There | None = None,
        goal: Goal = "apply",
        *,
        fix_drift: bool = False,
    ) -> Plan:
        """Plan what the path expressions select, everything without any.

        What initiators plan is `there`, or open as long as nobody has asked them.

        Raises:
            DiagnosticsError: an expression selects nothing.
        """
        records = self.records()
        there = unseen.reachable(there or unseen.unasked(self.fleet), records, goal)
        selected, diagnostics = select(selection, unseen.known(self.fleet, records, there))
        if diagnostics.failed:
            raise DiagnosticsError(diagnostics)
        made = make_plan(self.fleet, self.digest, records, selected, selection, goal, fix_drift=fix_drift)
        reached = wanted(selected, records) if goal == "apply" else selected
        return unseen.completed(made, there, reached)

    def recorded_there(self, made: Plan) -> list[NodeRecord]:
        """What is recorded of nodes that a plan selects and leaves open, since their initiators plan them."""
        mounts = frozenset(one.path for one in made.open)
        records = self.records() if mounts else {}
        below = [path for path in records if any(unseen.above(path, mounts))]
        selected, _ = select(made.selection, below)
        return [records[path] for path in below if selected is None or path in selected]


@contextmanager
def workspace(
    loaded: Loaded,
    *,
    signed: bool = True,
    looks: bool | None = None,
    data: bytes | None = None,
    cause: Cause = NO_CAUSE,
) -> Iterator[Workspace]:
    """Compile a loaded project; it must be `signed`, if it has a trust file, unless nothing comes of it.

    Who `looks` at what there is (unless said: where nothing needs to be signed) reads no secrets. `data` are
    the bytes of its bundle where that was made earlier, and shall stay just what it is; `cause` is what
    history remembers as the reason of what is carried out.

    Raises:
        DiagnosticsError: the project has errors; warnings are in the workspace.
        DirectoryError: its directory cannot be opened.
    """
    diagnostics = Diagnostics(loaded.diagnostics)
    if loaded.bundle is None or loaded.project is None or diagnostics.failed:
        raise DiagnosticsError(diagnostics)
    directory = Directory(directory_file(loaded))
    try:
        records = directory.records() if data is None else {}
        vault = loaded.vault
        bundle = _with_secrets(loaded.bundle, vault, diagnostics, anew=signed if looks is None else not looks)
        fleet = compiled(loaded.bundle if data else bundle, records)
        diagnostics.extend(fleet.diagnostics)
        if diagnostics.failed:
            raise DiagnosticsError(diagnostics)
        unvouched = seals.check(loaded, fleet, past=bool(cause.back_to))
        diagnostics.extend(unvouched if signed else unvouched.as_warnings())
        if diagnostics.failed:
            raise DiagnosticsError(diagnostics)
        data = bundles.encode(fleet.bundle) if data is None else data
        yield Workspace(
            loaded=loaded,
            fleet=fleet,
            bundle=data,
            digest=bundles.digest(data),
            directory=directory,
            diagnostics=diagnostics,
            vault=vault,
            cause=cause,
            options=Options(history=loaded.project.history),
        )
    finally:
        directory.close()


def directory_file(loaded: Loaded) -> Path:
    """The file of the project's directory."""
    place = loaded.project.directory if loaded.project else ""
    return loaded.folder / place.removeprefix(SQLITE)


def lab_key(project: Path) -> Path:
    """The key that opens the lab's hosts for the operator; only a lab that was up has made it."""
    return project / CACHE / "lab" / labstate.OPERATOR_KEY


def _with_secrets(bundle: bundles.Bundle, vault: Vault, found: Diagnostics, *, anew: bool) -> bundles.Bundle:
    """A bundle that tells by digests whether secrets have changed: those of now, or the last known ones."""
    names = named(bundle) & bundle.secrets.keys()
    told = vault.fingerprints(names, found) if anew else vault.known(names)
    return structs.replace(bundle, secrets={**bundle.secrets, **told}) if told else bundle


def compiled(bundle: bundles.Bundle, records: dict[str, NodeRecord]) -> Fleet:
    """Compile a bundle, and pin recorded placements in pools where the plain rule would move somebody."""
    fleet = compile_fleet(bundle)
    recorded = {path: records[path].host for path in fleet.pooled if path in records}
    if all(fleet.pooled[path] == host for path, host in recorded.items()):
        return fleet
    return compile_fleet(structs.replace(bundle, pins=recorded))


async def carry_out(
    space: Workspace, job: "Job", emit: Callable[[Event], None], brake: "Brake | None" = None
) -> Report:
    """Carry out what was commissioned.

    Cancelling it lets go of all hosts; initiators further down finish what they are doing. The `brake` ends
    it in better ways.
    """
    # asyncssh costs a tenth of a second to import: only those who connect pay for it.
    from ramify.initiator.interrupted import settle  # noqa: PLC0415
    from ramify.initiator.obeying import obey  # noqa: PLC0415
    from ramify.initiator.risk import Risk  # noqa: PLC0415
    from ramify.initiator.run import Run  # noqa: PLC0415
    from ramify.initiator.tasks import beside  # noqa: PLC0415

    async with own_place(space) as place:
        limits, on_failure = job.limits
        risk = Risk(job.fleet.scope, limits, on_failure, tell=emit)
        if brake is not None:
            brake.fit(risk)
        async with _locked(space, job, risk, emit), beside() as spawn:
            settle(space.directory)
            spawn(obey(space.directory.rollouts, job.run, risk))
            return await Run(job, place, emit, _now, risk).carry_out()


@asynccontextmanager
async def _locked(
    space: Workspace, job: "Job", risk: "Risk", emit: Callable[[Event], None]
) -> AsyncIterator[None]:
    """Alone on what a job works on; whoever only looks stands in nobody's way."""
    from ramify.initiator.leases import held, lease_of  # noqa: PLC0415 - as above

    if job.kind != "apply":
        yield
        return

    def lost(why: str) -> None:
        risk.halt(Halted(job.fleet.scope, why))

    def note(text: str) -> None:
        emit(Note(job.fleet.scope, text))

    async with held(space.directory.leases, lease_of(job, _now()), job.options.wait, lost, note):
        yield


async def ask(
    space: Workspace,
    emit: Callable[[Event], None],
    options: Options | None = None,
    goal: Goal = "apply",
    *,
    selection: tuple[str, ...] = (),
    fix_drift: bool = False,
) -> There:
    """Ask initiators what they plan below nodes whose domains only they can ask for; it changes nothing.

    What a lifecycle command does to one node may depend on which others it is for: `selection` says that.
    """
    from ramify.initiator.inquiry import Inquiry  # noqa: PLC0415 - as above

    answers: list[Planned | Unheard] = []

    def hear(event: Event) -> None:
        if isinstance(event, Planned | Unheard):
            answers.append(event)
        emit(event)

    nobody = unseen.unasked(space.fleet)
    made = unseen.completed(
        Plan(space.digest, (), Summary(), selection, goal=goal, fix_drift=fix_drift), nobody, None
    )
    async with own_place(space) as place:
        await Inquiry(commission(space, made, kind="plan", options=options), place, hear).carry_out()
    return unseen.gathered((one.path for one in nobody.open), answers)


def who() -> str:
    """Who sits here, as history tells it."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user whom this machine has no name for
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def commission(
    space: Workspace,
    made: Plan,
    *,
    kind: Kind = "apply",
    options: Options | None = None,
    held: Held | None = None,
) -> "Job":
    """The job of carrying a plan out, or with kind "refresh" of just looking everywhere.

    Of a saved plan what is `held` is done.
    """
    from ramify.initiator.job import Job  # noqa: PLC0415 - as above

    cause = space.cause if kind == "apply" else NO_CAUSE
    signers = seals.signers(space.loaded) if kind == "apply" else ()
    asked_for = cause.kind or ("" if made.goal == "apply" else made.goal)
    return Job(
        run=secrets.token_hex(6),
        cause=structs.replace(cause, who=who(), kind=asked_for, signers=signers),
        kind=kind,
        fleet=space.fleet,
        bundle=space.bundle,
        plan=made,
        selection=made.selection,
        options=structs.replace(options or space.options, fix_drift=made.fix_drift),
        mounts=unseen.due(made),
        held=held,
        most=space.most,
    )


@asynccontextmanager
async def own_place(space: Workspace) -> "AsyncIterator[Place]":
    """This machine's edges."""
    from ramify.initiator.job import Place  # noqa: PLC0415
    from ramify.initiator.reach import reaching  # noqa: PLC0415 - as above
    from ramify.initiator.ring import Keeper, Ring  # noqa: PLC0415
    from ramify.initiator.supply import Supply, from_servers  # noqa: PLC0415
    from ramify.transport.trust import Trust  # noqa: PLC0415

    known, own = space.fleet.known_hosts, lab_key(space.loaded.folder)
    trust = Trust.of_operator(known, os.environ, Path.home(), lab_identity=own)
    archive.keep(space.loaded.folder / CACHE / "stub")
    store = space.loaded.store
    supply = Supply((store,), from_servers(space.fleet.bundle, store))
    async with reaching(trust, space.directory) as hosts:
        ring = Ring(space.fleet.scope, Keeper(space.fleet, space.vault).box)
        yield Place(directory=space.directory, hosts=hosts, supply=supply, ring=ring)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
