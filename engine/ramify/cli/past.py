"""The past of a project: what its directory remembers counts, and its files may be broken."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from msgspec import structs

from ramify.cli import labs
from ramify.cli.failures import failure
from ramify.cli.project import warn
from ramify.cli.session import Session
from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.initiator import earlier, undoing
from ramify.initiator.earlier import NoWayBackError
from ramify.initiator.operator import Workspace, directory_file, workspace
from ramify.initiator.undoing import Way
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.history import Cause
from ramify.repository import project
from ramify.repository.project import Loaded

ROLLBACK = "rollback"


@contextmanager
def directory(session: Session) -> Iterator[Directory]:
    """The directory of a session's project.

    Raises:
        DiagnosticsError: there is no project.
        DirectoryError: it cannot be opened.
    """
    opened = Directory(directory_file(_project(session, None)))
    try:
        yield opened
    finally:
        opened.close()


def _project(session: Session, bundle: Bundle | None) -> Loaded:
    found = project.resumed(session.folder, bundle)
    if found.project is None or found.diagnostics.failed:
        raise DiagnosticsError(found.diagnostics)
    return found


def chosen(held: Directory, selection: tuple[str, ...], more: Iterable[str] = ()) -> frozenset[str] | None:
    """The nodes that expressions take of those recorded, locked, or changed by any run; None for all.

    There may be `more` that is known. Of a directory that knows nothing they take nothing.

    Raises:
        DiagnosticsError: an expression takes none.
    """
    locked = dict.fromkeys(path for lease in held.leases.all() for path in lease.paths)
    known = {**dict.fromkeys(held.records()), **undoing.remembered(held), **locked, **dict.fromkeys(more)}
    if not known:
        return frozenset()
    selected, diagnostics = select(selection, known)
    if diagnostics.failed:
        raise DiagnosticsError(diagnostics)
    return selected


@contextmanager
def going_back(
    session: Session, selection: tuple[str, ...], run: str
) -> Iterator[tuple[Workspace, Way, bool]]:
    """The workspace in which a plan leads back: to a run, or to before the last that changed some nodes.

    With the way, and whether the run that it leads to was for all of these nodes.

    Raises:
        DiagnosticsError: there is nothing to go back to.
    """
    with directory(session) as held:
        selected = chosen(held, selection)
        way = _way(held, selected, run)
        covered = undoing.is_for(held, way.to, selected)
        now = earlier.latest(held) or way.bundle
    bundle = earlier.as_of(way.bundle, now)
    bundle = structs.replace(bundle, inventory=labs.overlay(session.folder)(bundle.inventory))
    cause = Cause(kind=ROLLBACK, back_to=way.to.run)
    with workspace(_project(session, bundle), cause=cause) as space:
        warn(session, list(space.diagnostics))
        yield space, way, covered


def _way(held: Directory, selected: frozenset[str] | None, run: str) -> Way:
    try:
        if run:
            return undoing.way_to(held, run)
        return undoing.way_before(held, undoing.last_change(held, selected), selected)
    except NoWayBackError as error:
        raise failure("no-way-back", str(error), error.way_out) from error
