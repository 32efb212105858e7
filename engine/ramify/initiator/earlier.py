"""Earlier bundles, as they can be carried out now: what nodes were is found among them by digest.

What a node was is its digest, which history has; a bundle in whose fleet it has that digest is one that it
can be brought back from. How hosts are reached, who may sign, and Ramify itself are as they are now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec import structs

from ramify.compile import unseen
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.hosts import hosts
from ramify.directory.sqlite import Directory
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.history import Ran
from ramify.model.inventory import Host, HostSettings, HostSpec, Inventory
from ramify.model.record import Outcome

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


@dataclass(frozen=True)
class Earlier:
    """An earlier run, its bundle as it can be carried out now, and the fleet that it makes."""

    ran: Ran
    bundle: Bundle
    fleet: Fleet

    def fitting(self, stood: Stood) -> list[str]:
        """The nodes that are in this fleet what they stood as; none of those that are planned there."""
        there, hidden = self.fleet.digests, self.fleet.unseen
        return [
            path
            for path, digest in stood.items()
            if (there[path].node if path in there else "") == digest and not any(unseen.above(path, hidden))
        ]

    def hidden(self, stood: Stood) -> list[str]:
        """The nodes that initiators plan: nobody here knows what they were made of."""
        mounts = self.fleet.unseen
        return [path for path in stood if any(unseen.above(path, mounts))]


class Search:
    """Looks through the bundles from before a run, newest first, and knows why it found nothing."""

    def __init__(self, directory: Directory, run: Ran, scope: str = paths.ROOT) -> None:
        self._directory = directory
        self._run = run
        self._scope = scope
        self._looked_at = 0
        self._otherwise = False

    def __iter__(self) -> Iterator[Earlier]:
        now = latest(self._directory)
        for ran, bundle in self._older():
            usable = as_of(bundle, now or bundle)
            fleet = compile_fleet(usable, self._scope)
            self._looked_at += 1
            if fleet.diagnostics.failed:
                continue
            yield Earlier(ran, usable, fleet)
            self._otherwise = self._otherwise or self._made_otherwise(ran, fleet)

    def failed(self) -> NoWayBackError:
        """Why none of them was the one."""
        run = self._run.run
        if not self._looked_at:
            return NoWayBackError(
                f"no bundle from before run {run} is kept that this Ramify can read",
                "Bring the project's files back to what they were, and apply them.",
            )
        if self._otherwise:
            return NoWayBackError(
                f"what was there before run {run} cannot be recognised: another Ramify made its digests",
                "Name what to go back to: `ramify history PATH` lists the runs, `--to RUN` goes back to one.",
            )
        return NoWayBackError(
            f"no one bundle that is kept describes how these nodes stood before run {run}",
            "Go back in parts, or name what to go back to: `ramify history PATH` and `--to RUN`.",
        )

    def _older(self) -> Iterator[tuple[Ran, Bundle]]:
        """The runs before one, each with its bundle; of runs from the same bundle the last."""
        known = [one for one in self._directory.history.runs() if one.kind != REFRESH]
        at = next((number for number, one in enumerate(known) if one.run == self._run.run), len(known))
        seen: set[str] = set()
        for one in known[at + 1 :]:
            bundle = None if one.bundle in seen else bundle_of(self._directory, one)
            seen.add(one.bundle)
            if bundle is not None:
                yield one, bundle
            if len(seen) >= _MOST:
                return

    def _made_otherwise(self, run: Ran, fleet: Fleet) -> bool:
        """Whether none of what a run did has the digest that its bundle gives now: Ramify was updated."""
        done = [
            change
            for change in self._directory.history.changes(run.run)
            if change.outcome is Outcome.DONE and change.digest and change.path in fleet.by_path
        ]
        return bool(done) and all(fleet.digests[change.path].node != change.digest for change in done)


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
