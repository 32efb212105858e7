"""The way back: which earlier bundle makes nodes what they were before a run, and the plan that it gives.

What a node was is its digest, which history has; the bundle is the newest one before the run in which every
node has the digest that it had. So a way back is a plan like any other, made from an earlier bundle.
"""

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct, structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.hosts import hosts
from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.history import NodeChange, Ran
from ramify.model.inventory import Host, HostSettings, HostSpec, Inventory
from ramify.model.record import NodeRecord, Outcome

REFRESH = "refresh"
_MOST = 12
"""Bundles that are compiled to find the one; with more runs between, the state is that of several."""

Stood = Mapping[str, str]
"""Nodes by path, as which digest each stood; nothing for one that was not there."""


class NoWayBackError(Exception):
    """There is no bundle to go back to; `way_out` says what to do instead."""

    def __init__(self, message: str, way_out: str) -> None:
        super().__init__(message)
        self.way_out = way_out


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

    Raises:
        NoWayBackError: no bundle is kept that describes it.
    """
    stood = _stood(directory, run, selected)
    looked_at, otherwise = 0, False
    for one, bundle in older(directory, run):
        fleet = compile_fleet(bundle, scope)
        if _describes(fleet, stood):
            return Way(one, bundle, run.run)
        looked_at += 1
        otherwise = otherwise or _made_otherwise(directory, one, fleet)
    if not any(stood.values()):
        raise NoWayBackError(
            f"nothing was there before run {run.run}", "`ramify uninstall PATH` takes away what it deployed."
        )
    raise _none_describes(run, looked_at, otherwise=otherwise)


def _none_describes(run: Ran, looked_at: int, *, otherwise: bool) -> NoWayBackError:
    if not looked_at:
        return NoWayBackError(
            f"no bundle from before run {run.run} is kept that this Ramify can read",
            "Bring the project's files back to what they were, and apply them.",
        )
    if otherwise:
        return NoWayBackError(
            f"what was there before run {run.run} cannot be recognised: another Ramify made its digests",
            "Name what to go back to: `ramify history PATH` lists the runs, `--to RUN` goes back to one.",
        )
    return NoWayBackError(
        f"no one bundle that is kept describes how these nodes stood before run {run.run}",
        "Go back in parts, or name what to go back to: `ramify history PATH` and `--to RUN`.",
    )


def _made_otherwise(directory: Directory, run: Ran, fleet: Fleet) -> bool:
    """Whether none of what a run did has the digest that its own bundle gives now: Ramify was updated."""
    done = [
        change
        for change in directory.history.changes(run.run)
        if change.outcome is Outcome.DONE and change.digest and change.path in fleet.by_path
    ]
    return bool(done) and all(fleet.digests[change.path].node != change.digest for change in done)


def is_for(directory: Directory, run: Ran, selected: Collection[str] | None) -> bool:
    """Whether a run was for all of some nodes, for all that there are without a selection."""
    known = {**dict.fromkeys(directory.records()), **remembered(directory)}
    taken, _ = select(run.selection, known)
    return taken is None or taken.issuperset(known if selected is None else selected)


def bundle_of(directory: Directory, run: Ran) -> Bundle | None:
    """The bundle that a run was made from, if it is kept."""
    data = directory.bundles.get(run.bundle)
    try:
        return bundles.decode(data, run.bundle) if data is not None else None
    except UnusableBundleError:  # of a format that is not read any more
        return None


def latest(directory: Directory) -> Bundle | None:
    """The bundle of the last run."""
    kept = (bundle_of(directory, run) for run in directory.history.runs())
    return next((bundle for bundle in kept if bundle is not None), None)


def as_of(earlier: Bundle, now: Bundle) -> Bundle:
    """An earlier bundle to be carried out now.

    How hosts are reached, who may sign, and Ramify itself are as they are now, and not as they were: none
    of it is what nodes run. What was signed with its runtimes keeps them.
    """
    return structs.replace(
        earlier,
        inventory=_reached(earlier.inventory, now.inventory),
        policy=now.policy,
        runtimes=earlier.runtimes if earlier.seal else now.runtimes,
    )


def _reached(earlier: Inventory, now: Inventory) -> Inventory:
    """Earlier placements on the hosts of now, and on those that there are no more."""
    if (earlier.hosts, earlier.defaults, earlier.known_hosts) == (now.hosts, now.defaults, now.known_hosts):
        return earlier
    known = hosts(now, Diagnostics())
    gone = [host for name, host in hosts(earlier, Diagnostics()).items() if name not in known]
    lines = f"{now.known_hosts.rstrip()}\n{earlier.known_hosts if gone else ''}".strip()
    return structs.replace(
        earlier,
        hosts=(*now.hosts, *map(_spec, gone)),
        defaults=now.defaults,
        known_hosts=f"{lines}\n" if lines else "",
    )


def _spec(host: Host) -> HostSpec:
    settings = structs.asdict(host)
    del settings["name"], settings["index"]
    return HostSpec(host.name, HostSettings(**settings), Origin("an earlier inventory", 1, 1))


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


def older(directory: Directory, run: Ran) -> Iterator[tuple[Ran, Bundle]]:
    """The runs before one, newest first, each with its bundle; of runs from the same bundle the last."""
    known = [one for one in directory.history.runs() if one.kind != REFRESH]
    at = next((number for number, one in enumerate(known) if one.run == run.run), len(known))
    seen: set[str] = set()
    for one in known[at + 1 :]:
        bundle = None if one.bundle in seen else bundle_of(directory, one)
        seen.add(one.bundle)
        if bundle is not None:
            yield one, bundle
        if len(seen) >= _MOST:
            return


def _describes(fleet: Fleet, stood: Stood) -> bool:
    """Whether every node has the digest in a fleet that it stood as; none where none was."""
    if fleet.diagnostics.failed:
        return False
    there = fleet.digests
    return all((there[path].node if path in there else "") == digest for path, digest in stood.items())
