"""Planning: laws that hold for every fleet, whatever is recorded of it."""

from collections.abc import Mapping

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import plan
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.plan import Action, Plan
from ramify.model.record import NodeRecord
from unit.compile.bundles import (
    fleets,
    record,
    sound,
)

Records = Mapping[str, NodeRecord]


def carried_out(fleet: Fleet, made: Plan, records: Records) -> dict[str, NodeRecord]:
    """The records after a plan was carried out."""
    after = dict(records)
    for found in made.nodes:
        if found.action is Action.DESTROY:
            del after[found.path]
        elif found.action is not Action.UNCHANGED:
            after[found.path] = record(fleet, found.path)
    return after


STATES: list[dict[str, str]] = [
    {},
    {"service": "passive"},
    {"service": "configured"},
    {"service": "deployed"},
    {"environment": "code-loaded", "service": "non-existent"},
    {"environment": "configured", "service": "non-existent", "open": "run1"},
    {"environment": "non-existent", "service": "non-existent"},
    {"environment": "non-existent", "service": "non-existent", "open": "run1"},
    {"host": "elsewhere"},
    {"binding": "other"},
    {"digest": "", "environment_digest": "", "service_digest": "", "binding": ""},
]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Bundle, dict[str, NodeRecord]]:
    """A bundle, and what is recorded of an earlier one."""
    made, earlier = draw(fleets()), sound(compile_fleet(draw(fleets())))
    records = {}
    for path in earlier.digests:
        found = draw(st.none() | st.sampled_from(STATES))
        if found is not None:
            records[path] = record(earlier, path, **found)
    return made, records


@settings(max_examples=50)
@given(histories())
def test_after_a_plan_there_is_nothing_left_to_do(history: tuple[Bundle, dict[str, NodeRecord]]) -> None:
    made, records = history
    fleet = sound(compile_fleet(made))
    first = plan(fleet, "", records)

    again = plan(fleet, "", carried_out(fleet, first, records))

    assert not again.summary.anything
    assert {found.path for found in again.nodes} == set(fleet.digests)


@settings(max_examples=50)
@given(histories())
def test_a_plan_speaks_of_every_node_once_and_says_what_to_do(
    history: tuple[Bundle, dict[str, NodeRecord]],
) -> None:
    made, records = history
    fleet = sound(compile_fleet(made))

    nodes = plan(fleet, "", records).nodes

    left = {path for path, found in records.items() if found.exists or found.open}
    assert sorted(found.path for found in nodes) == sorted(set(fleet.digests) | left)
    assert all(bool(found.steps) is (found.action is not Action.UNCHANGED) for found in nodes)
    assert all(bool(found.previous_host) is (found.action is Action.REPLACE) for found in nodes)


@settings(max_examples=30)
@given(histories(), st.data())
def test_the_parts_plan_what_the_whole_plans(
    history: tuple[Bundle, dict[str, NodeRecord]], data: st.DataObject
) -> None:
    made, records = history
    whole = plan(sound(compile_fleet(made)), "", records)
    scope = data.draw(st.sampled_from([found.path for found in whole.nodes]))

    part = plan(sound(compile_fleet(made, scope)), "", records)

    assert part.nodes == tuple(found for found in whole.nodes if paths.within(found.path, scope))


@settings(max_examples=20)
@given(histories())
def test_a_plan_survives_json(history: tuple[Bundle, dict[str, NodeRecord]]) -> None:
    made, records = history

    value = plan(sound(compile_fleet(made)), "digest", records, None, ("/top",))

    assert msgspec.json.decode(msgspec.json.encode(value), type=Plan) == value
