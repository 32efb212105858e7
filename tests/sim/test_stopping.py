"""Runs that are ended before their end: drained, or stopped on every level; every node is accounted for."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ramify.initiator.brake import Brake
from ramify.model.bundle import Bundle
from ramify.model.record import Outcome
from sim.operators import outcomes, quick
from sim.spec import leaves
from sim.stage import Stage, until
from sim.test_faults import all_paths, trees

WHY = "interrupted"
TREE: dict[str, Any] = {
    "gw1": {
        "vars": {"word": "hello"},
        "children": {
            "zone1": leaves("app1", "app2"),
            "app1": {},
            "late": {"after": ["app1"]},
        },
    },
    "lone": leaves(),
    "after": leaves(after=["lone"]),
}
WAITING = msgspec.structs.replace(quick(), wait=None)
DEEP = "/gw1/zone1/app1"


def install(stage: Stage, *places: str) -> list[asyncio.Event]:
    """Have the installers of some nodes take until they may end."""
    found = []
    for path in places:
        over = asyncio.Event()
        stage.world.host(path[1:].replace("/", ".")).installs[path] = over
        found.append(over)
    return found


async def begun(stage: Stage, *places: str, options: Any = None) -> tuple[Bundle, "asyncio.Task[Any]"]:
    """A run whose installers on some nodes are under way."""
    bundle = stage.spec.bundle(TREE)
    running = asyncio.create_task(stage.operator.apply(bundle, options=options or quick()))
    hosts = [stage.world.host(path[1:].replace("/", ".")) for path in places]
    await until(lambda: all("commands" in host.asked for host in hosts))
    return bundle, running


async def test_a_drained_run_ends_what_is_in_flight_and_begins_nothing(stage: Stage) -> None:
    (deep, near, lone) = install(stage, DEEP, "/gw1/app1", "/lone")
    _bundle, running = await begun(stage, DEEP, "/gw1/app1", "/lone")
    stage.operator.brake.drain(WHY)
    await until(lambda: stage.world.initiator("/gw1/zone1").service.actives[0].risk.halted)
    for over in (deep, near, lone):
        over.set()
    report = await running

    found = outcomes(report)
    assert found == {
        "/gw1": "done",
        "/gw1/zone1": "done",
        DEEP: "done",
        "/gw1/zone1/app2": "done",
        "/gw1/app1": "done",
        "/gw1/late": "skipped",
        "/lone": "done",
        "/after": "skipped",
    }
    assert {one.message for one in report.results if one.outcome is Outcome.SKIPPED} == {WHY}
    await stage.world.end()


async def test_a_stop_ends_installers_on_every_level(stage: Stage) -> None:
    install(stage, DEEP, "/gw1/app1", "/lone")
    bundle, running = await begun(stage, DEEP, "/gw1/app1", "/lone")
    stage.operator.brake.stop(WHY)
    report = await running

    found = outcomes(report)
    assert {path for path, outcome in found.items() if outcome == "failed"} == {DEEP, "/gw1/app1", "/lone"}
    assert {path for path, outcome in found.items() if outcome == "skipped"} == {"/gw1/late", "/after"}
    assert all("stopped, as asked" in one.message for one in report.results if one.outcome is Outcome.FAILED)
    assert all(record.open == "" for record in stage.operator.records().values())
    assert stage.operator.records()[DEEP].environment == "configured"
    await stage.world.quiet()
    stage.world.mend()
    again = outcomes(await stage.operator.apply(bundle))
    assert set(again.values()) <= {"done", "unchanged"}
    assert set(stage.world.up()) == set(found)
    await stage.world.end()


async def test_a_drain_can_become_a_stop(stage: Stage) -> None:
    install(stage, DEEP)
    _bundle, running = await begun(stage, DEEP)
    stage.operator.brake.drain(WHY)
    await asyncio.sleep(0)
    stage.operator.brake.stop(WHY)
    assert outcomes(await running)[DEEP] == "failed"
    await stage.world.end()


async def test_who_does_not_stop_in_time_is_told_as_unknown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ramify.initiator.brake.WITHIN", 0.05)
    stage.world.host("gw1.zone1.app1").stuck = asyncio.Event()
    stage.world.host("lone").stuck = asyncio.Event()
    bundle = stage.spec.bundle(TREE)
    running = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: stage.world.host("gw1.zone1.app1").asked and stage.world.host("lone").asked)
    stage.operator.brake.stop(WHY)
    found = outcomes(await running)

    assert (found[DEEP], found["/lone"]) == ("unknown", "unknown")
    assert stage.operator.records()["/lone"].open
    for name in ("gw1.zone1.app1", "lone"):
        stage.world.host(name).mend()
        stage.world.host(name).stuck = None
    await stage.world.quiet()
    assert set(outcomes(await stage.operator.apply(bundle)).values()) <= {"done", "unchanged"}
    await stage.world.end()


async def test_a_stop_reaches_who_waits_for_a_turn(stage: Stage) -> None:
    install(stage, DEEP)
    _bundle, running = await begun(stage, DEEP)
    running.cancel()  # the operator dies: its initiators go on
    await asyncio.gather(running, return_exceptions=True)
    other = stage.spec.bundle(TREE, env={"OTHER": "x"})
    second = asyncio.create_task(stage.operator.apply(other, "/gw1/**", options=WAITING))
    await until(lambda: any("waits for run" in str(event) for event in stage.operator.events))
    stage.operator.brake.stop(WHY)
    found = outcomes(await second)

    assert found["/gw1/zone1/app2"] == "skipped"
    assert set(found.values()) <= {"done", "unchanged", "skipped"}
    await stage.world.end()


async def test_a_brake_that_was_pulled_before_the_run_lets_nothing_begin(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    running = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: stage.operator.brake._risk is not None)
    stage.operator.brake.stop(WHY)
    assert set(outcomes(await running).values()) == {"skipped"}
    assert Brake()._risk is None
    await stage.world.end()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tree=trees(),
    turns=st.integers(0, 400),
    hard=st.booleans(),
    cut=st.none() | st.tuples(st.integers(0, 5), st.integers(1, 14)),
    slow=st.sets(st.integers(0, 20), max_size=3),
)
def test_whenever_it_is_stopped_every_node_has_one_outcome_and_a_later_apply_completes(
    tree: dict[str, Any], turns: int, hard: bool, cut: tuple[int, int] | None, slow: set[int]
) -> None:
    async def story(stage: Stage) -> None:
        places = all_paths(tree)
        deploys = [path for path in places if "/app" not in path and path != "/lone"]
        if cut is not None:
            stage.world.cut_at[deploys[cut[0] % len(deploys)]] = cut[1]
        install(stage, *(places[at % len(places)] for at in slow if places[at % len(places)] not in deploys))
        bundle = stage.spec.bundle(tree)
        running = asyncio.create_task(stage.operator.apply(bundle))
        for _ in range(turns):
            await asyncio.sleep(0)
        (stage.operator.brake.stop if hard else stage.operator.brake.drain)(WHY)
        if not hard:
            stage.world.mend()
        report = await running
        assert set(outcomes(report)) == set(places)
        stage.world.mend()
        await stage.world.quiet()
        for _ in range(2):  # what was in doubt is looked at, then all is as it shall be
            last = await stage.operator.apply(bundle)
        assert set(outcomes(last).values()) <= {"done", "unchanged"}
        assert set(stage.world.up()) == set(places)
        await stage.world.end()

    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        try:
            asyncio.run(asyncio.wait_for(story(stage), 60))
        finally:
            stage.close()
