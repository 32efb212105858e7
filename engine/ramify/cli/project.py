"""The project that a command works on: loaded, compiled, held against its directory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import structs

from ramify.cli import labs
from ramify.cli.diagnostics_view import text
from ramify.cli.failures import failure
from ramify.cli.goal_words import GIVING
from ramify.cli.session import Session
from ramify.cli.transfers import watched
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.initiator.operator import Workspace, workspace
from ramify.model.diagnostics import Diagnostic, DiagnosticsError, Severity
from ramify.model.plan import Plan
from ramify.model.saved import Saved, UnusablePlanError
from ramify.repository import project
from ramify.repository.pins import Locking
from ramify.repository.project import Loaded, Reading, load

PLAIN = Reading()
LOCKED = Reading(locking=Locking.REQUIRE)
ASKING_NOBODY = Reading(ask=False, servers=False)


def loaded(session: Session, reading: Reading = PLAIN) -> Loaded:
    """Read the project of a session; a running lab says where its hosts are."""
    with watched(session) as watcher:
        read = structs.replace(reading, watcher=watcher)
        first = load(session.folder, overlay=labs.overlay(session.folder), reading=read)
        # Without its snapshot a component is not what is locked: look past that for what it wants.
        strict = first.bundle is None and reading.locking is Locking.REQUIRE
        found = load(session.folder, reading=ASKING_NOBODY, runtimes=False) if strict else first
        if not _renews_snapshots(found):
            return first
        return load(session.folder, overlay=labs.overlay(session.folder), reading=read)


def _renews_snapshots(found: Loaded) -> bool:
    """Bring snapshots up to date that components carry; whether any was not."""
    carried = found.bundle and any("SNAPSHOT" in one.parameters for one in found.bundle.components.values())
    if not carried:
        return False
    from ramify.repository.serve_carried import renew  # noqa: PLC0415 - few projects deploy a server
    from ramify.repository.serve_snapshot import SnapshotError  # noqa: PLC0415

    try:
        return renew(found)
    except SnapshotError as error:
        raise failure("not-empty", str(error), "Move it elsewhere: the snapshot is kept there.") from error


@contextmanager
def opened(
    session: Session, *, locked: bool = False, signed: bool = True, looks: bool | None = None
) -> Iterator[Workspace]:
    """The workspace of a session; warnings are told. Nothing but the lock counts if it is to be `locked`.

    Who only `looks` at what is there reads no secrets; that is whoever needs no signature, unless it is said.

    Raises:
        DiagnosticsError: the project has errors, or is not `signed` as its trust file wants it.
    """
    with workspace(loaded(session, LOCKED if locked else PLAIN), signed=signed, looks=looks) as space:
        warn(session, list(space.diagnostics))
        yield space


@contextmanager
def resumed(session: Session, saved: Saved) -> Iterator[Workspace]:
    """The workspace of a session as a saved plan has it: what the project's files say by now does not count.

    Raises:
        DiagnosticsError: the plan is another project's, or nobody whom the project trusts has signed it.
    """
    try:
        found = project.resumed(session.folder, saved.opened())
    except UnusablePlanError as error:
        way_out = "`ramify plan -o FILE` makes a new one; `ramify show FILE` shows what it says."
        raise failure("bad-plan", f"the plan cannot be used: {error}", way_out) from error
    if found.project is not None and found.project.project != saved.project:
        raise failure(
            "other-project",
            f'this is a plan of the project "{saved.project}", and "{found.project.project}" is here',
            "`ramify -C DIR` works in another folder.",
        )
    cause = structs.replace(saved.cause, saved=saved.id)
    signed = saved.plan.goal in GIVING
    # Only the secrets that are handed out are read, once it is known which they are.
    with workspace(found, signed=signed, looks=True, data=saved.bundle, cause=cause) as space:
        warn(session, list(space.diagnostics))
        yield space


def compiled(session: Session, reading: Reading = PLAIN) -> Fleet:
    """The fleet of a session, without its directory.

    Raises:
        DiagnosticsError: the project has errors.
    """
    found = loaded(session, reading)
    if found.bundle is None:
        raise DiagnosticsError(found.diagnostics)
    fleet = compile_fleet(found.bundle)
    if fleet.diagnostics.failed:
        raise DiagnosticsError((*found.diagnostics, *fleet.diagnostics))
    warn(session, [*found.diagnostics, *fleet.diagnostics])
    return fleet


def warn(session: Session, found: Sequence[Diagnostic]) -> None:
    """Tell warnings, beside what the command prints."""
    warnings = [item for item in found if item.severity is Severity.WARNING]
    if warnings:
        session.note(text(warnings, session.paint_notes))


def component(fleet: Fleet, path: str) -> str:
    """The name of a path's component; empty for a path that the hierarchy does not have."""
    node = fleet.by_path.get(path)
    made = fleet.class_of(node).component if node else None
    return (made.name or made.ref) if made else ""


def hosts(plan: Plan) -> dict[str, str]:
    """The host of every planned node."""
    return {node.path: node.host for node in plan.nodes}
