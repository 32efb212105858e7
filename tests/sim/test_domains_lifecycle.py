"""Lifecycle commands where only an initiator knows what is below it: as everywhere else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ramify.compile.lifecycle import LOOK
from ramify.compile.steps import AIMS, HOLD, RELEASE
from ramify.compile.unseen import above
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.plan import Action, Goal
from ramify.stub.tables import RUNNING
from sim.operators import outcomes
from sim.stage import Stage
from sim.test_domains import ALL, BELOW, INNER, MOUNT, OUTER, nested, serve
from sim.test_faults import in_a_world

GW1 = ALL - {"/lone"}
NO_COMMANDS = {LOOK, HOLD, RELEASE}


@pytest.fixture(name="outer")
def _outer(stage: Stage) -> Bundle:
    stage.world.servers.store = stage.spec.store
    serve(stage)
    return stage.spec.bundle(OUTER)


def order(stage: Stage) -> list[str]:
    return list(dict.fromkeys(path for _, path, _ in stage.world.commands))


def acting(plan: object) -> set[str]:
    return {node.path for node in plan.nodes if node.action.acts}  # type: ignore[attr-defined]


async def test_a_subtree_stops_children_first_and_starts_parents_first(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    stage.world.commands.clear()
    planned = await stage.operator.plan_there(outer, "/gw1", goal="stop")

    stopped = outcomes(await stage.operator.command(outer, "stop", "/gw1"))
    down = order(stage)
    stage.world.commands.clear()

    assert (acting(planned), planned.open) == (GW1, ())
    assert stopped == dict.fromkeys(GW1, "done")
    assert set(stage.world.up()) == {"/lone"}
    assert all(paths.parent(path) not in down[:at] for at, path in enumerate(down))
    assert not (await stage.operator.plan_there(outer)).summary.anything

    started = outcomes(await stage.operator.command(outer, "start", "/gw1"))
    back = order(stage)

    assert started == dict.fromkeys(GW1, "done")
    assert set(stage.world.up()) == ALL
    assert all(paths.parent(path) in ("/", *back[:at]) for at, path in enumerate(back))


@pytest.mark.parametrize("goal", ["restart", "configure", "configure-env", "deactivate", "uninstall"])
async def test_what_is_planned_is_what_is_done(stage: Stage, outer: Bundle, goal: Goal) -> None:
    nested(stage)
    await stage.operator.apply(outer)
    stage.world.commands.clear()
    planned = await stage.operator.plan_there(outer, MOUNT, goal=goal)

    report = outcomes(await stage.operator.command(outer, goal, MOUNT))

    assert {path for path, outcome in report.items() if outcome == "done"} == acting(planned)
    assert INNER in report
    given = {path: stage.world.given(path) for path in report}
    assert given == {node.path: list(node.steps) for node in planned.nodes}
    assert set(report) == {node.path for node in planned.nodes}


async def test_one_node_below_is_commanded_alone(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    stage.world.commands.clear()

    report = outcomes(await stage.operator.command(outer, "stop", f"{MOUNT}/gw7/app1"))

    assert report == {f"{MOUNT}/gw7/app1": "done"}
    assert order(stage) == [f"{MOUNT}/gw7/app1"]
    held = {
        node.path for node in (await stage.operator.plan_there(outer)).nodes if node.action is Action.HELD
    }
    assert held == {f"{MOUNT}/gw7/app1"}


async def test_an_initiator_that_was_stopped_alone_is_started_to_take_down_what_is_below_it(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    await stage.operator.command(outer, "stop", f"{MOUNT}/.")
    assert set(stage.world.up()) == ALL - {MOUNT}
    planned = await stage.operator.plan_there(outer, MOUNT, goal="uninstall")

    report = outcomes(await stage.operator.command(outer, "uninstall", MOUNT))

    assert {node.path: node.steps[0] for node in planned.nodes}[MOUNT] == "start"
    assert set(report.values()) == {"done"}
    assert set(stage.world.up()) == ALL - BELOW - {MOUNT}
    assert set(stage.operator.records()) == ALL - BELOW - {MOUNT}
    left = [path for host in stage.world.hosts.values() for path in host.nodes]
    assert set(left) == ALL - BELOW - {MOUNT}


async def test_below_an_initiator_that_was_stopped_a_command_is_skipped_and_says_why(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    await stage.operator.command(outer, "stop", f"{MOUNT}/.")
    stage.world.commands.clear()

    for goal in ("restart", "stop"):
        report = await stage.operator.command(outer, goal, f"{MOUNT}/db")
        assert outcomes(report)[f"{MOUNT}/db"] == "skipped"
    assert not stage.world.commands
    assert stage.world.host("db").node(f"{MOUNT}/db").state[1] in RUNNING


async def test_an_initiator_is_not_uninstalled_from_above_what_stays(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)

    report = outcomes(await stage.operator.command(outer, "uninstall", f"{MOUNT}!{MOUNT}/gw7/app1"))

    assert {path for path, outcome in report.items() if outcome == "done"} == {
        f"{MOUNT}/gw7/app2",
        f"{MOUNT}/db",
    }
    assert {MOUNT, f"{MOUNT}/gw7", f"{MOUNT}/gw7/app1"} <= set(stage.world.up())


async def test_an_initiator_stays_while_something_below_it_cannot_be_taken_away(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    stage.world.host("db").fails[f"{MOUNT}/db"] = "uninstall"
    await stage.operator.command(outer, "stop", f"{MOUNT}/.")

    report = outcomes(await stage.operator.command(outer, "uninstall", MOUNT))

    assert (report[f"{MOUNT}/db"], report[MOUNT]) == ("failed", "skipped")
    assert MOUNT in stage.world.up()
    stage.world.mend()
    assert set(outcomes(await stage.operator.command(outer, "uninstall", MOUNT)).values()) == {"done"}
    assert set(stage.world.up()) == ALL - BELOW - {MOUNT}


async def test_below_an_initiator_of_the_domain_that_was_stopped_every_node_is_told_of_once(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    await stage.operator.command(outer, "stop", f"{MOUNT}/gw7/.")

    planned = await stage.operator.plan_there(outer, MOUNT, goal="restart")
    report = outcomes(await stage.operator.command(outer, "restart", f"{MOUNT}/gw7/app1"))

    assert sorted(node.path for node in planned.nodes) == sorted({*BELOW, MOUNT})
    assert report == {f"{MOUNT}/gw7/app1": "skipped"}


SELECTIONS = [
    "/",
    "/gw1",
    f"{MOUNT}/.",
    MOUNT,
    f"{MOUNT}/gw7",
    f"{MOUNT}/gw7/.",
    f"{MOUNT}!{MOUNT}/db",
    "/**/app1",
]
ASKED = st.lists(
    st.tuples(st.sampled_from([*AIMS]), st.sampled_from(SELECTIONS)), min_size=1, max_size=5
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ASKED)
def test_whatever_is_asked_for_what_is_done_is_what_was_told_before(asked: list[tuple[Goal, str]]) -> None:
    async def play(stage: Stage) -> None:
        stage.world.servers.store = stage.spec.store
        serve(stage)
        outer = stage.spec.bundle(OUTER)
        await stage.operator.apply(outer)
        for goal, selection in asked:
            await told_and_done(stage, outer, goal, selection)
        await stage.operator.command(outer, "uninstall", "/")
        left = [path for host in stage.world.hosts.values() for path in host.nodes]
        assert left == []

    in_a_world(play)


async def told_and_done(stage: Stage, outer: Bundle, goal: Goal, selection: str) -> None:
    try:
        planned = await stage.operator.plan_there(outer, selection, goal=goal)
    except DiagnosticsError:
        return
    stage.world.commands.clear()
    report = outcomes(await stage.operator.command(outer, goal, selection))
    await stage.world.quiet()
    told = {node.path: [step for step in node.steps if step not in NO_COMMANDS] for node in planned.nodes}
    assert len(told) == len(planned.nodes)
    for path, steps in told.items():
        assert stage.world.given(path) == steps, (goal, selection, path)
    mounts = [one.path for one in planned.open]
    unforeseen = {path for _, path, _ in stage.world.commands} - told.keys()
    assert all(any(above(path, mounts)) for path in unforeseen), "it is told whose initiators were not heard"
    assert told.keys() <= report.keys()
