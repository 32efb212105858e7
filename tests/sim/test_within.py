"""What was done is within what the plan said: exactly that where hosts are as recorded, and told where not.

Random trees, changes and commands; now and then a host is otherwise than anybody has recorded, or another
operator was there.
"""

import shutil
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ramify.compile.lifecycle import LOOK
from ramify.compile.selection import select
from ramify.compile.steps import HOLD, RELEASE
from ramify.directory.sqlite import Directory
from ramify.initiator import earlier, undoing
from ramify.initiator.earlier import NoWayBackError
from ramify.model.bundle import Bundle
from ramify.model.drift import Drift
from ramify.model.events import Report
from ramify.model.plan import Goal, NodePlan, Plan
from ramify.model.record import NodeResult, Outcome
from ramify.stub.tables import CONFIGURED, SHUTDOWN, UNINSTALL
from sim.operators import Operator
from sim.stage import Stage
from sim.stubs import SimNode
from sim.test_faults import all_paths, in_a_world, trees

GOALS: list[Goal] = [
    "apply", "start", "stop", "restart", "activate", "deactivate", "configure", "configure-env", "uninstall",
]  # fmt: skip
BEHIND = ["", "", "dies", "started", "wiped", "edited", "another operator"]
NO_COMMANDS = {LOOK, HOLD, RELEASE}
EDIT = Drift("config/app.conf", "edited", "a" * 64, "b" * 64, "1\n", "2\n")


@dataclass(frozen=True)
class Said:
    """What a project says: its tree, which word, version and host some of its nodes have."""

    tree: dict[str, Any]
    word: str
    leaf: str
    moved: str

    def bundle(self, stage: Stage) -> Bundle:
        tree = {name: {**spec, "vars": {"word": self.word}} for name, spec in self.tree.items()}
        moved = {self.moved: "spare1"} if self.moved in all_paths(tree) else {}
        return stage.spec.bundle(tree, leaf=self.leaf, moved=moved)


@dataclass(frozen=True)
class Asked:
    """What is asked for, and what somebody did behind the records' back before."""

    said: Said
    goal: str
    selection: str
    behind: str
    where: int


