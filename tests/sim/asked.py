"""What can be asked for, with what is to be seen then."""

from pathlib import Path
from typing import NamedTuple

from ramify.compile.selection import select
from ramify.initiator import earlier, undoing
from ramify.initiator.earlier import NoWayBackError
from ramify.model.bundle import Bundle
from ramify.model.events import Report
from ramify.model.plan import Goal
from ramify.model.saved import Saved
from ramify.model.standing import RESUMABLE, Standing
from sim import expected
from sim.expected import Nodes, Wish
from sim.operators import quick
from sim.played import Played


class Kept(NamedTuple):
    """A saved plan, and how it was when it was made."""

    plan: Saved
    bundle: Bundle
    selection: str
    nodes: Nodes
    said: int


class Asked(Played):
    """Whoever asks for something; each is done without faults."""

    kept: Kept | None = None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.before: dict[str, Nodes] = {}

    async def applies(
        self, selection: str, bundle: Bundle | None = None, *, looks: bool = True, fix: bool = False
    ) -> None:
        """An apply, first having looked or not, also of an earlier bundle."""
        bundle = bundle or self.said()
        if looks:
            await self.looks()
        chosen, wishes, wrong = self.chosen(bundle, selection), self.wishes(bundle), self.wrong()
        half = {path for path, node in self.nodes.items() if not node.whole} - chosen
        # One that was left in the middle is looked at; what is below an initiator is planned before that.
        looked_at = {path for path in chosen if not expected.deploys(path)}
        doubt, opened = self.doubt(sure=looked_at) | self.around(half), self.opened()
        wanted = expected.applied(self.nodes, wishes, chosen, fix=fix)
        planned = self.planned(bundle, "apply", selection, fix=fix)
        report = await self.operator.apply(bundle, selection, options=quick(fix_drift=fix))
        self.accounts(report, chosen)
        self.keeps_books(wrong)
        self.takes_the_place(planned)
        if not doubt and not opened:
            self.tells_what_it_did(report, wanted, planned)
            self.remember(report)
        self.compare(wanted, doubt, wishes, "apply")

    async def commands(
        self, goal: Goal, selection: str, bundle: Bundle | None = None, *, looks: bool = True
    ) -> None:
        """One of the lifecycle commands."""
        bundle = bundle or self.said()
        if looks:
            await self.looks()
        chosen, wishes, wrong = self.chosen(bundle, selection), self.wishes(bundle), self.wrong()
        doubt = self.doubt() | self.around([path for path, node in self.nodes.items() if not node.whole])
        wanted = expected.commanded(self.nodes, wishes, chosen, goal)
        planned = self.planned(bundle, goal, selection)
        report = await self.operator.command(bundle, goal, selection)
        self.accounts(report, chosen)
        self.keeps_books(wrong)
        if not doubt:
            self.tells_what_it_did(report, wanted, planned)
            self.remember(report)
        self.compare(wanted, doubt, wishes, goal)

    # Back.

    def remember(self, report: Report) -> None:
        """How it was before a run, as long as that is certain."""
        self.before[report.run] = dict(self.nodes)

    async def rolls_back(self, selection: str) -> None:
        """What the last change was for some nodes is undone, and nothing else."""
        held = self.operator.directory
        known = {**dict.fromkeys(held.records()), **undoing.remembered(held)}
        chosen, _ = select((selection,), known)
        try:
            way = undoing.way_before(held, undoing.last_change(held, chosen), chosen)
        except NoWayBackError:
            return
        bundle = earlier.as_of(way.bundle, self.said())
        if way.undone in self.before and not self.doubt():
            self.leads_back(self.before[way.undone], self.wishes(bundle), chosen or set(known))
        await self.applies(selection, bundle)

    def leads_back(self, before: Nodes, wishes: dict[str, Wish], chosen: set[str] | frozenset[str]) -> None:
        """What is gone back to has all that was changed as it was."""
        for path in chosen & (before.keys() | self.nodes.keys()):
            was, now = _given(before, path), _given(self.nodes, path)
            wish = wishes.get(path)
            if was != now and (path not in before or before[path].whole):
                assert was == (wish[:2] if wish else None), path

    # Later.

    async def saves(self, selection: str) -> None:
        """A plan for later."""
        await self.looks()
        bundle = self.said()
        plan = self.operator.save(bundle, selection)
        self.kept = Kept(plan, bundle, selection, dict(self.nodes), len(self.world.commands))

    async def applies_kept(self) -> None:
        """The saved plan, once and again: who moved on is left alone."""
        kept = self.kept
        assert kept is not None
        bundle, operator = kept.bundle, self.operator
        await self.looks()
        wishes, wrong, chosen = self.wishes(bundle), self.wrong(), set(kept.plan.observed)
        touched = {path for _, path, _ in self.world.commands[kept.said :]}
        known = kept.nodes.keys() | self.nodes.keys()
        moved_on = {path for path in known if kept.nodes.get(path) != self.nodes.get(path)}
        asleep = {path for path, node in self.nodes.items() if expected.deploys(path) and not node.runs}
        unknown = self.doubt()
        doubt = unknown | self.around(moved_on | (touched & known) | asleep)
        wanted = expected.applied(self.nodes, wishes, chosen)
        report = await operator.apply_saved(kept.plan)
        self.accounts(report, chosen)
        self.keeps_books(wrong)
        found = self.found()
        for path in moved_on - unknown:
            assert found.get(path) == self.nodes.get(path) or expected.deploys(path), path
        if not doubt:
            said_by_now = len(self.world.commands)
            await operator.apply_saved(kept.plan)
            assert len(self.world.commands) == said_by_now, "a second time there is nothing to do"
        self.compare(wanted, doubt, wishes, "apply")

    def waiting(self) -> Standing | None:
        """The last run that was stopped, and can go on."""
        standings = self.operator.directory.rollouts.all()
        return next((one for one in standings if one.state in RESUMABLE), None)

    async def goes_on(self) -> None:
        """It goes on, from what it was made from."""
        held, standing = self.operator.directory, self.waiting()
        ran = next((one for one in held.history.runs() if standing and one.run == standing.run), None)
        bundle = earlier.bundle_of(held, ran) if ran else None
        if ran is None or bundle is None:
            return
        selection = ran.selection[0]
        goal = next((one for one in expected.GOALS if one == ran.kind), None)
        if goal is None:
            await self.applies(selection, bundle)
        else:
            await self.commands(goal, selection, bundle)


def _given(nodes: Nodes, path: str) -> tuple[str, ...] | None:
    """What a node runs."""
    return nodes[path].made[:2] if path in nodes else None
