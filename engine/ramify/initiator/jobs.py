"""From a request to a job: bundle and domain are fetched, directories made to agree, and the plan is made."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import Struct, structs

from ramify.compile import unseen
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.holding import Held, held
from ramify.compile.hosts import hosts
from ramify.compile.planning import plan
from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.initiator import incoming
from ramify.initiator.domains import Domains, Seen, augmented
from ramify.initiator.job import Job
from ramify.initiator.messages import Need, RunRequest
from ramify.initiator.parent import Parent
from ramify.initiator.warrants import refuse_unless_vouched
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics, DiagnosticsError, Origin
from ramify.model.events import Found, Note, Planned
from ramify.model.inventory import Host, HostSettings, HostSpec
from ramify.model.plan import summarise
from ramify.model.record import NodeRecord, fingerprint
from ramify.model.saved import observed, summed
from ramify.repository.store import Store

Records = dict[str, NodeRecord]

_BUNDLE = ".bundle"


class Made(Struct, frozen=True):
    """A job, and the domains asked for to make it: that of the initiator's own node, then those in it."""

    job: Job
    seen: tuple[Seen, ...]

    @property
    def planned(self) -> Planned | None:
        """What is planned below the initiator's own node, if nobody else can plan that."""
        if not self.seen:
            return None
        mounts = tuple(one.path for one in unseen.unasked(self.job.fleet).open)
        return Planned(self.job.fleet.scope, self.seen[0].digest, self.job.plan.nodes, mounts)


