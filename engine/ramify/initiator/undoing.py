"""The way back: which earlier bundle makes nodes what they were before a run, and the plan that it gives.

What a node was is its digest, which history has; the bundle is the newest one before the run in which every
node has the digest that it had. So a way back is a plan like any other, made from an earlier bundle.
"""

from collections.abc import Collection, Iterator

from msgspec import Struct

from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.initiator.earlier import REFRESH, NoWayBackError, Search, bundle_of
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.history import NodeChange, Ran
from ramify.model.record import NodeRecord, Outcome


class Way(Struct, frozen=True):
    """Back from a run to what an earlier one had left; `undone` is empty where no one run is undone."""

    to: Ran
    bundle: Bundle
    undone: str = ""


def remembered(directory: Directory) -> dict[str, None]:
    """The paths that any remembered run changed."""
    history = directory.history
    return dict.fromkeys(change.path for run in history.runs() for change in history.changes(run.run))


def last_change(directory: Directory, selected: Collection[str] | None) -> Ran:
    """The last run that changed one of some nodes, of all without a selection.

    Raises:
        NoWayBackError: none is remembered.
    """
    for run in directory.history.runs():
        if run.kind != REFRESH and any(_changes(directory, run.run, selected)):
            return run
    raise NoWayBackError("no run is remembered that changed these nodes", "`ramify history` lists the runs.")


def way_to(directory: Directory, run: str) -> Way:
    """The way to what a run has left, or should have.

    Raises:
        NoWayBackError: there is no such run, or its bundle is not kept.
    """
    found = [one for one in directory.history.runs() if one.run.startswith(run)]
    if len(found) != 1:
        many = f'"{run}" stands for {len(found)} runs' if found else f'no run "{run}" is remembered'
        raise NoWayBackError(many, "`ramify history` lists the runs.")
    bundle = bundle_of(directory, found[0])
    if bundle is None:
        raise NoWayBackError(
            f"no bundle of run {found[0].run} is kept that this Ramify can read",
            "Bring the project's files back to what they were, and apply them.",
        )
    return Way(found[0], bundle)


def way_before(
    directory: Directory, run: Ran, selected: Collection[str] | None, scope: str = paths.ROOT
) -> Way:
    """The way to how some nodes stood before a run, all below a scope without a selection.

    What initiators plan below is not looked at: nobody here knows what it was made of.

    Raises:
        NoWayBackError: no bundle is kept that describes it.
    """
    stood, search, hidden = _stood(directory, run, selected), Search(directory, run, scope), set[str]()
    for one in search:
        hidden = set(one.hidden(stood))
        if len(hidden) < len(stood) == len(hidden) + len(one.fitting(stood)):
            return Way(one.ran, one.bundle, run.run)
    if not any(stood.values()):
        raise NoWayBackError(
            f"nothing was there before run {run.run}", "`ramify uninstall PATH` takes away what it deployed."
        )
    if hidden.issuperset(stood):
        raise NoWayBackError(
            "these nodes are planned by the initiator above them, from what its domain's server says",
            "Have that server serve what it served before, and apply.",
        )
    raise search.failed()


def is_for(directory: Directory, run: Ran, selected: Collection[str] | None) -> bool:
    """Whether a run was for all of some nodes, for all that there are without a selection."""
    known = {**dict.fromkeys(directory.records()), **remembered(directory)}
    taken, _ = select(run.selection, known)
    return taken is None or taken.issuperset(known if selected is None else selected)


def _changes(directory: Directory, run: str, selected: Collection[str] | None) -> Iterator[NodeChange]:
    """What a run changed of some nodes, or may have changed."""
    for change in directory.history.changes(run):
        moved = (change.before_release, change.before_digest) != (change.release, change.digest)
        doubtful = change.outcome in {Outcome.FAILED, Outcome.UNKNOWN}
        if (moved or doubtful) and (selected is None or change.path in selected):
            yield change


def _stood(directory: Directory, run: Ran, selected: Collection[str] | None) -> dict[str, str]:
    """How nodes stood before a run: those that it changed, and the others as they still are."""
    changed = {change.path: change.before_digest for change in _changes(directory, run.run, selected)}
    others = {
        path: record.digest
        for path, record in directory.records().items()
        if path not in changed and _is_certain(record) and (selected is None or path in selected)
    }
    return changed | others


def _is_certain(record: NodeRecord) -> bool:
    return bool(record.digest) and not record.open
