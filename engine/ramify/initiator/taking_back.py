"""The way back from a run that went wrong: every node that it touched to the release that it had before.

An earlier bundle is the desired state then, for just those nodes; hosts still have the bytes. Which bundle
it is shows in the digest that was recorded of the node before the run; different nodes may need different
ones. What was not there is taken away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ramify.compile import unseen
from ramify.compile.fleet import Fleet
from ramify.directory.sqlite import Directory
from ramify.initiator.earlier import Earlier, NoWayBackError, Search, bundle_of
from ramify.initiator.operator import Workspace
from ramify.initiator.recording import NOT_REVERTED
from ramify.model import bundle as bundles
from ramify.model.history import Cause, NodeChange
from ramify.model.plan import Goal, Plan
from ramify.model.record import Outcome
from ramify.stub.tables import RUNNING

_TOUCHED = frozenset({Outcome.DONE, Outcome.FAILED, Outcome.UNKNOWN})


@dataclass(frozen=True)
class Back:
    """A part of the way: a plan from an earlier bundle, and the workspace to carry it out in."""

    space: Workspace
    plan: Plan


@dataclass(frozen=True)
class Stuck:
    """Nodes that no way leads back for, why, and what to do instead."""

    nodes: tuple[str, ...]
    why: str
    way_out: str


def to_undo(directory: Directory, run: str) -> list[NodeChange]:
    """What a run did to nodes that are not any more as they were before it, or may not be."""
    records = directory.records()
    found = []
    for change in directory.history.changes(run):
        record = records.get(change.path)
        there = record is not None and (record.exists or bool(record.open))
        runs = record is not None and record.service in RUNNING
        same = record is not None and not record.open and record.digest == change.before_digest
        if change.outcome in _TOUCHED and (there if not change.before_digest else not (same and runs)):
            found.append(change)
    return found


def not_well(directory: Directory, run: str) -> dict[str, str]:
    """The nodes that are back by digest after a run, but whose hosts could not take it back well; and why."""
    records, open_ones = directory.records(), {change.path for change in to_undo(directory, run)}
    touched = (one.path for one in directory.history.changes(run) if one.outcome in _TOUCHED)
    found = ((path, records[path].problem) for path in touched if path in records and path not in open_ones)
    return {path: problem for path, problem in found if problem.startswith(NOT_REVERTED)}


def ways_back(space: Workspace, run: str) -> tuple[list[Back], list[Stuck]]:
    """The plans that lead back, in the order in which they are carried out, and nodes that none leads for."""
    stuck: list[Stuck] = []
    changes = to_undo(space.directory, run)
    hidden = [one.path for one in changes if any(unseen.above(one.path, space.fleet.unseen))]
    if hidden:
        stuck.append(Stuck(tuple(hidden), _PLANNED_THERE, _SERVE_IT))
    stood = {one.path: one.before_digest for one in changes if one.path not in hidden}
    fresh = [path for path, digest in stood.items() if not digest]
    ways = [_way(_of(space, space.fleet, Cause(kind="rollback")), fresh, "uninstall")] if fresh else []
    left = {path: digest for path, digest in stood.items() if digest}
    search = _search(space, run)
    for one in search if left else ():
        fitting = one.fitting(left)
        if fitting:
            ways.append(_way(_as_it_was(space, one), fitting, "apply"))
        left = {path: digest for path, digest in left.items() if path not in fitting}
        if not left:
            break
    if left:
        why = search.failed()
        stuck.append(Stuck(tuple(left), str(why), why.way_out))
    return ways, stuck


_PLANNED_THERE = "they are planned by the initiator above them, from what its domain's server says"
_SERVE_IT = "Have that server serve what it served before, and apply."


def _search(space: Workspace, run: str) -> Search:
    """Among the bundles of before a run."""
    ran = next((one for one in space.directory.history.runs() if one.run == run), None)
    if ran is None:
        raise NoWayBackError(f"run {run} is not remembered", "`ramify history` lists the runs.")
    return Search(space.directory, ran)


def _as_it_was(space: Workspace, one: Earlier) -> Workspace:
    return _of(space, one.fleet, Cause(kind="rollback", back_to=one.ran.run))


def _of(space: Workspace, fleet: Fleet, cause: Cause) -> Workspace:
    """The workspace with another fleet."""
    data = bundles.encode(fleet.bundle)
    return replace(space, fleet=fleet, bundle=data, digest=bundles.digest(data), cause=cause)


def made_by(directory: Directory, run: str, nodes: Iterable[NodeChange]) -> dict[str, list[str]]:
    """The runs that had made of nodes what they were before a run, as far as their bundles are kept."""
    left = {change.path: change.before_digest for change in nodes if change.before_digest}
    found: dict[str, list[str]] = {}
    history = directory.history
    runs = history.runs()
    at = next((number for number, one in enumerate(runs) if one.run == run), len(runs))
    for earlier in runs[at + 1 :]:
        if not left:
            break
        made = {change.path: change.digest for change in history.changes(earlier.run)}
        hit = [path for path, digest in left.items() if made.get(path) == digest]
        if hit and bundle_of(directory, earlier) is not None:
            found[earlier.run] = hit
        for path in hit:
            del left[path]
    return found


def _way(there: Workspace, nodes: Iterable[str], goal: Goal) -> Back:
    return Back(there, there.plan(tuple(f"{path}/." for path in nodes), goal=goal))
