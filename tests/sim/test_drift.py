"""Drift in a world in memory: found on every level, recorded up to the top, put right or not as is said."""

from typing import Any

import pytest

from ramify.model.drift import Drift
from sim.operators import outcomes, quick
from sim.spec import leaves
from sim.stage import Stage

EDIT = Drift("config/app.conf", "edited", "e" * 64, "a" * 64, "word=hello\n", "word=bye\n")
CODE = Drift("code/run", "edited", "e" * 64, "a" * 64)
DEEP = "/gw1/zone1/app1"
FIX = quick(fix_drift=True)
STOPPED = "drifted (config/app.conf edited): nothing is done until somebody has looked and says `--fix-drift`"


def tree(**gateway: Any) -> dict[str, Any]:
    zone: dict[str, Any] = {"zone1": {"children": {"app1": {}, "app2": {}}}}
    return {"gw1": {"children": {"app1": {}, **zone}, "vars": {"word": "hello"}, **gateway}, "lone": leaves()}


def edit(stage: Stage, path: str, *drift: Drift) -> None:
    """Somebody changes files of a node by hand."""
    stage.world.host(path[1:].replace("/", ".")).nodes[path].drift = drift or (EDIT,)


def left(stage: Stage, path: str) -> tuple[Drift, ...]:
    return stage.world.host(path[1:].replace("/", ".")).nodes[path].drift


def done(report: dict[str, str]) -> list[str]:
    return [path for path, outcome in report.items() if outcome == "done"]


@pytest.mark.parametrize("path", ["/lone", "/gw1", "/gw1/app1", DEEP])
async def test_a_look_finds_an_edit_on_every_level_and_records_it_up_to_the_top(
    stage: Stage, path: str
) -> None:
    bundle = stage.spec.bundle(tree())
    await stage.operator.apply(bundle)
    edit(stage, path)

    assert done(outcomes(await stage.operator.refresh(bundle))) == [path]

    assert stage.operator.records()[path].drift == (EDIT,)
    assert done(outcomes(await stage.operator.refresh(bundle))) == []
    edit(stage, path, CODE)
    assert done(outcomes(await stage.operator.refresh(bundle))) == [path]
    assert stage.operator.records()[path].drift == (CODE,)


STEPS = [
    (EDIT, ["shutdown", "configure", "start"]),
    (CODE, ["shutdown", "configure-env", "configure", "start"]),
]


@pytest.mark.parametrize(("drift", "steps"), STEPS)
async def test_what_was_found_is_put_right_by_the_next_apply_and_nothing_else_is_touched(
    stage: Stage, drift: Drift, steps: list[str]
) -> None:
    bundle = stage.spec.bundle(tree())
    await stage.operator.apply(bundle)
    edit(stage, DEEP, drift)
    await stage.operator.refresh(bundle)
    stage.world.commands.clear()

    assert done(outcomes(await stage.operator.apply(bundle))) == [DEEP]

    assert [(path, command) for _, path, command in stage.world.commands] == [(DEEP, step) for step in steps]
    assert left(stage, DEEP) == ()
    assert stage.operator.records()[DEEP].drift == ()
    assert not stage.operator.plan(bundle).anything


async def test_what_somebody_put_right_by_hand_meanwhile_needs_nothing(stage: Stage) -> None:
    bundle = stage.spec.bundle(tree())
    await stage.operator.apply(bundle)
    edit(stage, DEEP)
    await stage.operator.refresh(bundle)
    stage.world.host("gw1.zone1.app1").nodes[DEEP].drift = ()
    stage.world.commands.clear()

    await stage.operator.apply(bundle)

    assert not stage.world.commands
    assert stage.operator.records()[DEEP].drift == ()


async def test_where_drift_is_only_told_an_apply_leaves_it_until_it_is_asked_to(stage: Stage) -> None:
    bundle = stage.spec.bundle(tree(on_drift="report"))
    await stage.operator.apply(bundle)
    edit(stage, DEEP)
    await stage.operator.refresh(bundle)

    assert done(outcomes(await stage.operator.apply(bundle))) == []
    assert left(stage, DEEP) == (EDIT,)

    await stage.operator.apply(bundle, options=FIX)
    assert left(stage, DEEP) == ()
    assert stage.operator.records()[DEEP].drift == ()


async def test_where_drift_is_only_told_what_another_change_leaves_of_it_stays_recorded(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(tree(on_drift="report")))
    bundle = stage.spec.bundle(tree(on_drift="report", vars={"word": "other"}))
    edit(stage, "/gw1/app1", EDIT, CODE)
    await stage.operator.refresh(bundle)

    assert "/gw1/app1" in done(outcomes(await stage.operator.apply(bundle)))

    assert stage.operator.records()["/gw1/app1"].drift == (CODE,)


async def test_where_drift_stops_nothing_below_it_is_touched_until_somebody_has_looked(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(tree(on_drift="stop")))
    bundle = stage.spec.bundle(tree(on_drift="stop", vars={"word": "other"}))
    edit(stage, "/gw1/zone1")
    await stage.operator.refresh(bundle)
    stage.world.commands.clear()

    report = outcomes(await stage.operator.apply(bundle))

    assert report == {
        "/gw1": "unchanged", "/gw1/app1": "done", "/lone": "unchanged",
        "/gw1/zone1": "skipped", "/gw1/zone1/app1": "skipped", "/gw1/zone1/app2": "skipped",
    }  # fmt: skip
    assert {path for _, path, _ in stage.world.commands} == {"/gw1/app1"}
    await stage.operator.apply(bundle, options=FIX)
    assert left(stage, "/gw1/zone1") == ()
    assert not stage.operator.plan(bundle).anything


async def test_a_node_that_may_not_be_overwritten_is_looked_at_before_it_is_touched(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(tree(on_drift="stop")))
    bundle = stage.spec.bundle(tree(on_drift="stop", vars={"word": "other"}))
    edit(stage, DEEP)  # and nobody knows of it
    stage.world.commands.clear()

    report = await stage.operator.apply(bundle)

    assert outcomes(report)[DEEP] == "skipped"
    (told,) = (result for result in report.results if result.path == DEEP)
    assert told.message == STOPPED
    assert "--fix-drift" in told.detail
    assert left(stage, DEEP) == (EDIT,)
    assert not stage.world.given(DEEP)
    assert stage.operator.records()[DEEP].drift == (EDIT,)
