"""Aims: from wherever a node can stand a goal of the lifecycle is reached, or nobody pretends that it is."""

import itertools

import pytest
from msgspec import structs

from ramify.compile.steps import AIMS, HOLD, RELEASE, Standing, after_command, way
from ramify.model.plan import Goal
from ramify.stub import tables
from ramify.stub.tables import INITIAL, INSTALLED, RUNNING
from unit.compile.test_steps import reachable, stand

STANDINGS = [
    structs.replace(stand(*state, fresh), held=held, reloads=reloads)
    for state in reachable()
    for fresh in ("", "environment", "service", "environment service")
    for held in ("", "stopped", "paused")
    for reloads in (False, True)
]
IN_PLACE: list[Goal] = ["start", "stop", "restart", "activate", "deactivate", "configure", "configure-env"]


def carried_out(goal: Goal, start: Standing, steps: tuple[str, ...]) -> Standing:
    """Where a node stands when the stub has done the steps, and noted how it is held."""
    now = start
    for step in steps:
        if step not in {HOLD, RELEASE}:
            after = after_command(step, now, AIMS[goal].anew)
            assert after is not None, f"{step} is refused at {now}"
            now = after
    return structs.replace(now, held=AIMS[goal].held(start) if steps else start.held)


@pytest.mark.parametrize("goal", AIMS)
def test_every_way_ends_at_its_goal_and_then_nothing_is_left_to_do(goal: Goal) -> None:
    for start in STANDINGS:
        steps = way(goal, start)
        if steps is None:
            continue
        end = carried_out(goal, start, steps)

        assert AIMS[goal].reached(end)
        assert way(goal, end) == (), (start, steps, end)


@pytest.mark.parametrize("goal", AIMS)
def test_a_goal_is_out_of_reach_only_where_something_must_be_installed_first(goal: Goal) -> None:
    lost = {(start.environment, start.service) for start in STANDINGS if way(goal, start) is None}

    if goal in {"apply", "stop", "activate", "deactivate", "uninstall"}:
        assert lost == set()
    elif goal == "configure-env":
        assert lost == {INITIAL}
    else:
        assert lost == {state for state in reachable() if state[0] != INSTALLED}


@pytest.mark.parametrize("goal", IN_PLACE)
def test_nobody_loses_data_on_the_way(goal: Goal) -> None:
    assert not {step for start in STANDINGS for step in way(goal, start) or ()} & {"uninstall", "deploy"}


def test_only_what_asks_for_it_installs_anything() -> None:
    installing = {goal for goal in AIMS for start in STANDINGS if "configure-env" in (way(goal, start) or ())}

    assert installing == {"apply", "configure-env"}


def test_what_is_held_does_not_run_after_an_apply_and_what_is_not_held_does() -> None:
    for start in STANDINGS:
        end = carried_out("apply", start, way("apply", start) or ())

        assert end.fresh
        assert end.held == start.held
        if start.held == "paused":
            assert end.service == "passive"
        else:
            assert (end.service in RUNNING) is (start.held == "")


@pytest.mark.parametrize(
    ("goal", "wished"), [("stop", "configured"), ("start", "active"), ("restart", "active")]
)
def test_whoever_stops_holds_and_whoever_starts_lets_go(goal: Goal, wished: str) -> None:
    for service, held in itertools.product(("configured", "active"), ("", "stopped")):
        start = Standing(INSTALLED, service, held=held)
        end = carried_out(goal, start, way(goal, start) or ())

        assert end.service == wished
        assert end.held == ("stopped" if goal == "stop" else "")


@pytest.mark.parametrize(
    ("goal", "found", "steps"),
    [
        ("stop", stand("installed", "active"), "shutdown"),
        ("stop", stand("installed", "passive"), "shutdown"),
        ("stop", stand("installed", "configured"), "hold"),
        ("start", stand("installed", "configured"), "start"),
        ("start", stand("installed", "deployed"), "configure start"),
        ("start", stand("installed", "active"), ""),
        ("start", structs.replace(stand("installed", "passive"), held="paused"), ""),
        ("start", structs.replace(stand("installed", "active"), held="stopped"), "release"),
        ("restart", stand("installed", "active"), "restart"),
        ("restart", stand("installed", "passive"), "restart"),
        ("restart", stand("installed", "configured"), "start"),
        ("deactivate", stand("installed", "active"), "deactivate"),
        ("deactivate", stand("installed", "configured"), ""),
        ("activate", structs.replace(stand("installed", "passive"), held="paused"), "activate"),
        ("activate", stand("installed", "active"), ""),
        ("configure", stand("installed", "active", "environment service"), "shutdown configure start"),
        ("configure", structs.replace(stand("installed", "active"), reloads=True), "reload"),
        ("configure", structs.replace(stand("installed", "configured"), held="stopped"), "configure"),
        (
            "configure",
            structs.replace(stand("installed", "passive"), held="paused"),
            "shutdown configure start deactivate",
        ),
        ("configure-env", stand("installed", "active"), "shutdown configure-env configure start"),
        ("configure-env", stand("code-loaded", "non-existent"), "configure-env configure start"),
        ("uninstall", structs.replace(stand("installed", "configured"), held="stopped"), "uninstall"),
        ("apply", structs.replace(stand("installed", "active", "environment"), reloads=True), "reload"),
        (
            "apply",
            structs.replace(stand("installed", "active"), reloads=True),
            "shutdown configure-env configure start",
        ),
        (
            "apply",
            structs.replace(stand("installed", "configured", "environment"), held="stopped"),
            "configure",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_the_usual_ways(goal: Goal, found: Standing, steps: str) -> None:
    assert " ".join(way(goal, found) or ()) == steps


def test_the_tables_take_what_is_planned() -> None:
    for goal, start in itertools.product(AIMS, STANDINGS):
        state = (start.environment, start.service)
        for step in way(goal, start) or ():
            if step not in {HOLD, RELEASE}:
                state = tables.apply(step, state)
