"""A run: all that is below one path brought to its desired state, every branch on its own.

The same code stands at the operator and at every initiator. It contacts its own children only; what is
below them is done by them.
"""

import asyncio
from collections.abc import Callable

from msgspec import structs

from ramify.compile.rollouts import ordered
from ramify.compile.steps import AIMS
from ramify.initiator.endings import Ending, ending
from ramify.initiator.gates import ShutError
from ramify.initiator.interrupted import going_on
from ramify.initiator.job import Job, Place
from ramify.initiator.leases import WAY_OUT
from ramify.initiator.ledger import Emit, Ledger
from ramify.initiator.performing import perform, tell_steps, unless_stopped
from ramify.initiator.risk import HaltedError, Risk
from ramify.initiator.standings import Kept
from ramify.initiator.strays import Strays
from ramify.initiator.tasks import beside
from ramify.initiator.visit import Visit
from ramify.initiator.watch import Watch
from ramify.initiator.waves import Waves
from ramify.initiator.work import Branch, branches
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.events import LOOK_AT_DRIFT, Event, Halted, Note, Report, Unheard, Wave
from ramify.model.record import NodeResult, Outcome


class Run:
    """Carries a job out."""

    def __init__(
        self, job: Job, place: Place, emit: Emit, now: Callable[[], str], risk: Risk | None = None
    ) -> None:
        """`risk` says what may be lost, where somebody above has a say in it."""
        self._job = job
        self._place = place
        self._now = now
        self._emit = emit
        self._ledger = Ledger(job.run, job.plan, job.fleet, place.directory, self._tell)
        self._slots = asyncio.Semaphore(job.options.parallel)
        limits, on_failure = job.limits
        self._risk = risk or Risk(job.fleet.scope, limits, on_failure, tell=self._ledger.tell)
        refresh = job.kind == "refresh"
        self._reached = "through yet" if AIMS[job.plan.goal].down else "up"
        found = branches(job.fleet, job.plan, self._ledger.before, everything=refresh, mounts=job.mounts)
        stopped = {} if refresh else {node.path: node.reason for node in job.plan.stopped}
        self._stopped = stopped
        self._branches = {branch.path: branch for branch in found if branch.path not in stopped}
        after = {} if refresh else {branch.path: branch.after for branch in found}
        order = ordered(self._taken_in_order(), job.rollout, job.run)
        self._waves = Waves(order, after, job.rollout)
        self._kept = Kept(job, place.directory.rollouts, self._waves, self._risk)
        self._news = asyncio.Event()
        self._visits: dict[str, Visit] = {}
        self._strays = Strays(job.fleet, self._ledger.before, self._ledger.find_stray)

    @property
    def risk(self) -> Risk:
        """What ends it before its end."""
        return self._risk

    def _tell(self, event: Event) -> None:
        self._kept.hear(event)
        self._emit(event)

    def _tell_wave(self) -> None:
        if self._waves.count > 1:
            self._ledger.tell(Wave(self._job.fleet.scope, self._waves.number, self._waves.count))

    def _taken_in_order(self) -> list[str]:
        """As in the hierarchy; what is to go comes last."""
        return sorted(self._branches, key=lambda path: self._branches[path].node is None)

    async def carry_out(self) -> Report:
        """Do it all; every planned node has exactly one result in the report, whatever happens.

        Cancelled, it lets go of all hosts; initiators further down finish what they are doing.
        """
        directory, job, finished = self._place.directory, self._job, False
        self._begin()
        if job.held is not None:
            self._ledger.pass_over(job.held.stale)
        self._leave_alone()
        try:
            async with beside() as spawn:
                spawn(self._stop_when_halted())
                spawn(tell_steps(self._visits, self._ledger))
                async with asyncio.TaskGroup() as group:
                    await self._take(group)
            finished = True
        finally:
            report = structs.replace(self._ledger.report(), halted=self._risk.halted, run=job.run)
            self._kept.end(report, finished=finished)
            counts = {outcome.value: report.count(outcome) for outcome in Outcome}
            directory.history.finish(job.run, self._now(), counts)
        return report

    def _leave_alone(self) -> None:
        """Account for what drift stops: nobody goes there."""
        for path, why in self._stopped.items():
            self._ledger.skip((path,), why, LOOK_AT_DRIFT)
        for mount in self._job.mounts:
            stopped = next((why for path, why in self._stopped.items() if paths.within(mount, path)), None)
            if stopped is not None:
                self._ledger.unheard(Unheard(mount, Outcome.SKIPPED, stopped))

    def _begin(self) -> None:
        """Have it remembered, with all that a way back needs; the longest past is forgotten."""
        directory, job = self._place.directory, self._job
        directory.history.begin(job.remembered(self._now()))
        directory.bundles.keep(job.plan.bundle, job.bundle, bundles.packs(job.fleet.bundle))
        directory.bundles.retain(directory.history.forget(job.options.history, going_on(directory)))
        self._kept.begin()

    async def _stop_when_halted(self) -> None:
        await self._risk.over.wait()
        self._waves.stop()
        self._news.set()

    async def _take(self, group: asyncio.TaskGroup) -> None:
        """Start branches as the waves say, until there is nothing more to start."""
        self._tell_wave()
        while not self._waves.over:
            self._news.clear()
            for path in self._waves.ready():
                self._waves.start(path)
                group.create_task(self._branch(self._branches[path]), name=path)
            self._kept.moved()
            if self._waves.between:
                await self._between()
            else:
                await self._news.wait()
        if self._risk.halted is not None:
            for path in self._waves.left:
                self._skip(self._branches[path], self._branches[path].all, self._risk.halted.reason)

    async def _branch(self, branch: Branch) -> None:
        try:
            missing = self._missing(branch)
            if missing is not None:
                self._skip(branch, branch.all, f"it comes after {missing}, which is not {self._reached}")
                return
            async with self._slots:
                await self._visit(branch)
        finally:
            self._waves.end(branch.path)
            self._news.set()

    def _missing(self, branch: Branch) -> str | None:
        """A sibling that comes first, and is not up; what is below it has ended, too."""
        if self._job.kind == "refresh":
            return None
        return next((path for path in branch.after if not self._ledger.is_well(path)), None)

    async def _visit(self, branch: Branch) -> None:
        visit = Visit(branch, self._job, self._place, self._ledger, self._risk, self._strays)
        self._visits[branch.path] = visit
        try:
            await perform(visit, self._risk, self._ledger)
        except Exception as error:  # noqa: BLE001 - whatever happens on one branch, the others go on
            self._break_off(visit, ending(error))
        finally:
            del self._visits[branch.path]
            visit.stake.settle(self._ledger.outcome(branch.path), lost=visit.entrusted)

    async def _between(self) -> None:
        """A wave is over: see whether the next one may begin."""
        try:
            watch = Watch(self._job, self._place, self._ledger, self._risk)
            await unless_stopped(watch.over(self._waves), self._risk)
        except ShutError as error:
            self._refuse(str(error))
        except HaltedError:
            self._waves.stop()
        else:
            self._waves.open_next()
            self._tell_wave()

    def _refuse(self, why: str) -> None:
        """The gate is shut; whoever goes on whatever happens goes on."""
        scope = self._job.fleet.scope
        if self._job.rollout.after_failure == "continue":
            self._ledger.tell(Note(scope, f"wave {self._waves.number} goes by: {why}"))
            self._waves.open_next()
            return
        self._risk.halt(Halted(scope, why, self._job.rollout.after_failure))
        self._waves.stop()

    def _break_off(self, visit: Visit, why: Ending) -> None:
        """Account for what a visit has not come to."""
        branch, ledger = visit.branch, self._ledger
        result = NodeResult(branch.path, why.outcome, why.message, why.detail, why.stale, why.reverted)
        if visit.entrusted:
            # What was lost is the link to its initiator, which goes on without us, or has died.
            ledger.doubt(branch.below, why.message, why.detail)
            for mount in branch.mounts:
                ledger.unheard(Unheard(mount, Outcome.UNKNOWN, why.message, why.detail), branch.below)
            if branch.touched:
                ledger.skip((branch.path,), f"what is below it is in doubt: {why.message}")
            ledger.suspect(branch.path)
            return
        if why.locked:
            # Nothing of it was touched: somebody else is at work there.
            concerned = branch.all if branch.touched else branch.below
            left = [path for path in concerned if not ledger.has_ended(path)]
            ledger.pass_over(dict.fromkeys(left, f"{why.message}\n{WAY_OUT}"))
            for mount in branch.mounts:
                ledger.unheard(Unheard(mount, Outcome.SKIPPED, why.message), branch.below)
            return
        if ledger.has_ended(branch.path) and (why.lost or why.asleep):
            # So it is when the link breaks before anything was handed over.
            self._skip(branch, branch.below, why.message)
            return
        if why.state is not None:
            ledger.end(result, visit.failed_record(why.state))
        else:
            ledger.break_off(result)
            if why.stale:
                # It is not what is recorded, and nobody has looked: whoever plans next does.
                ledger.suspect(branch.path)
        undone = "stale" if why.stale else f"not {self._reached}"
        word = "offline" if why.outcome is Outcome.OFFLINE else undone
        word = "left alone" if why.drifted else word
        halted = why.outcome is Outcome.SKIPPED and not why.stale and self._risk.halted
        self._skip(branch, branch.below, why.message if halted else f"{branch.path} is {word}")

    def _skip(self, branch: Branch, nodes: tuple[str, ...], why: str) -> None:
        self._ledger.skip(nodes, why)
        for mount in branch.mounts:
            self._ledger.unheard(Unheard(mount, Outcome.SKIPPED, why), branch.below)
