"""The way back from a run that went wrong: every node that it touched to the release that it had before.

An earlier bundle is the desired state then, for just those nodes; hosts still have the bytes. Which bundle
it is shows in the digest that was recorded of the node before the run. What was not there is taken away.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.initiator.operator import Workspace
from ramify.initiator.undoing import as_of, older
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


def to_undo(space: Workspace, run: str) -> list[NodeChange]:
    """What a run did to nodes that are not any more as they were before it, or may not be."""
    records = space.records()
    found = []
    for change in space.directory.history.changes(run):
        record = records.get(change.path)
        there = record is not None and (record.exists or bool(record.open))
        runs = record is not None and record.service in RUNNING
        same = record is not None and not record.open and record.digest == change.before_digest
        if change.outcome in _TOUCHED and (there if not change.before_digest else not (same and runs)):
            found.append(change)
    return found


def ways_back(space: Workspace, run: str) -> tuple[list[Back], tuple[str, ...]]:
    """The plans that lead back, in the order in which they are carried out, and nodes that none leads for."""
    changes = to_undo(space, run)
    left = {change.path: change.before_digest for change in changes if change.before_digest}
    fresh = [change.path for change in changes if not change.before_digest]
    ways = [_way(_of(space, run, space.fleet), fresh, "uninstall")] if fresh else []
    for fleet in _earlier(space, run) if left else ():
        fitting = [path for path, digest in left.items() if _has(fleet, path, digest)]
        if fitting:
            ways.append(_way(_of(space, run, fleet), fitting, "apply"))
        for path in fitting:
            del left[path]
        if not left:
            break
    return ways, tuple(left)


def _has(fleet: Fleet, path: str, digest: str) -> bool:
    return path in fleet.by_path and fleet.digests[path].node == digest


def _earlier(space: Workspace, run: str) -> Iterator[Fleet]:
    """The fleets of runs before one, the last first, as they can be carried out now."""
    ran = next((one for one in space.directory.history.runs() if one.run == run), None)
    for _, bundle in older(space.directory, ran) if ran else ():
        fleet = compile_fleet(as_of(bundle, space.fleet.bundle))
        if not fleet.diagnostics.failed:
            yield fleet


def _of(space: Workspace, run: str, fleet: Fleet) -> Workspace:
    """The workspace with another fleet, to go back from a run."""
    data, cause = bundles.encode(fleet.bundle), Cause(kind="rollback", back_to=run)
    return replace(space, fleet=fleet, bundle=data, digest=bundles.digest(data), cause=cause)


def _way(there: Workspace, nodes: list[str], goal: Goal) -> Back:
    return Back(there, there.plan(tuple(f"{path}/." for path in nodes), goal=goal))
