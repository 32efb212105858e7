"""Laws of the tables."""

import itertools

import pytest

from ramify.stub import tables

ENVIRONMENTS = ["non-existent", "code-loaded", "configured", "installed"]
SERVICES = ["non-existent", "deployed", "configured", "active", "passive"]
ALL = list(itertools.product(ENVIRONMENTS, SERVICES))

# Table 1 of HPL-2001-321 with A10-A13: command -> (environment, service, result).
TABLE_1 = {
    "deploy": (["non-existent"], ["non-existent"], ("installed", "active")),
    "configure-env": (
        ["code-loaded", "configured", "installed"],
        ["non-existent", "deployed", "configured"],
        ("installed", "deployed"),
    ),
    "uninstall": (ENVIRONMENTS, ["non-existent", "deployed", "configured"], ("non-existent", "non-existent")),
    "start": (["installed"], ["configured"], ("installed", "active")),
    "shutdown": (["installed"], ["active", "passive"], ("installed", "configured")),
    "restart": (["installed"], ["active", "passive"], ("installed", "active")),
    "activate": (["installed"], ["passive"], ("installed", "active")),
    "deactivate": (["installed"], ["active"], ("installed", "passive")),
    "configure": (["installed"], ["deployed", "configured"], ("installed", "configured")),
}
COMMANDS = {**TABLE_1, "reload": (["installed"], ["active"], ("installed", "active"))}
REACHABLE = {
    ("non-existent", "non-existent"),
    ("code-loaded", "non-existent"),
    ("configured", "non-existent"),
    ("installed", "deployed"),
    ("installed", "configured"),
    ("installed", "active"),
    ("installed", "passive"),
}


def resting() -> set[tuple[str, str]]:
    """States that any sequence of commands, cut after any step, or ended by an exit, can rest in."""
    found = {tables.INITIAL}
    todo = [tables.INITIAL]
    while todo:
        state = todo.pop()
        after = set()
        for command in tables.COMMANDS:
            if not tables.condition(command, state):
                for load in (True, False):
                    if not load and state[0] == tables.NON_EXISTENT:
                        continue
                    moved = state
                    for step in tables.steps(command, load):
                        moved = tables.next_state(moved, step)
                        after.add(moved)
        if state[1] in tables.RUNNING:
            after.add(tables.next_state(state, (tables.SERVICE, tables.EXIT)))
        todo += after - found
        found |= after
    return found


def test_every_state_has_a_row() -> None:
    assert list(tables.MACHINES["environment"]) == ENVIRONMENTS
    assert list(tables.MACHINES["service"]) == SERVICES


@pytest.mark.parametrize("machine", ["environment", "service"])
def test_every_transition_ends_in_a_state_with_a_row(machine: str) -> None:
    table = tables.MACHINES[machine]

    assert {after for row in table.values() for after in row.values()} <= set(table)


def test_exactly_the_meaningful_joint_states_are_reachable() -> None:
    assert resting() == REACHABLE


def test_the_joint_table_runs_to_a_fixed_point_from_every_stopped_state() -> None:
    for state in ALL:
        found = state
        for _ in range(3):
            if found in tables.JOINT:
                machine, transition = tables.JOINT[found]
                found = (found[0], tables.MACHINES[machine][found[1]][transition])
        assert found not in tables.JOINT


def test_a_service_exists_exactly_while_its_environment_is_installed() -> None:
    assert all((state[0] == "installed") == (state[1] != "non-existent") for state in resting())


@pytest.mark.parametrize("command", tables.COMMANDS)
@pytest.mark.parametrize("state", ALL, ids="/".join)
def test_conditions_and_results_are_those_of_table_1(command: str, state: tuple[str, str]) -> None:
    environments, services, result = COMMANDS[command]
    reason = tables.condition(command, state)

    assert (reason == "") == (state[0] in environments and state[1] in services)
    if not reason and state in REACHABLE:
        assert tables.apply(command, state) == result


@pytest.mark.parametrize("command", tables.COMMANDS)
@pytest.mark.parametrize("state", sorted(REACHABLE), ids="/".join)
def test_a_refusal_names_the_state_that_was_found(command: str, state: tuple[str, str]) -> None:
    reason = tables.condition(command, state)
    if reason:
        with pytest.raises(tables.Refused, match=reason):
            tables.apply(command, state)
        assert reason.endswith((f"found {state[0]}", f"found {state[1]}"))


def test_there_are_the_nine_commands_of_table_1_and_one_more() -> None:
    assert set(tables.COMMANDS) == set(COMMANDS)


def test_configure_env_loads_only_where_the_code_differs() -> None:
    assert ("environment", "load") in tables.steps("configure-env")
    assert ("environment", "load") not in tables.steps("configure-env", load=False)
    assert tables.apply("configure-env", ("installed", "configured"), load=False) == ("installed", "deployed")


def test_leaving_installed_removes_the_service_and_entering_deploys_it() -> None:
    left = tables.next_state(("installed", "configured"), ("environment", "configure"))
    entered = tables.next_state(left, ("environment", "install"))

    assert left == ("configured", "non-existent")
    assert entered == ("installed", "deployed")


def test_a_failed_deploy_can_be_retried_or_taken_away_from_wherever_it_rests() -> None:
    for state in [("code-loaded", "non-existent"), ("configured", "non-existent")]:
        again = tables.apply("configure-env", state)
        assert tables.apply("start", tables.apply("configure", again)) == ("installed", "active")
        assert tables.apply("uninstall", state) == tables.INITIAL


def test_a_transition_without_a_row_is_refused() -> None:
    with pytest.raises(tables.Refused, match="no transition start of the service from active"):
        tables.next_state(("installed", "active"), ("service", "start"))
