"""Steps: from wherever a node can stand, the way leads to where it shall be, and is the one people expect."""

import pytest

from ramify.compile.steps import Standing, steps_down, steps_up
from ramify.stub import tables
from ramify.stub.tables import (
    COMMANDS,
    CONFIGURE,
    CONFIGURE_ENV,
    DEPLOY,
    INITIAL,
    INSTALLED,
    SERVICE,
    UNINSTALL,
)

State = tuple[str, str]


def next_states(state: State) -> set[State]:
    """States that a node can be found in after one thing happened, half-way through a command, too."""
    found: set[State] = set()
    for command in COMMANDS:
        if tables.condition(command, state):
            continue
        for load in (True, False):
            now = state
            for step in tables.steps(command, load):
                try:
                    now = tables.next_state(now, step)
                except tables.Refused:
                    break
                found.add(now)
    if state[1] in tables.RUNNING:
        found.add(tables.next_state(state, (SERVICE, tables.EXIT)))
    return found


def reachable() -> list[State]:
    found, waiting = {INITIAL}, [INITIAL]
    while waiting:
        new = next_states(waiting.pop()) - found
        found |= new
        waiting += new
    return sorted(found)


def stand(environment: str, service: str, fresh: str = "") -> Standing:
    """`fresh` names the machines that run what is wished for."""
    return Standing(environment, service, "environment" in fresh, "service" in fresh)


STANDINGS = [
    stand(*state, fresh)
    for state in reachable()
    for fresh in ("", "environment", "service", "environment service")
]


def carried_out(start: Standing, steps: tuple[str, ...]) -> Standing:
    """What really becomes of a node: the stub's own tables say which state follows."""
    state = (start.environment, start.service)
    environment, service = start.environment_fresh, start.service_fresh
    for step in steps:
        state = tables.apply(step, state)
        environment = environment or step in {DEPLOY, CONFIGURE_ENV}
        service = step in {DEPLOY, CONFIGURE} or (service and step != CONFIGURE_ENV)
    return Standing(*state, environment, service)


def test_every_resting_state_is_reached_by_the_search_of_this_test() -> None:
    assert set(reachable()) == {
        ("non-existent", "non-existent"),
        ("code-loaded", "non-existent"),
        ("configured", "non-existent"),
        ("installed", "deployed"),
        ("installed", "configured"),
        ("installed", "active"),
        ("installed", "passive"),
    }


@pytest.mark.parametrize("start", STANDINGS, ids=str)
def test_the_way_up_ends_up_and_fresh(start: Standing) -> None:
    end = carried_out(start, steps_up(start))

    assert end.environment == INSTALLED
    assert end.service in tables.RUNNING
    assert end.environment_fresh
    assert end.service_fresh


@pytest.mark.parametrize("start", STANDINGS, ids=str)
def test_the_way_down_ends_with_nothing(start: Standing) -> None:
    end = carried_out(start, steps_down(start))

    assert (end.environment, end.service) == INITIAL


@pytest.mark.parametrize("start", STANDINGS, ids=str)
def test_nobody_is_uninstalled_on_the_way_up(start: Standing) -> None:
    assert UNINSTALL not in steps_up(start)


@pytest.mark.parametrize("start", STANDINGS, ids=str)
def test_no_step_is_superfluous(start: Standing) -> None:
    steps = steps_up(start)

    assert len(set(steps)) == len(steps)
    assert all(steps_up(carried_out(start, steps[:at])) == steps[at:] for at in range(len(steps)))


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (stand(*INITIAL), "deploy"),
        (stand("installed", "active", "environment"), "shutdown configure start"),
        (stand("installed", "active"), "shutdown configure-env configure start"),
        (stand("installed", "active", "service"), "shutdown configure-env configure start"),
        (stand("installed", "passive", "environment"), "shutdown configure start"),
        (stand("installed", "configured", "environment service"), "start"),
        (stand("installed", "configured", "environment"), "configure start"),
        (stand("installed", "deployed", "environment service"), "configure start"),
        (stand("code-loaded", "non-existent"), "configure-env configure start"),
        (stand("configured", "non-existent"), "configure-env configure start"),
        (stand("configured", "non-existent", "environment service"), "configure-env configure start"),
        (stand("installed", "active", "environment service"), ""),
        (stand("installed", "passive", "environment service"), ""),
    ],
    ids=str,
)
def test_the_usual_ways_up(found: Standing, steps: str) -> None:
    assert " ".join(steps_up(found)) == steps


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (stand("installed", "active", "environment service"), "shutdown uninstall"),
        (stand("installed", "passive"), "shutdown uninstall"),
        (stand("installed", "configured"), "uninstall"),
        (stand("code-loaded", "non-existent"), "uninstall"),
        (stand(*INITIAL), ""),
    ],
    ids=str,
)
def test_the_usual_ways_down(found: Standing, steps: str) -> None:
    assert " ".join(steps_down(found)) == steps


def test_a_state_that_no_node_can_be_in_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="lead nowhere"):
        steps_up(stand("non-existent", "active"))
