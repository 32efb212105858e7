"""An operator in memory: the real planning and the real run, over simulated connections."""

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from msgspec import structs

from ramify.compile import unseen
from ramify.compile.fleet import Fleet
from ramify.compile.holding import recalled
from ramify.compile.planning import plan, wanted
from ramify.compile.selection import select
from ramify.compile.unseen import There
from ramify.directory.sqlite import Directory
from ramify.initiator.brake import Brake
from ramify.initiator.holders import Holders
from ramify.initiator.inquiry import Inquiry
from ramify.initiator.job import Job, Place
from ramify.initiator.messages import Holds, Kind, LockRequest, Options, Unasked
from ramify.initiator.operator import Workspace, compiled
from ramify.initiator.ring import Keeper, Ring
from ramify.initiator.run import Run
from ramify.initiator.supply import Supply
from ramify.initiator.taking_back import to_undo, ways_back
from ramify.model import bundle as bundles
from ramify.model import paths, saved
from ramify.model.bundle import Bundle
from ramify.model.events import Event, Planned, Report, Unheard
from ramify.model.history import Cause, Holding
from ramify.model.plan import Goal, Plan
from ramify.model.record import NodeRecord, Outcome
from ramify.model.rollout import Limits
from ramify.model.saved import Saved
from ramify.repository.store import Store
from sim.world import SimHosts, World

if TYPE_CHECKING:
    from ramify.repository.project import Loaded
    from ramify.repository.secrets import Vault

QUICK = Options(wait=None, gather=0, command_timeout=600, silence=600, beat=300, confirm_timeout=0.02)


