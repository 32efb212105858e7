"""Random sequences of all that can be asked for and go wrong end in the state that a small model predicts."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from ramify.compile.selection import select
from ramify.initiator import earlier, undoing
from ramify.initiator.brake import Brake
from ramify.initiator.earlier import NoWayBackError
from ramify.model.bundle import Bundle
from ramify.model.drift import Drift
from ramify.model.events import Report
from ramify.model.plan import Goal
from ramify.model.record import Outcome
from ramify.model.rollout import Limits
from ramify.model.saved import Saved
from ramify.stub.tables import CONFIGURED, INSTALLED, RUNNING
from sim import expected
from sim.expected import Node, Nodes, Wish, above
from sim.operators import QUICK, outcomes
from sim.stage import Stage
from sim.test_faults import KINDS, Fault, inflict

EDIT = Drift("config/app.conf", "edited", "e" * 64, "a" * 64, "word=hello\n", "word=bye\n")
OPTIONAL = ("/gw1/zone1", "/gw1/zone1/app2", "/gw1/app1", "/gw2", "/gw2/app2", "/lone")
NODES = ("/gw1", "/gw1/app1", "/gw1/zone1", "/gw1/zone1/app1", "/gw1/zone1/app2",
         "/gw2", "/gw2/app1", "/gw2/app2", "/lone")  # fmt: skip
INITIATORS = ("/gw1", "/gw1/zone1", "/gw2")
GOALS: list[Goal] = [
    "start", "stop", "restart", "activate", "deactivate", "configure", "configure-env", "uninstall",
]  # fmt: skip
ASKED = ["/", "/gw1", "/gw1/.", "/gw1/zone1", "/gw*/app1", "/**/app*", "/lone", "/gw2!/gw2/app1"]
BROKEN_OFF = ["operator dies", "drained", "stopped"]

goals, selections = st.sampled_from(GOALS), st.sampled_from(["/", *ASKED])
faults = st.builds(
    Fault, st.sampled_from([*KINDS, *BROKEN_OFF]), st.sampled_from(NODES), st.integers(1, 14)
)  # fmt: skip


class Fleet(RuleBasedStateMachine):
    """A fleet and its model; whatever is asked for, both come to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.absent: set[str] = set()
        self.words = {"gw1": "a", "gw2": "a", "lone": "a"}
        self.leaf = "leaf"
        self.nodes: Nodes = {}
        self.saved: tuple[Saved, Bundle, str, Nodes] | None = None
        self.well = True

    def act(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def soon() -> Any:
            async with asyncio.timeout(20):
                return await work

        self.well = False
        found = self.runner.run(soon())
        self.well = True
        return found

    @initialize()
    def begin(self) -> None:
        self.stage = Stage(Path(self.folder.name))
        self.act(self.applies("/"))

    # What can be asked for.

    @rule(path=st.sampled_from(OPTIONAL))
    def a_node_joins_or_leaves_the_hierarchy(self, path: str) -> None:
        self.absent ^= {path}

    @rule(top=st.sampled_from(["gw1", "gw2", "lone"]), word=st.sampled_from("abc"))
    def values_change(self, top: str, word: str) -> None:
        self.words[top] = word

    @rule()
    def there_is_another_version(self) -> None:
        self.leaf = "leaf2" if self.leaf == "leaf" else "leaf"

    @rule(selection=selections)
    def apply(self, selection: str) -> None:
        self.act(self.applies(selection))

    @rule(goal=goals, selection=selections)
    def command(self, goal: Goal, selection: str) -> None:
        self.act(self.commands(goal, selection))

    @rule(selection=selections)
    def roll_back(self, selection: str) -> None:
        self.act(self.rolls_back(selection))

    @rule(selection=selections)
    def save(self, selection: str) -> None:
        self.act(self.refresh())
        bundle = self.said()
        self.saved = (self.stage.operator.save(bundle, selection), bundle, selection, dict(self.nodes))

    @rule()
    def apply_saved(self) -> None:
        if self.saved is not None:
            self.act(self.applies_saved(*self.saved))

    # What happens by itself.

    @rule(path=st.sampled_from(NODES))
    def a_file_is_edited(self, path: str) -> None:
        if path in self.nodes:
            self.host(path).nodes[path].drift = (EDIT,)
            self.nodes[path] = self.nodes[path]._replace(edited=True)

    @rule(path=st.sampled_from(NODES))
    def a_service_dies(self, path: str) -> None:
        if path in self.nodes and self.nodes[path].runs:
            self.act(self.dies(path))

    @rule(
        goal=st.just("apply") | goals,
        selection=selections,
        fault=faults,
        more=st.lists(faults, max_size=2),
        most=st.sampled_from([None, 1, 2]),
    )
    def something_goes_wrong(
        self, goal: Goal, selection: str, fault: Fault, more: list[Fault], most: int | None
    ) -> None:
        self.act(self.goes_wrong(goal, selection, [fault, *more], most))

    # How each is done, and what is to be seen then.

    async def applies(self, selection: str, bundle: Bundle | None = None) -> None:
        bundle = bundle or self.said()
        await self.refresh()
        chosen, wishes, unseen = self.chosen(bundle, selection), self.wishes(bundle), self.unseen()
        wanted = expected.applied(self.nodes, wishes, chosen)
        report = await self.stage.operator.apply(bundle, selection)
        self.accounts(report, chosen)
        self.compare(wanted, unseen | self.dead_above(chosen))

    async def commands(self, goal: Goal, selection: str) -> None:
        bundle = self.said()
        await self.refresh()
        chosen, clear = self.chosen(bundle, selection), self.is_clear()
        wanted = expected.commanded(self.nodes, self.wishes(bundle), chosen, goal)
        report = await self.stage.operator.command(bundle, goal, selection)
        self.accounts(report, chosen)
        self.compare(wanted, set() if clear else chosen | self.dead_above(chosen))

    async def rolls_back(self, selection: str) -> None:
        held = self.stage.operator.directory
        known = {**dict.fromkeys(held.records()), **undoing.remembered(held)}
        chosen, _ = select((selection,), known)
        try:
            way = undoing.way_before(held, undoing.last_change(held, chosen), chosen)
        except NoWayBackError:
            return
        await self.applies(selection, earlier.as_of(way.bundle, self.said()))

    async def applies_saved(self, plan: Saved, bundle: Bundle, selection: str, seen: Nodes) -> None:
        operator, wishes = self.stage.operator, self.wishes(bundle)
        await self.refresh()
        chosen, fresh = self.chosen(bundle, selection), seen == self.nodes and self.is_clear()
        wanted = expected.applied(self.nodes, wishes, chosen)
        self.accounts(await operator.apply_saved(plan), chosen)
        for path, node in self.found().items():
            allowed = {self.nodes.get(path, node).made, wishes.get(path, node.made)}
            assert node.made in allowed, path
        self.compare(wanted, set() if fresh else chosen | self.dead_above(chosen))
        said = len(self.stage.world.commands)
        await operator.apply_saved(plan)
        assert not fresh or len(self.stage.world.commands) == said, "a second time there is nothing to do"

    async def dies(self, path: str) -> None:
        host = self.host(path)
        if path in host.initiators:
            self.stage.world.kill(host.initiators[path])
            await asyncio.sleep(0)
        else:
            host.nodes[path].state = (INSTALLED, CONFIGURED)
        self.nodes[path] = self.nodes[path]._replace(runs=False)

    async def goes_wrong(self, goal: Goal, selection: str, wrong: list[Fault], most: int | None) -> None:
        bundle, world, operator = self.said(), self.stage.world, self.stage.operator
        await self.refresh()
        chosen = self.chosen(bundle, selection)
        touched = chosen | {one for path in chosen for one in above(path)}
        self.spoil(wrong)
        if goal == "apply":
            limit = Limits(fail=most) if most else None
            running = asyncio.ensure_future(operator.apply(bundle, selection, most=limit))
        else:
            running = asyncio.ensure_future(operator.command(bundle, goal, selection))
        died = self.break_off(wrong, running)
        report = (await asyncio.gather(running, return_exceptions=True))[0]
        world.watching = lambda path, data: None
        if died:
            operator.open_directory()
            operator.brake = Brake()
        else:
            assert isinstance(report, Report), repr(report)
            self.accounts(report, chosen)
            assert goal != "apply" or not most or report.count(Outcome.FAILED) <= most
        world.mend()
        await world.quiet()
        self.compare(self.nodes, touched)
        if died:
            await self.is_mended(bundle)

    async def is_mended(self, bundle: Bundle) -> None:
        """An operator that died has marked what it touched: its next run looks there unasked."""
        wishes = self.wishes(bundle)
        chosen = set(self.nodes) | set(wishes)
        wanted = expected.applied(self.nodes, wishes, chosen)
        records = self.stage.operator.records()
        unsure = self.unseen() | {
            path
            for path, node in self.nodes.items()
            if node.whole and path in records and not records[path].open and self.is_odd(path)
        }
        self.accounts(await self.stage.operator.apply(bundle), chosen)
        self.compare(wanted, unsure)

    # Means.

    def spoil(self, wrong: list[Fault]) -> None:
        for fault in wrong:
            if fault.kind in BROKEN_OFF:
                continue
            if fault.path in INITIATORS or fault.kind not in ("link cut", "initiator dies"):
                inflict(self.stage, fault)

    def break_off(self, wrong: list[Fault], running: "asyncio.Future[Report]") -> list[str]:
        """Have the run end before its end, after some frames; what comes back tells later if it died."""
        died: list[str] = []
        fault = next((one for one in wrong if one.kind in BROKEN_OFF), None)
        operator, frames = self.stage.operator, 0

        def watch(path: str, data: bytes) -> None:
            nonlocal frames
            frames += 1
            if fault is None or frames != fault.at or running.done():
                return
            if fault.kind == "drained":
                operator.brake.drain("interrupted")
            elif fault.kind == "stopped":
                operator.brake.stop("interrupted")
            else:
                died.append(path)
                operator.directory.close()
                running.cancel()

        self.stage.world.watching = watch
        return died

    def host(self, path: str) -> Any:
        return self.stage.world.host(path[1:].replace("/", "."))

    def said(self) -> Bundle:
        there = [p for p in NODES if not any(one in self.absent for one in (p, *above(p)))]
        tree: dict[str, Any] = {}
        for path in there:
            spec: dict[str, Any] = {}
            level = tree
            *parents, name = path[1:].split("/")
            for one in parents:
                level = level[one].setdefault("children", {})
            if not parents:
                spec["vars"] = {"word": self.words[name]}
            level[name] = spec
        return self.stage.spec.bundle(tree, leaf=self.leaf)

    def wishes(self, bundle: Bundle) -> dict[str, Wish]:
        fleet = self.stage.operator.fleet(bundle)
        found = {path: fleet.digests[path] for path in fleet.by_path}
        return {path: Wish(one.environment, one.service, one.binding) for path, one in found.items()}

    def chosen(self, bundle: Bundle, selection: str) -> set[str]:
        known = {**self.stage.operator.fleet(bundle).by_path, **self.stage.operator.records()}
        found, _ = select((selection,), known)
        return set(known if found is None else found)

    def found(self) -> Nodes:
        """What is on all hosts."""
        found = {}
        for host in self.stage.world.hosts.values():
            for path in host.nodes:
                node = host.node(path)
                digests = node.digests
                made = Wish(digests["environment_digest"], digests["service_digest"], digests["binding"])
                whole = node.state[0] == INSTALLED
                found[path] = Node(made, node.state[1] in RUNNING, node.held, bool(node.drift), whole)
        return found

    def unseen(self) -> set[str]:
        """Those of which a look tells nothing, for an initiator above does not run."""
        return {
            path
            for path in NODES
            if any(one in self.nodes and not self.nodes[one].runs for one in above(path))
            and path in self.nodes
            and (self.nodes[path].edited or self.is_odd(path))
        }

    def is_odd(self, path: str) -> bool:
        node = self.nodes[path]
        record = self.stage.operator.records().get(path)
        return not node.whole or node.runs == (node.held == "stopped") or record is None or bool(record.open)

    def is_clear(self) -> bool:
        """Whether what is recorded is how it is."""
        records = self.stage.operator.records()
        return not self.unseen() and all(
            node.whole and path in records and not records[path].open for path, node in self.nodes.items()
        )

    def dead_above(self, chosen: set[str]) -> set[str]:
        """Initiators on the way that died: they are started when there is something to do below them."""
        ways = {one for path in chosen for one in above(path)} - chosen
        return {one for one in ways if one in self.nodes and self.is_odd(one)}

    async def refresh(self) -> None:
        report = await self.stage.operator.refresh(self.said())
        outcomes(report)
        self.compare(self.nodes, set())

    def accounts(self, report: Report, chosen: set[str]) -> None:
        """Every node has one outcome, and they are those that were meant, or on the way to them."""
        told = outcomes(report)
        around = chosen | {one for path in chosen for one in above(path)}
        assert chosen & self.nodes.keys() <= told.keys(), (chosen, told)
        assert told.keys() <= around, (chosen, told)

    def compare(self, wanted: Nodes, unsure: set[str]) -> None:
        """All is as expected; of what nobody could be sure the model learns."""
        found = self.found()
        sure = {path for path in found.keys() | wanted.keys() if path not in unsure}
        assert {path: found.get(path) for path in sure} == {path: wanted.get(path) for path in sure}
        self.nodes = found

    async def ends_well(self) -> None:
        """Without faults, what is wished for comes to be, and then there is nothing to do."""
        bundle, operator = self.said(), self.stage.operator
        await self.applies("/")
        await self.applies("/")
        await self.refresh()
        wanted = expected.applied(self.nodes, self.wishes(bundle), set(self.nodes) | set(self.wishes(bundle)))
        assert {path: node for path, node in wanted.items() if path not in self.unseen()} == {
            path: node for path, node in self.found().items() if path not in self.unseen()
        }
        assert not operator.plan(bundle).summary.anything
        said = len(self.stage.world.commands)
        await operator.apply(bundle, options=QUICK)
        assert len(self.stage.world.commands) == said

    def teardown(self) -> None:
        try:
            if self.well and hasattr(self, "stage"):
                self.act(self.ends_well())
        finally:
            if hasattr(self, "stage"):
                self.runner.run(self.stage.world.end())
                self.stage.close()
            self.runner.close()
            self.folder.cleanup()


TestFleet = Fleet.TestCase
TestFleet.settings = settings(
    max_examples=60,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
