"""Lifecycle commands in a world in memory: order, what is held, and exact accounts when things go wrong."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.plan import Action, Goal
from ramify.stub.tables import RUNNING
from ramify.transport.errors import Phase, UnreachableError
from sim.operators import outcomes
from sim.stage import Stage

TREE: dict[str, Any] = {
    "gw[1-2]": {
        "vars": {"word": "hello"},
        "children": {"zone[1-2]": {"children": {"app": {}, "web": {"after": ["app"]}}}},
    },
    "lone": {"vars": {"word": "hello"}},
}
BELOW_GW1 = {"/gw1", *(f"/gw1/zone{n}{name}" for n in (1, 2) for name in ("", "/app", "/web"))}


async def up(stage: Stage) -> Bundle:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    stage.world.commands.clear()
    return bundle


def touched(stage: Stage) -> list[str]:
    """The nodes that were given commands, in order; once each."""
    return list(dict.fromkeys(path for _, path, _ in stage.world.commands))


def held(stage: Stage) -> dict[str, str]:
    return {
        path: node.held
        for host in stage.world.hosts.values()
        for path, node in host.nodes.items()
        if node.held
    }


async def test_a_subtree_stops_children_first_and_starts_parents_first(stage: Stage) -> None:
    bundle = await up(stage)

    stopped = outcomes(await stage.operator.command(bundle, "stop", "/gw1"))
    down = touched(stage)
    stage.world.commands.clear()
    started = outcomes(await stage.operator.command(bundle, "start", "/gw1"))
    back = touched(stage)

    assert stopped == started == dict.fromkeys(BELOW_GW1, "done")
    assert set(down) == set(back) == BELOW_GW1
    assert all(paths.parent(path) not in down[:at] for at, path in enumerate(down))
    assert all(paths.parent(path) in ("/", *back[:at]) for at, path in enumerate(back))
    assert stage.world.given("/gw1/zone1/app") == ["start"]
    assert not stage.operator.plan(bundle).held


async def test_siblings_go_down_in_the_reverse_of_the_order_in_which_they_come_up(stage: Stage) -> None:
    bundle = await up(stage)
    await stage.operator.command(bundle, "stop", "/gw1/zone1")
    down = touched(stage)
    stage.world.commands.clear()
    await stage.operator.command(bundle, "start", "/gw1/zone1")
    back = touched(stage)

    assert down == ["/gw1/zone1/web", "/gw1/zone1/app", "/gw1/zone1"]
    assert back == down[::-1]


async def test_what_was_stopped_on_purpose_is_not_started_by_an_apply(stage: Stage) -> None:
    bundle = await up(stage)
    await stage.operator.command(bundle, "stop", "/gw1/zone1", "/lone")
    stage.world.commands.clear()
    plan = stage.operator.plan(bundle)

    report = outcomes(await stage.operator.apply(bundle))

    assert not plan.summary.anything
    assert plan.held == 4
    assert set(report.values()) == {"unchanged"}
    assert not stage.world.commands


async def test_what_is_held_is_brought_up_to_date_and_stays_stopped(stage: Stage) -> None:
    await up(stage)
    changed = stage.spec.bundle({**TREE, "lone": {"vars": {"word": "goodbye"}}})
    await stage.operator.command(changed, "stop", "/lone")

    report = outcomes(await stage.operator.apply(changed))

    assert report["/lone"] == "done"
    assert stage.world.given("/lone") == ["shutdown", "configure"]
    assert stage.operator.records()["/lone"].held == "stopped"
    assert "/lone" not in stage.world.up()
    assert stage.world.host("lone").node("/lone").order["service"]["env"]["WORD"] == "goodbye"


async def test_changes_below_an_initiator_that_was_stopped_wait_for_it(stage: Stage) -> None:
    await up(stage)
    changed = stage.spec.bundle({**TREE, "gw[1-2]": {**TREE["gw[1-2]"], "vars": {"word": "goodbye"}}})
    await stage.operator.command(changed, "stop", "/gw1/.")
    stage.world.commands.clear()
    waiting = {n.path for n in stage.operator.plan(changed).nodes if n.action is Action.HELD}

    await stage.operator.apply(changed)
    apps = {path for path in BELOW_GW1 if path.endswith(("app", "web"))}
    assert waiting == apps | {"/gw1"}
    assert not apps & set(touched(stage))

    await stage.operator.command(changed, "start", "/gw1/.")
    assert outcomes(await stage.operator.apply(changed))["/gw1/zone1/app"] == "done"


async def test_who_does_not_know_that_an_initiator_was_stopped_does_not_start_it(stage: Stage) -> None:
    bundle = await up(stage)
    await stage.operator.command(bundle, "stop", "/gw1")
    stage.operator.lose_directory()
    stage.world.commands.clear()

    report = outcomes(await stage.operator.apply(bundle))

    assert report["/gw1"] == "done"  # it is recorded again
    assert report["/gw1/zone1"] == report["/gw1/zone1/app"] == "skipped"
    assert not {path for path in touched(stage) if path.startswith("/gw1")}
    assert stage.operator.records()["/gw1"].held == "stopped"


async def test_below_an_initiator_that_does_not_run_a_command_is_skipped_and_says_why(stage: Stage) -> None:
    bundle = await up(stage)
    await stage.operator.command(bundle, "stop", "/gw1/zone1/.")
    stage.world.commands.clear()

    report = await stage.operator.command(bundle, "stop", "/gw1/zone1/app")

    assert outcomes(report) == {"/gw1/zone1/app": "skipped"}
    assert "start it first" in report.results[0].message
    assert not stage.world.commands


async def test_an_initiator_that_does_not_run_is_started_to_take_down_what_is_below_it(stage: Stage) -> None:
    bundle = await up(stage)
    await stage.operator.command(bundle, "stop", "/gw1/zone1/.")
    stage.world.commands.clear()

    report = outcomes(await stage.operator.command(bundle, "uninstall", "/gw1/zone1"))

    assert set(report.values()) == {"done"}
    assert stage.world.given("/gw1/zone1") == ["start", "shutdown", "uninstall"]
    assert not {path for path in stage.world.up() if path.startswith("/gw1/zone1")}


async def test_an_initiator_is_not_stopped_while_something_below_it_cannot_be(stage: Stage) -> None:
    bundle = await up(stage)
    gone = UnreachableError("gw1.zone1.app", Phase.CONNECT, "no route")
    stage.world.host("gw1.zone1.app").wrong = gone

    report = outcomes(await stage.operator.command(bundle, "stop", "/gw1"))

    assert report.pop("/gw1/zone1/app") == "offline"
    assert {path for path, outcome in report.items() if outcome == "skipped"} == {"/gw1", "/gw1/zone1"}
    assert {"/gw1", "/gw1/zone1", "/gw1/zone1/app"} <= set(stage.world.up())

    stage.world.mend()
    assert set(outcomes(await stage.operator.command(bundle, "stop", "/gw1")).values()) <= {
        "done",
        "unchanged",
    }
    assert not {path for path in stage.world.up() if path.startswith("/gw1")}


async def test_all_of_a_fleet_is_uninstalled_and_can_be_deployed_again(stage: Stage) -> None:
    bundle = await up(stage)

    report = outcomes(await stage.operator.command(bundle, "uninstall"))

    assert set(report.values()) == {"done"}
    assert stage.operator.records() == {}
    assert all(not host.nodes for host in stage.world.hosts.values())
    assert stage.operator.plan(bundle).summary.add == len(report)
    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done"}


async def test_an_initiator_is_not_uninstalled_from_above_what_stays(stage: Stage) -> None:
    bundle = await up(stage)

    report = outcomes(await stage.operator.command(bundle, "uninstall", "/gw1!/gw1/zone2/app"))

    assert {path for path, outcome in report.items() if outcome == "skipped"} == {"/gw1", "/gw1/zone2"}
    assert {"/gw1", "/gw1/zone2", "/gw1/zone2/app"} <= set(stage.world.up())
    assert not {path for path in stage.world.up() if path.startswith("/gw1/zone1")}


async def test_a_paused_service_stays_paused_when_it_is_configured(stage: Stage) -> None:
    await up(stage)
    changed = stage.spec.bundle({**TREE, "lone": {"vars": {"word": "goodbye"}}})
    await stage.operator.command(changed, "deactivate", "/lone")

    await stage.operator.apply(changed)

    node = stage.world.host("lone").node("/lone")
    assert node.state[1] == "passive"
    assert node.order["service"]["env"]["WORD"] == "goodbye"
    assert outcomes(await stage.operator.command(changed, "activate", "/lone")) == {"/lone": "done"}
    assert not stage.operator.plan(changed).held


@pytest.mark.parametrize(("goal", "steps"), [("stop", ("deploy",)), ("deactivate", ("deploy", "deactivate"))])
async def test_a_held_node_that_moves_is_held_on_its_new_host_and_what_was_stopped_never_runs_there(
    stage: Stage, goal: Goal, steps: tuple[str, ...]
) -> None:
    await up(stage)
    moved = stage.spec.bundle(TREE, moved={"/gw1/zone1/app": "spare1"})
    await stage.operator.command(moved, goal, "/gw1/zone1/app")
    stage.world.commands.clear()
    planned = {node.path: node for node in stage.operator.plan(moved).nodes}["/gw1/zone1/app"]

    report = outcomes(await stage.operator.apply(moved))

    assert report["/gw1/zone1/app"] == "done"
    assert (planned.action, planned.steps) == (Action.REPLACE, steps)
    there = stage.world.host("spare1").node("/gw1/zone1/app")
    assert stage.world.given("/gw1/zone1/app")[-len(steps) :] == list(steps)
    assert there.state == ("installed", "passive" if goal == "deactivate" else "configured")
    assert (
        held(stage)
        == {"/gw1/zone1/app": there.held}
        == {path: record.held for path, record in stage.operator.records().items() if record.held}
    )
    assert not stage.operator.plan(moved).summary.anything
    await stage.operator.command(moved, "start" if goal == "stop" else "activate", "/gw1/zone1/app")
    assert there.state == ("installed", "active")


async def test_an_initiator_that_was_only_configured_by_a_newer_ramify_is_installed_anew_by_the_next_apply(
    stage: Stage,
) -> None:
    bundle = await up(stage)
    (runtime,) = bundle.runtimes
    newer = structs.replace(
        bundle, runtimes=(structs.replace(runtime, artifact=stage.spec.digests["leaf2"], engine="another"),)
    )
    await stage.operator.command(newer, "configure", "/gw1/.")
    assert stage.world.given("/gw1") == ["shutdown", "configure", "start"]
    stage.world.commands.clear()
    planned = {node.path: node.steps for node in stage.operator.plan(newer).nodes}

    await stage.operator.apply(newer, "/gw1/.")

    assert stage.world.given("/gw1") == list(planned["/gw1"])
    assert "configure-env" in planned["/gw1"]
    assert not stage.operator.plan(newer, "/gw1/.").summary.anything


async def test_what_ended_by_itself_is_held_when_it_is_stopped(stage: Stage) -> None:
    bundle = await up(stage)
    stage.world.host("lone").nodes["/lone"].state = ("installed", "configured")
    await stage.operator.refresh(bundle)

    report = outcomes(await stage.operator.command(bundle, "stop", "/lone"))

    assert report == {"/lone": "done"}
    assert stage.world.commands == []
    assert held(stage) == {"/lone": "stopped"}
    assert not stage.operator.plan(bundle).summary.anything


async def test_an_initiator_that_died_is_woken_to_stop_what_is_below_it(stage: Stage) -> None:
    bundle = await up(stage)
    stage.world.kill(stage.world.initiator("/gw1"))

    report = outcomes(await stage.operator.command(bundle, "stop", "/gw1"))

    assert set(report.values()) == {"done"}
    assert not {path for path in stage.world.up() if path.startswith("/gw1")}
    assert stage.world.given("/gw1") == ["start", "shutdown"]


@pytest.mark.parametrize("goal", ["stop", "uninstall"])
async def test_a_run_that_is_lost_on_the_way_is_finished_by_the_next_one(stage: Stage, goal: Goal) -> None:
    bundle = await up(stage)
    stage.world.cut_at["/gw1"] = 3
    first = outcomes(await stage.operator.command(bundle, goal, "/gw1"))
    await stage.world.quiet()

    second = outcomes(await stage.operator.command(bundle, goal, "/gw1"))

    assert set(first) == BELOW_GW1
    assert set(second.values()) <= {"done", "unchanged"}
    assert not {path for path in stage.world.up() if path.startswith("/gw1")}


GOALS: list[Goal] = [
    "apply", "start", "stop", "restart", "activate", "deactivate", "configure", "configure-env", "uninstall",
]  # fmt: skip
SELECTIONS = ["/", "/gw1", "/gw1/.", "/gw1/zone1", "/gw*/zone2", "/**/app", "/lone", "/gw2!/gw2/zone1/web"]
FAULTS = ["", "", "offline", "refuses", "dies", "killed"]
STEPS = st.lists(
    st.tuples(st.sampled_from(GOALS), st.sampled_from(SELECTIONS), st.sampled_from(FAULTS)),
    min_size=1,
    max_size=6,
)


def spoil(stage: Stage, fault: str) -> None:
    host = stage.world.host("gw1.zone1.app")
    if fault == "offline":
        stage.world.host("gw1").wrong = UnreachableError("gw1", Phase.CONNECT, "no route")
    elif fault == "refuses":
        host.refuses.add("/gw1/zone1/app")
    elif fault == "dies":
        host.dies_at = 3
    elif fault == "killed" and "/gw2" in stage.world.host("gw2").initiators:
        stage.world.kill(stage.world.host("gw2").initiators["/gw2"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_asked_for_and_goes_wrong_every_node_is_accounted_for_and_an_end_is_found(
    steps: list[tuple[Goal, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asyncio.run(_sequence(steps, tmp_path_factory.mktemp("world")))


async def _sequence(steps: list[tuple[Goal, str, str]], folder: Path) -> None:
    stage = Stage(folder)
    try:
        bundle = stage.spec.bundle(TREE)
        for goal, selection, fault in steps:
            spoil(stage, fault)
            plan = stage.operator.plan(bundle, selection, goal=goal)
            report = outcomes(await stage.operator.command(bundle, goal, selection))
            assert {node.path for node in plan.nodes} <= set(report)
            stage.world.mend()
            await stage.world.quiet()
        await _all_up_again(stage, bundle)
        await _nothing_left(stage, bundle)
    finally:
        await stage.world.end()
        stage.close()


async def _all_up_again(stage: Stage, bundle: Bundle) -> None:
    """However it went before: an apply, a start and an activate, and everything runs."""
    ways: tuple[Goal, ...] = ("apply", "start", "activate", "apply")
    for goal in ways:
        await stage.operator.command(bundle, goal)
    await stage.operator.refresh(bundle)
    assert not stage.operator.plan(bundle).summary.anything
    assert not held(stage)
    assert all(
        node.state[1] in RUNNING for host in stage.world.hosts.values() for node in host.nodes.values()
    )
    assert len(stage.world.up()) == len(stage.operator.plan(bundle).nodes)


async def _nothing_left(stage: Stage, bundle: Bundle) -> None:
    report = outcomes(await stage.operator.command(bundle, "uninstall"))
    assert set(report.values()) == {"done"}
    assert all(not host.nodes for host in stage.world.hosts.values())


async def test_an_initiator_that_died_is_started_and_not_paused_with_what_is_below_it(stage: Stage) -> None:
    bundle = await up(stage)
    stage.world.kill(stage.world.initiator("/gw1/zone1"))
    await stage.operator.refresh(bundle)

    planned = stage.operator.plan(bundle, "/gw1", goal="deactivate")
    await stage.operator.command(bundle, "deactivate", "/gw1")

    assert {node.path: node.steps for node in planned.nodes}["/gw1/zone1"] == ("start",)
    assert stage.world.given("/gw1/zone1") == ["start"]
    assert held(stage).keys() == {path for path in BELOW_GW1 if path.endswith(("app", "web"))}
    assert not stage.operator.plan(bundle).summary.anything