class Jobs:
    """Makes jobs for one initiator; `pinned` is the policy of its host."""

    def __init__(self, path: str, own: Store, directory: Directory, domains: Domains, pinned: Path) -> None:
        self._path = path
        self._own = own
        self._directory = directory
        self._domains = domains
        self._pinned = pinned

    async def make(self, request: RunRequest, parent: Parent, others: Sequence[Job] = ()) -> Made:
        """What a request asks for; `others` are the jobs that go on.

        Raises:
            UnusableBundleError, MissingArtifactError, ParentLostError: the bundle is not to be had.
            DomainError: neither is that of the node's domain.
            DiagnosticsError: it cannot be planned from.
        """
        data = await self._bundle(request.bundle, parent)
        told = bundles.decode(data, request.bundle)
        fleet, seen = await self._seen(_compiled(told, self._path), request.mounts.get(self._path, ""))
        for stale in (one for one in seen if one.stale):
            text = f"planned from the copy of {stale.server} that was fetched earlier: {stale.stale}"
            parent.emit(Note(self._path, text))
        records = await self._records(request, parent)
        whole = self._with_hosts_left(fleet, records)
        if whole is fleet and request.kind == "apply" and not others:
            self._domains.forget({one.server for one in seen})
        fleet = whole
        refuse_unless_vouched(fleet, request.above, self._pinned)
        if fleet.bundle is not told:
            data = self._keep(fleet.bundle)
        job = self._job(request, fleet, records, data)
        if request.observed:
            job = replace(job, held=await self._held(request, job, records, parent))
        if job.held is not None:
            job = replace(job, plan=job.held.plan)
        made = Made(job, seen)
        self._tidy(request, made, others)
        return made

    async def _seen(self, fleet: Fleet, planned: str) -> tuple[Fleet, tuple[Seen, ...]]:
        """The fleet with the domain that only this initiator can ask for, and those planned with it."""
        seen: list[Seen] = []
        while (path := self._unasked(fleet)) is not None:
            domain = fleet.by_path[path].spec.domain
            server = domain.server if domain else ""
            seen.append(await self._domains.bundle(server, planned if path == self._path else ""))
            fleet = _compiled(augmented(fleet, path, seen[-1].bundle), self._path)
        return fleet, tuple(seen)

    def _unasked(self, fleet: Fleet) -> str | None:
        """A node whose domain is to be asked for here: its own, or one in that which is planned here."""
        for one in unseen.unasked(fleet).open:
            domain = fleet.by_path[one.path].spec.domain
            if domain and domain.server and (one.path == self._path or domain.planned == "here"):
                return one.path
        return None

    def _job(self, request: RunRequest, fleet: Fleet, records: Records, data: bytes) -> Job:
        there = unseen.reachable(unseen.unasked(fleet), records, request.goal)
        selected, _ = select(request.selection, unseen.known(fleet, records, there))
        below = None if selected is None else selected - {self._path}
        made = unseen.completed(
            plan(
                fleet,
                bundles.digest(data),
                records,
                below,
                request.selection,
                request.goal,
                fix_drift=request.options.fix_drift,
            ),
            there,
            below,
        )
        # The node itself is its parent's to care for.
        nodes = tuple(node for node in made.nodes if node.path != self._path)
        mounts = {path: planned for path, planned in request.mounts.items() if path != self._path}
        if request.mounts.get(self._path) == "":
            # Nobody above has seen what is below: what there is to go to is known here first.
            mounts |= {one.path: "" for one in made.open}
        return Job(
            run=request.run,
            kind=request.kind,
            fleet=fleet,
            bundle=data,
            plan=structs.replace(made, nodes=nodes, summary=summarise(nodes)),
            selection=request.selection,
            options=request.options,
            cause=request.cause,
            above=request.above,
            mounts=mounts,
        )

    async def _held(self, request: RunRequest, job: Job, records: Records, parent: Parent) -> Held:
        """The saved plan's part that lies below, held against what is recorded here."""
        seen = observed(job.plan, records)
        if summed(seen) != request.observed:
            seen = await parent.observed()
        return held(job.plan, records, seen, self._path)

    async def _records(self, request: RunRequest, parent: Parent) -> Records:
        """Make both directories say the same: ours is nearer to the truth, unless it has never been used.

        Whoever only plans changes neither.
        """
        if self._directory.history.runs() or self._directory.records(self._path):
            found = self.found(request)
            if found is not None and request.kind != "plan":
                parent.emit(found)
        elif request.known != fingerprint(()):
            told = await parent.records()
            below = [r for r in told if r.path != self._path and paths.within(r.path, self._path)]
            if request.kind == "plan":
                return {record.path: record for record in below}
            self._directory.replace_below(self._path, below)
        return self._directory.records(self._path)

    def found(self, request: RunRequest) -> Found | None:
        """What is recorded here, if the parent knows something else."""
        records = self._directory.records(self._path)
        records.pop(self._path, None)
        if fingerprint(records.values()) == request.known:
            return None
        return Found(self._path, tuple(records.values()))

    def _with_hosts_left(self, fleet: Fleet, records: Records) -> Fleet:
        """The fleet with those hosts of earlier domains on which something still is: how else could it go?"""
        gone = {record.host for record in records.values() if record.path != self._path} - fleet.hosts.keys()
        earlier = list(self._domains.kept()) if gone else []
        specs = tuple(_spec(host) for one in earlier for host in _hosts(one) if host.name in gone)
        if not specs:
            return fleet
        inventory = fleet.bundle.inventory
        texts = (
            inventory.known_hosts,
            *(inner.inventory.known_hosts for one in earlier for inner in bundles.within(one)),
        )
        known = "\n".join(dict.fromkeys(text.rstrip() for text in texts if text))
        more = structs.replace(inventory, hosts=(*inventory.hosts, *specs), known_hosts=f"{known}\n")
        return _compiled(structs.replace(fleet.bundle, inventory=more), self._path)

    async def _bundle(self, digest: str, parent: Parent) -> bytes:
        kept = self._own.path(digest).with_suffix(_BUNDLE)
        data = None if kept.is_file() else self._directory.bundles.get(digest)
        if data is not None:
            return data
        if not kept.is_file():
            await parent.fetch(Need("bundle", digest), kept)
        return kept.read_bytes()

    def _keep(self, bundle: Bundle) -> bytes:
        """A bundle of one's own making, for the initiators below to fetch."""
        data = bundles.encode(bundle)
        file = self._own.path(bundles.digest(data)).with_suffix(_BUNDLE)
        if not file.is_file():
            fresh = file.with_suffix(incoming.PART)
            fresh.write_bytes(data)
            fresh.replace(file)
        return data

    def _tidy(self, request: RunRequest, made: Made, others: Sequence[Job]) -> None:
        """Keep what the bundles name that are worked from: earlier ones can be had again."""
        jobs = (made.job, *others)
        packs = [pack for job in jobs for pack in bundles.packs(job.fleet.bundle)]
        kept = {f"{digest}{_BUNDLE}" for digest in (request.bundle, *(job.plan.bundle for job in jobs))}
        kept |= {*packs, *map(incoming.part, packs)}
        for file in self._own.folder.iterdir():
            if file.name not in kept and (request.kind != "plan" or file.suffix == _BUNDLE):
                file.unlink(missing_ok=True)


def _compiled(bundle: Bundle, path: str) -> Fleet:
    fleet = compile_fleet(bundle, path)
    if fleet.diagnostics.failed:
        raise DiagnosticsError(fleet.diagnostics)
    return fleet


def _hosts(bundle: Bundle) -> Iterator[Host]:
    for one in bundles.within(bundle):
        yield from hosts(one.inventory, Diagnostics()).values()


def _spec(host: Host) -> HostSpec:
    """A host as an inventory has it, without labels: no pool may take it for a new node."""
    settings = structs.asdict(host)
    for name in ("name", "index", "labels"):
        del settings[name]
    return HostSpec(host.name, HostSettings(**settings), Origin("an earlier domain", 1, 1))
