"""A run: all that is below one path brought to its desired state, every branch on its own.

The same code stands at the operator and at every initiator. It contacts its own children only; what is
below them is done by them.
"""

import asyncio
from collections.abc import Callable

from ramify.initiator.endings import Ending, ending
from ramify.initiator.ledger import Emit, Ledger
from ramify.initiator.visit import Job, Place, Visit
from ramify.initiator.work import Branch, branches
from ramify.model import bundle as bundles
from ramify.model.events import Report, Unheard
from ramify.model.record import NodeResult, Outcome


class Run:
    """Carries a job out."""

    def __init__(self, job: Job, place: Place, emit: Emit, now: Callable[[], str]) -> None:
        self._job = job
        self._place = place
        self._now = now
        self._ledger = Ledger(job.run, job.plan, job.fleet.scope, place.directory, emit)
        self._slots = asyncio.Semaphore(job.options.parallel)
        refresh = job.kind == "refresh"
        self._branches = branches(
            job.fleet, job.plan, self._ledger.before, everything=refresh, mounts=job.mounts
        )
        self._over = {branch.path: asyncio.Event() for branch in self._branches}

    async def carry_out(self) -> Report:
        """Do it all; every planned node has exactly one result in the report, whatever happens.

        Cancelled, it lets go of all hosts; initiators further down finish what they are doing.
        """
        directory, job = self._place.directory, self._job
        self._begin()
        if job.held is not None:
            self._ledger.pass_over(job.held.stale)
        try:
            async with asyncio.TaskGroup() as group:
                for branch in self._branches:
                    group.create_task(self._branch(branch), name=branch.path)
        finally:
            report = self._ledger.report()
            counts = {outcome.value: report.count(outcome) for outcome in Outcome}
            directory.history.finish(job.run, self._now(), counts)
        return report

    def _begin(self) -> None:
        """Have it remembered, with all that a way back needs; the longest past is forgotten."""
        directory, job = self._place.directory, self._job
        directory.history.begin(job.remembered(self._now()))
        directory.bundles.keep(job.plan.bundle, job.bundle, bundles.packs(job.fleet.bundle))
        directory.bundles.retain(directory.history.forget(job.options.history))

    async def _branch(self, branch: Branch) -> None:
        try:
            missing = await self._first(branch)
            if missing is not None:
                self._skip(branch, branch.all, f"it comes after {missing}, which is not up")
                return
            async with self._slots:
                await self._visit(branch)
        finally:
            self._over[branch.path].set()

    async def _first(self, branch: Branch) -> str | None:
        """Wait for the siblings that come first, and what is below them; the one that is not up, if any."""
        if self._job.kind == "refresh":
            return None
        for path in branch.after:
            if path in self._over:
                await self._over[path].wait()
            if not self._ledger.is_well(path):
                return path
        return None

    async def _visit(self, branch: Branch) -> None:
        visit = Visit(branch, self._job, self._place, self._ledger)
        try:
            await visit.perform()
        except Exception as error:  # noqa: BLE001 - whatever happens on one branch, the others go on
            self._break_off(visit, ending(error))

    def _break_off(self, visit: Visit, why: Ending) -> None:
        """Account for what a visit has not come to."""
        branch, ledger = visit.branch, self._ledger
        result = NodeResult(branch.path, why.outcome, why.message, why.detail, why.stale)
        if visit.entrusted:
            # What was lost is the link to its initiator, which goes on without us, or has died.
            ledger.doubt(branch.below, why.message, why.detail)
            for mount in branch.mounts:
                ledger.unheard(Unheard(mount, Outcome.UNKNOWN, why.message, why.detail), branch.below)
            if branch.touched:
                ledger.skip((branch.path,), f"what is below it is in doubt: {why.message}")
            ledger.suspect(branch.path)
            return
        if ledger.has_ended(branch.path) and why.lost:
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
        word = "offline" if why.outcome is Outcome.OFFLINE else "stale" if why.stale else "not up"
        self._skip(branch, branch.below, f"{branch.path} is {word}")

    def _skip(self, branch: Branch, nodes: tuple[str, ...], why: str) -> None:
        self._ledger.skip(nodes, why)
        for mount in branch.mounts:
            self._ledger.unheard(Unheard(mount, Outcome.SKIPPED, why), branch.below)
