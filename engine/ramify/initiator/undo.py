"""The way back from a run that went wrong: every node that it touched to the release that it had before.

An earlier bundle is the desired state then, for just those nodes; hosts still have the bytes. Which bundle
it is shows in the digest that was recorded of the node before the run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from msgspec import structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.initiator.operator import Workspace
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.bundle import UnusableBundleError
from ramify.model.hierarchy import Hierarchy
from ramify.model.history import Cause, NodeChange
from ramify.model.plan import Plan
from ramify.model.record import Outcome

MOST_BUNDLES = 12
"""Earlier bundles that are compiled in search of a way back; nearly always it is the first."""

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
        same = record is not None and not record.open and record.digest == change.before_digest
        if change.outcome in _TOUCHED and (there if not change.before_digest else not (same and _up(record))):
            found.append(change)
    return found


def _up(record: object) -> bool:
    return getattr(record, "service", "") in {"active", "passive"}


def ways_back(space: Workspace, run: str) -> tuple[list[Back], tuple[str, ...]]:
    """The plans that lead back, in the order in which they are carried out, and nodes that none leads for."""
    left = {change.path: change for change in to_undo(space, run)}
    ways: list[Back] = []
    for fleet in _earlier(space, run):
        fitting = [path for path, change in left.items() if _fits(fleet, path, change.before_digest)]
        if fitting:
            ways.append(_way(space, run, fleet, fitting))
        for path in fitting:
            del left[path]
        if not left:
            break
    return ways, tuple(left)


def _fits(fleet: Fleet, path: str, before: str) -> bool:
    """Whether a bundle has a node as it was; one that was not there is taken away below what it has."""
    if before:
        return path in fleet.by_path and fleet.digests[path].node == before
    return path not in fleet.by_path and paths.parent(path) in (paths.ROOT, *fleet.by_path)


def _earlier(space: Workspace, run: str) -> Iterator[Fleet]:
    """The fleets of runs before one, the last first; at the end that of a time when there was nothing."""
    runs = space.directory.history.runs()
    at = next((at for at, ran in enumerate(runs) if ran.run == run), -1)
    digests = dict.fromkeys(ran.bundle for ran in runs[at + 1 :] if ran.kind != "refresh")
    for digest in list(digests)[:MOST_BUNDLES]:
        data = space.directory.bundles.get(digest)
        try:
            fleet = compile_fleet(bundles.decode(data, digest)) if data else None
        except UnusableBundleError:  # of a version that nobody here reads
            continue
        if fleet is not None and not fleet.diagnostics.failed:
            yield fleet
    yield compile_fleet(structs.replace(space.fleet.bundle, hierarchy=Hierarchy(()), pins={}, seal=None))


def _way(space: Workspace, run: str, fleet: Fleet, nodes: list[str]) -> Back:
    data = bundles.encode(fleet.bundle)
    there = replace(
        space,
        fleet=fleet,
        bundle=data,
        digest=bundles.digest(data),
        cause=Cause(kind="rollback", back_to=run),
    )
    return Back(there, there.plan(tuple(f"{path}/." for path in nodes)))