class Operator:
    """The operator: a directory, a store, secrets (implements Values), and bundles to carry out.

    Its runs are called after `name`.
    """

    name = "run"

    def __init__(self, world: World, store: Store) -> None:
        self.world = world
        self.store = store
        self.who = "operator"
        self.events: list[Event] = []
        self.secrets: dict[str, str] = {}
        self.brake = Brake()
        self._number = 0
        self._fleets: dict[tuple[object, ...], tuple[Bundle, Fleet]] = {}
        self.open_directory()

    def open_directory(self) -> None:
        """After a death, or at first."""
        self.directory = Directory(self.world.folder / self.who / "directory.db")

    def lose_directory(self) -> None:
        """As if its file had been deleted."""
        self.directory.close()
        for file in (self.world.folder / self.who).glob("directory.db*"):
            file.unlink()
        self.open_directory()

    def value(self, name: str) -> str:
        """A secret."""
        return self.secrets[name]

    def be(self, who: str) -> None:
        """Be somebody else, who has a copy of the project, and knows what that one has heard of since."""
        self.directory.close()
        mine, copy = self.world.folder / self.who, self.world.folder / who
        if not copy.exists():
            shutil.copytree(mine, copy)
        self.who = who
        self.open_directory()

    def records(self) -> dict[str, NodeRecord]:
        return self.directory.records()

    def fleet(self, bundle: Bundle) -> Fleet:
        """A bundle compiled, once for as long as all nodes are recorded where they are."""
        records = self.records()
        key = (id(bundle), tuple((path, records[path].host) for path in sorted(records)))
        if key not in self._fleets:
            fleet = compiled(bundle, records)
            assert not fleet.diagnostics.failed, list(fleet.diagnostics)
            self._fleets[key] = (bundle, fleet)
        return self._fleets[key][1]

    def plan(self, bundle: Bundle, *selection: str, goal: Goal = "apply", fix: bool = False) -> Plan:
        return self._plan(self.fleet(bundle), selection, goal=goal, fix=fix)

    def _plan(
        self,
        fleet: Fleet,
        selection: tuple[str, ...],
        there: There | None = None,
        goal: Goal = "apply",
        *,
        fix: bool = False,
    ) -> Plan:
        records = self.records()
        there = unseen.reachable(there or unseen.unasked(fleet), records, goal)
        selected, _ = select(selection, unseen.known(fleet, records, there))
        digest = bundles.digest(bundles.encode(fleet.bundle))
        made = plan(fleet, digest, records, selected, selection, goal, fix_drift=fix)
        reached = wanted(selected, records) if goal == "apply" else selected
        return unseen.completed(made, there, reached)

    async def apply(
        self,
        bundle: Bundle,
        *selection: str,
        kind: Kind = "apply",
        options: Options = QUICK,
        most: Limits | None = None,
    ) -> Report:
        """Plan and carry out; the events are in `events`."""
        fleet = self.fleet(bundle)
        there = await self.ask(bundle) if fleet.unseen and kind == "apply" else None
        made = self._plan(fleet, selection, there, fix=options.fix_drift)
        job = self._job(fleet, kind, made, options)
        return await self._run(replace(job, most=most or Limits()))

    async def command(self, bundle: Bundle, goal: Goal, *selection: str, options: Options = QUICK) -> Report:
        """Plan one of the lifecycle commands, and carry it out."""
        fleet = self.fleet(bundle)
        there = await self._asked(bundle, selection, goal) if fleet.unseen else None
        made = self._plan(fleet, selection, there, goal)
        return await self._run(self._job(fleet, "apply", made, options))

    async def _run(self, job: Job) -> Report:
        self.events = []
        run = Run(job, self._place(job.fleet), self.events.append, lambda: f"{self._number:04}")
        self.brake.fit(run.risk)
        try:
            return await run.carry_out()
        finally:
            self.brake = Brake()

    def save(self, bundle: Bundle, *selection: str) -> Saved:
        """A plan to be carried out later, as it comes back from its file."""
        return self._saved(self.fleet(bundle), self.plan(bundle, *selection))

    async def save_there(self, bundle: Bundle, *selection: str) -> Saved:
        """The same, with what initiators plan."""
        return self._saved(self.fleet(bundle), await self.plan_there(bundle, *selection))

    def _saved(self, fleet: Fleet, made: Plan) -> Saved:
        seen = saved.observed(made, self.records())
        return saved.decode(saved.encode(Saved(made, bundles.encode(fleet.bundle), seen, "sim", "now")))

    async def apply_saved(self, plan: Saved, options: Options = QUICK) -> Report:
        """Carry out just what a plan says, as the operator does."""
        fleet = self.fleet(plan.opened())
        found = recalled(fleet, self.records(), plan)
        job = self._job(fleet, "apply", found.plan, options)
        return await self._run(replace(job, bundle=plan.bundle, held=found))

    async def ask(
        self, bundle: Bundle, options: Options = QUICK, *selection: str, goal: Goal = "apply"
    ) -> There:
        """What initiators plan below nodes whose domains only they can ask for."""
        fleet = self.fleet(bundle)
        made = structs.replace(self._plan(fleet, ()), goal=goal, selection=selection)
        job = self._job(fleet, "plan", made, options)
        self.events = []
        await Inquiry(job, self._place(fleet), self.events.append).carry_out()
        told = [event for event in self.events if isinstance(event, Planned | Unheard)]
        return unseen.gathered(fleet.unseen, told)

    async def _asked(self, bundle: Bundle, selection: tuple[str, ...], goal: Goal) -> There:
        return await self.ask(bundle, QUICK, *(() if goal == "apply" else selection), goal=goal)

    async def plan_there(self, bundle: Bundle, *selection: str, goal: Goal = "apply") -> Plan:
        """The whole plan, one tree."""
        return self._plan(self.fleet(bundle), selection, await self._asked(bundle, selection, goal), goal)

    def _job(self, fleet: Fleet, kind: Kind, made: Plan, options: Options) -> Job:
        self._number += 1
        return Job(
            run=f"{self.name}{self._number}",
            kind=kind,
            fleet=fleet,
            bundle=bundles.encode(fleet.bundle),
            plan=made,
            selection=made.selection,
            options=options,
            mounts=unseen.due(made),
            cause=Cause(kind="" if made.goal == "apply" else made.goal),
        )

    async def take_back(self, bundle: Bundle, run: str) -> set[str]:
        """Take a run back, as `on_failure: rollback` does; the nodes that are not as before it."""
        space = self.workspace(bundle)
        for way in ways_back(space, run)[0]:
            options = structs.replace(QUICK, rollouts=False)
            await self._run(self._job(way.space.fleet, "apply", way.plan, options))
        return {change.path for change in to_undo(self.directory, run)}

    def workspace(self, bundle: Bundle) -> Workspace:
        """What an operator's project would be; no files are behind it."""
        fleet, data = self.fleet(bundle), bundles.encode(bundle)
        return Workspace(
            loaded=cast("Loaded", None),
            fleet=fleet,
            bundle=data,
            digest=bundles.digest(data),
            directory=self.directory,
            diagnostics=fleet.diagnostics,
            vault=cast("Vault", None),
        )

    def _place(self, fleet: Fleet) -> Place:
        hosts, supply = SimHosts(self.world, paths.ROOT), Supply((self.store,))
        ring = Ring(paths.ROOT, Keeper(fleet, self).box)
        return Place(directory=self.directory, hosts=hosts, supply=supply, ring=ring)

    async def holders(
        self, bundle: Bundle, *release: str, below: tuple[str, ...] = ()
    ) -> tuple[list[Holding], list[str]]:
        """What initiators hold, and the paths of those that could not be asked; some runs are released."""
        held: list[Holding] = []
        unasked: list[str] = []

        async def hear(told: Holds | Unasked) -> None:
            if isinstance(told, Holds):
                held.extend(told.holdings)
            else:
                unasked.append(told.path)

        hosts = SimHosts(self.world, paths.ROOT)
        request = LockRequest(paths.ROOT, below, release, "somebody")
        await Holders(self.fleet(bundle), self.records(), hosts, hear).ask(request)
        return held, unasked

    async def refresh(self, bundle: Bundle, options: Options = QUICK) -> Report:
        return await self.apply(bundle, kind="refresh", options=options)


def outcomes(report: Report) -> dict[str, str]:
    """The outcome of every path; each is told of once."""
    found = {result.path: result.outcome.value for result in report.results}
    assert len(found) == len(report.results)
    assert sum(report.count(outcome) for outcome in Outcome) == len(found)
    return found


def quick(**changes: float) -> Options:
    """Options for tests, changed."""
    return structs.replace(QUICK, **changes)
