"""Plans of the lifecycle commands: what is left alone and why, and that parts plan what the whole plans."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.compile.fleet import compile_fleet
from ramify.compile.lifecycle import plan_nodes
from ramify.compile.planning import plan
from ramify.compile.steps import AIMS
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.plan import Action, Goal
from ramify.model.record import NodeRecord
from unit.compile.bundles import sound
from unit.compile.test_planning_laws import histories

GOALS: list[Goal] = [goal for goal in AIMS if goal != "apply"]
History = tuple[Bundle, dict[str, NodeRecord]]


@settings(max_examples=60)
@given(histories(), st.sampled_from(GOALS))
def test_every_node_is_there_once_and_nothing_is_deployed(history: History, goal: Goal) -> None:
    made, records = history
    fleet = sound(compile_fleet(made))

    nodes = {node.path: node for node in plan(fleet, "", records, goal=goal).nodes}

    there = {path for path, found in records.items() if found.exists or found.open}
    assert set(nodes) == set(fleet.digests) | set(records)
    assert all(bool(node.steps) is node.action.acts for node in nodes.values())
    assert not {path for path, node in nodes.items() if node.action.acts} - there
    assert all(node.reason for node in nodes.values() if node.action is Action.HELD)
    assert all(nodes[path].host == records[path].host for path in there)


@settings(max_examples=40)
@given(histories(), st.sampled_from(GOALS), st.data())
def test_the_parts_plan_what_the_whole_plans(history: History, goal: Goal, data: st.DataObject) -> None:
    made, records = history
    awake = {path: found for path, found in records.items() if found.service == "active"}
    whole = plan(sound(compile_fleet(made)), "", awake, goal=goal)
    scope = data.draw(st.sampled_from([found.path for found in whole.nodes]))

    part = plan(sound(compile_fleet(made, scope)), "", awake, goal=goal)

    expected = [found for found in whole.nodes if paths.within(found.path, scope)]
    assert [(node.path, node.steps) for node in part.nodes] == [(node.path, node.steps) for node in expected]


@settings(max_examples=40)
@given(histories())
def test_nothing_is_uninstalled_from_above_what_stays(history: History) -> None:
    made, records = history
    fleet = sound(compile_fleet(made))
    chosen = frozenset(path for path in records if len(path) % 2)

    leaving = {node.path for node in plan_nodes(fleet, records, chosen, "uninstall") if node.action.acts}

    staying = {path for path, found in records.items() if found.exists and path not in leaving}
    assert leaving <= chosen
    assert not {paths.parent(path) for path in staying} & leaving