@st.composite
def cases(draw: st.DrawFn) -> list[Asked]:
    tree, other = draw(trees()), draw(trees())
    places = ["/", *all_paths({**other, **tree}), "/**/app0", "/gw0/."]
    said = st.builds(
        Said,
        st.sampled_from([tree, tree, other]),
        st.sampled_from("ab"),
        st.sampled_from(["leaf", "leaf2"]),
        st.sampled_from(["", "/lone", "/gw0/app0", "/gw0/zone0"]),
    )
    asked = st.builds(
        Asked,
        said,
        st.sampled_from(["apply", "apply", "rollback", *GOALS]),
        st.sampled_from(["/", *places]),
        st.sampled_from(BEHIND),
        st.integers(0, 30),
    )
    first = Asked(draw(said), "apply", "/", "", 0)
    return [first, *draw(st.lists(asked, min_size=1, max_size=4))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_what_was_done_is_what_the_plan_said_or_is_told(case: list[Asked]) -> None:
    async def play(stage: Stage) -> None:
        for asked in case:
            await carried_out(stage, asked)

    in_a_world(play)


async def carried_out(stage: Stage, asked: Asked) -> None:
    operator, bundle = stage.operator, asked.said.bundle(stage)
    known = {**operator.fleet(bundle).by_path, **operator.records()}
    if select((asked.selection,), known)[1].failed:
        return
    if asked.goal == "rollback":
        try:
            bundle = before(operator, bundle, asked.selection)
        except NoWayBackError:
            return
    goal: Goal = "apply" if asked.goal == "rollback" else asked.goal  # type: ignore[assignment]
    await behind(stage, asked, bundle)
    plan = operator.plan(bundle, asked.selection, goal=goal)
    as_recorded = {one.path for one in plan.nodes if is_as_recorded(stage, one)}
    clear = not asked.behind
    stage.world.commands.clear()
    report = await operator.command(bundle, goal, asked.selection)
    await stage.world.quiet()
    holds(stage, plan, report, as_recorded, clear=clear)
    if asked.behind:
        await operator.refresh(bundle)


def before(operator: Operator, now: Bundle, selection: str) -> Bundle:
    directory = operator.directory
    known = {**dict.fromkeys(directory.records()), **undoing.remembered(directory)}
    chosen, _ = select((selection,), known)
    way = undoing.way_before(directory, undoing.last_change(directory, chosen), chosen)
    return earlier.as_of(way.bundle, now)


async def behind(stage: Stage, asked: Asked, bundle: Bundle) -> None:
    """Something happens that this operator does not know of."""
    if asked.behind == "another operator":
        other = Another(stage)
        await other.command(bundle, GOALS[asked.where % len(GOALS)], "/")
        other.directory.close()
        await stage.world.quiet()
        return
    nodes = [
        (host, node)
        for host in stage.world.hosts.values()
        for node in host.nodes.values()
        if node.path not in host.initiators
    ]
    if not asked.behind or not nodes:
        return
    host, node = nodes[asked.where % len(nodes)]
    if asked.behind == "wiped":
        del host.nodes[node.path]
    elif asked.behind == "edited":
        node.drift = (EDIT,)
    elif node.state[0] == "installed":
        node.state = (node.state[0], "active" if asked.behind == "started" else CONFIGURED)


class Another(Operator):
    """Another operator of the same project, who knows what this one knew until now."""

    def __init__(self, stage: Stage) -> None:
        self._of = stage.world.folder
        super().__init__(stage.world, stage.spec.store)

    def open_directory(self) -> None:
        there = self._of / "another"
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(self._of / "operator", there)
        self.directory = Directory(there / "directory.db")


def is_as_recorded(stage: Stage, planned: NodePlan) -> bool:
    """Whether a node is on its host, and in its initiator's directory, as the operator has it recorded."""
    record = stage.operator.records().get(planned.path)
    hosts = [host for host in stage.world.hosts.values() if planned.path in host.nodes]
    if record is None or not record.exists:
        return not hosts
    node = stage.world.host(record.host).node(planned.path)
    return [host.name for host in hosts] == [record.host] and _looks(node) == (
        record.environment, record.service, record.environment_digest, record.service_digest,
        record.binding, record.held,
    )  # fmt: skip


def _looks(node: SimNode) -> tuple[str, ...]:
    digests = node.digests
    return (
        *node.state, digests["environment_digest"], digests["service_digest"], digests["binding"], node.held
    )  # fmt: skip


def holds(stage: Stage, plan: Plan, report: Report, as_recorded: set[str], *, clear: bool) -> None:
    """Every command that was given is one that the plan has, or its node's result says what was otherwise."""
    planned = {node.path: node for node in plan.nodes}
    results = {result.path: result for result in report.results}
    given: dict[str, list[tuple[str, str]]] = {}
    for host, path, command in stage.world.commands:
        given.setdefault(path, []).append((host, command))
    for path, commands in given.items():
        if path not in planned or not planned[path].action.acts:
            assert not clear, (path, commands)
            assert results[path].message, (path, commands, results[path])
    for path, node in planned.items():
        if node.action.acts:
            done_as_said(
                node, given.get(path, []), results[path], as_recorded=path in as_recorded, clear=clear
            )


def done_as_said(
    node: NodePlan, given: list[tuple[str, str]], result: NodeResult, *, as_recorded: bool, clear: bool
) -> None:
    leaving = [command for host, command in given if node.previous_host and host == node.previous_host]
    commands = [command for host, command in given if host != node.previous_host]
    assert set(leaving) <= {SHUTDOWN, UNINSTALL}
    assert all(host == node.host for host, _ in given if host != node.previous_host)
    said = [step for step in node.steps if step not in NO_COMMANDS]
    if clear:
        assert as_recorded
        assert (result.outcome, result.message) == (Outcome.DONE, ""), (node, result)
    if result.outcome is Outcome.UNCHANGED:
        assert given == [], "it was so already"
    elif not node.conditional and not result.message:
        assert commands == said, (node, given, result)
