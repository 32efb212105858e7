"""What can go wrong, with what is true then all the same."""

import asyncio

from ramify.initiator.brake import Brake
from ramify.model.drift import Drift
from ramify.model.events import Report
from ramify.model.plan import Goal
from ramify.model.record import Outcome
from ramify.model.rollout import Limits
from ramify.model.standing import State
from ramify.stub.tables import CONFIGURED, INSTALLED
from sim import expected
from sim.asked import Asked
from sim.expected import Node, Nodes, above
from sim.projects import INITIATORS
from sim.test_faults import Fault, inflict


class Troubled(Asked):
    """Whatever happens by itself, and runs with faults."""

    is_alone = True

    def edits(self, path: str, drift: Drift) -> None:
        """Somebody changes a file of a node by hand."""
        if path in self.nodes:
            self.host(path).nodes[path].drift = (drift,)
            self.nodes[path] = self.nodes[path]._replace(edited=True)

    async def dies(self, path: str) -> None:
        """A service that runs ends, or an initiator is killed."""
        if path not in self.nodes or not self.nodes[path].runs:
            return
        host = self.host(path)
        if path in host.initiators:
            self.world.kill(host.initiators[path])
            await asyncio.sleep(0)
        else:
            host.nodes[path].state = (INSTALLED, CONFIGURED)
        self.nodes[path] = self.nodes[path]._replace(runs=False)

    async def goes_wrong(
        self, goal: Goal, selection: str, wrong: list[Fault], end: Fault | None, most: int | None
    ) -> None:
        """A run with faults, that perhaps is ended before its end."""
        bundle, operator = self.said(), self.operator
        await self.looks()
        chosen, wishes, mistaken = self.chosen(bundle, selection), self.wishes(bundle), self.wrong()
        doubt = self.doubt() | self.around(self._half())
        if goal == "apply":
            wanted = expected.applied(self.nodes, wishes, chosen)
            work = operator.apply(bundle, selection, most=Limits(fail=most) if most else None)
        else:
            wanted = expected.commanded(self.nodes, wishes, chosen, goal)
            work = operator.command(bundle, goal, selection)
        self._spoil(wrong)
        report = await self._ended(asyncio.ensure_future(work), end)
        self.world.mend()
        await self.world.quiet()
        killed = {one.path for one in wrong if one.kind == "initiator dies"}
        lost = killed if report is None or any(one.kind == "link cut" for one in wrong) else set()
        self.keeps_books(mistaken | lost)
        if report is not None:
            self.accounts(report, chosen)
            self.tells_the_truth(report, wanted, doubt | killed)
            assert goal != "apply" or not most or report.count(Outcome.FAILED) <= most
        if goal == "apply":
            self._runs_on(wanted, killed)
        self.compare(self.nodes, chosen | {one for path in chosen for one in above(path)}, wishes, goal)
        if report is None:
            await self.applies("/", looks=False)

    def _spoil(self, wrong: list[Fault]) -> None:
        for fault in wrong:
            if fault.path in INITIATORS or fault.kind not in ("link cut", "initiator dies"):
                inflict(self.stage, fault, self.host(fault.path))

    async def _ended(self, running: "asyncio.Future[Report]", end: Fault | None) -> Report | None:
        """The end of a run, before its end after some moments; no report when its operator died."""
        moments, died, operator = 0, False, self.operator

        def moment() -> None:
            nonlocal moments, died
            moments += 1
            if end is None or moments != end.at or running.done():
                return
            if end.kind == "drained":
                operator.brake.drain("interrupted")
            elif end.kind == "stopped":
                operator.brake.stop("interrupted")
            else:
                died = True
                operator.directory.close()
                running.cancel()

        self.world.moment = moment
        (report,) = await asyncio.gather(running, return_exceptions=True)
        self.world.moment = lambda: None
        if died:
            operator.open_directory()
            operator.brake = Brake()
            return None
        assert isinstance(report, Report), repr(report)
        return report

    def _runs_on(self, wanted: Nodes, killed: set[str]) -> None:
        """What ran, and was to run on where it is, runs: a change that fails is taken back."""
        found = self.found()
        for path in self.nodes.keys() & wanted.keys() - killed:
            before, after = self.nodes[path], wanted[path]
            if before.runs and after.runs and before.made.host == after.made.host:
                assert found[path].runs, path

    async def cuts_itself_off(self, path: str, word: str) -> None:
        """A change after which nobody reaches the host any more is taken back by the host itself."""
        self.say(path, word)
        await self.looks()
        bundle = self.said()
        wishes, chosen, mistaken = self.wishes(bundle), self.chosen(bundle, "/"), self.wrong()
        wanted, doubt = expected.applied(self.nodes, wishes, chosen), self.doubt() | self.around(self._half())
        before, after = self.nodes.get(path), wanted.get(path)
        is_cut = before is not None and after is not None and before.runs and _is_given(before, after)
        self.host(path).cuts.add(path)
        report = await self.operator.apply(bundle)
        self.host(path).cuts.clear()
        self.keeps_books(mistaken)
        if is_cut and not doubt:
            (failed,) = report.worst(Outcome.FAILED)
            assert (failed.path, failed.reverted) == (path, True)
        if is_cut:
            stay = {one for one in self.nodes.keys() | wanted.keys() if one == path or path in above(one)}
            wanted = {one: node for one, node in wanted.items() if one not in stay}
            wanted |= {one: self.nodes[one] for one in stay if one in self.nodes}
        self.compare(wanted, doubt, wishes, "apply")

    # Rollouts.

    async def rolls_out(self, selection: str, failing: list[str], most: int, action: str) -> None:
        """A rollout of which some nodes fail: it stops within its limit, and waits or is taken back."""
        await self.looks()
        rollout = (("waves", (1, "100%")), ("max_fail", most), ("on_failure", action))
        bundle, operator = self.said(rollout=rollout), self.operator
        chosen, wishes, mistaken = self.chosen(bundle, selection), self.wishes(bundle), self.wrong()
        doubt = self.doubt() | self.around(self._half())
        before, wanted = self.nodes, expected.applied(self.nodes, wishes, chosen)
        planned = self.planned(bundle, "apply", selection)
        for path in wishes.keys() & set(failing):
            self.world.host(wishes[path].host).fails[path] = "start"
        report = await operator.apply(bundle, selection)
        self.world.mend()
        self.accounts(report, chosen)
        self.keeps_books(mistaken)
        self.takes_the_place(planned)
        self.tells_the_truth(report, wanted, doubt)
        self._runs_on(wanted, set())
        assert report.count(Outcome.FAILED) <= most
        self.compare(self.nodes, chosen | {one for path in chosen for one in above(path)}, wishes, "apply")
        if report.halted is None:
            return
        self._waits(report)
        if action == "rollback":
            await self._takes_back(report, before, doubt | self.around(self._unusual(before)))

    def _waits(self, report: Report) -> None:
        """What it has not begun is remembered."""
        standing = self.operator.directory.rollouts.get(report.run)
        left = {one.path for one in report.results if one.outcome in {Outcome.SKIPPED, Outcome.UNKNOWN}}
        assert standing is not None
        assert standing.state is State.DONE or (standing.state is State.PAUSED and set(standing.left) == left)

    async def _takes_back(self, report: Report, before: Nodes, unsure: set[str]) -> None:
        """All that a run touched is as it was before it."""
        failed = {one.path for one in report.worst(Outcome.FAILED, Outcome.UNKNOWN)}
        touched = failed | {path for path in before if before[path] != self.nodes.get(path)}
        left = await self.operator.take_back(self.said(), report.run)
        assert left <= unsure
        found = self.found()
        back = {path: _back(before[path], found.get(path)) for path in touched & before.keys()}
        anew = {path: Node(back[path].made) for path in back.keys() - self.nodes.keys()}
        self.compare(before | back | anew, unsure)

    def _half(self) -> list[str]:
        return [path for path, node in self.nodes.items() if not node.whole]

    def _unusual(self, nodes: Nodes) -> set[str]:
        """Nodes that stand as no project ever wanted them to, or as nobody here remembers."""
        odd = {path for path, node in nodes.items() if not node.whole or node.made[:2] not in self.given}
        return odd if self.is_alone else {*nodes, *odd}

    def takes_over(self) -> None:
        """Somebody else is the operator now, and knows what that one heard of last."""
        self.is_alone = False
        self.operator.be("colleague" if self.operator.who == "operator" else "operator")


def _is_given(before: Node, after: Node) -> bool:
    """Whether a node gets something where it is."""
    edits = before.edited and not after.edited
    return before.made.host == after.made.host and (before.made != after.made or edits)


def _back(node: Node, found: Node | None) -> Node:
    """A node as the way back leaves it, wherever that puts it."""
    here = found.made if found is not None else node.made
    return expected.stands(node, node.made._replace(host=here.host, binding=here.binding), fix=True)
