"""Holding a saved plan: what still stands, what is done, what moved on, and what each node may be given."""

from msgspec import structs

from ramify.compile import holding
from ramify.compile.fleet import Fleet
from ramify.compile.holding import Held, held, recalled
from ramify.compile.planning import plan
from ramify.model import bundle as bundles
from ramify.model import saved
from ramify.model.plan import Action, Plan
from ramify.model.record import NodeRecord
from ramify.model.saved import Saved
from unit.compile.bundles import compiled, document, record, spec

TREE = spec("r", spec("z[1-2]", spec("app[1-2]")))
BEFORE, AFTER = (compiled(TREE, documents=[document("a.yml", {"X": x})]) for x in "12")
CHANGED = ("shutdown", "configure", "start")

Records = dict[str, NodeRecord]


def up(fleet: Fleet) -> Records:
    """Records of a fleet that is up."""
    return {path: record(fleet, path) for path in fleet.digests}


def hold(records: Records, seen: Records, scope: str) -> Held:
    """What a level holds of a plan that was made from what was `seen`."""
    return held(plan(AFTER, "", records), records, saved.observed(plan(AFTER, "", seen), seen), scope)


def action(made: Plan, path: str) -> Action:
    return next(node.action for node in made.nodes if node.path == path)


def test_what_has_not_moved_on_stands_as_it_was_planned() -> None:
    found = hold(up(BEFORE), up(BEFORE), "/")

    assert found.plan == plan(AFTER, "", up(BEFORE))
    assert found.stale == {}
    assert (found.may("/r"), found.may("/elsewhere")) == (CHANGED, ())


def test_a_level_judges_its_own_children_and_leaves_what_is_deeper_to_others() -> None:
    moved = up(BEFORE) | {
        path: record(BEFORE, path, service="passive", digest="x") for path in ("/r/z1", "/r/z1/app1")
    }

    found = hold(moved, up(BEFORE), "/r")

    assert found.stale == {"/r/z1": holding.MOVED_ON}
    assert action(found.plan, "/r/z1") is Action.UNCHANGED
    assert action(found.plan, "/r/z1/app1") is not Action.UNCHANGED
    assert found.may("/r/z1") == ()


def test_each_child_gets_its_part_only() -> None:
    found = hold(up(BEFORE), up(BEFORE), "/r")

    assert {child: set(part) for child, part in found.parts.items()} == {
        "/r/z1": {"/r/z1/app1", "/r/z1/app2"},
        "/r/z2": {"/r/z2/app1", "/r/z2/app2"},
    }


def test_what_is_done_already_needs_nothing_whatever_became_of_it() -> None:
    found = hold(up(AFTER), up(BEFORE), "/")

    assert (found.stale, found.plan.anything) == ({}, False)


def test_what_nobody_planned_is_not_planned_now() -> None:
    seen = up(BEFORE)
    later = {**seen, "/r/z3": structs.replace(seen["/r/z1"], path="/r/z3")}

    assert "/r/z3" not in {node.path for node in hold(later, seen, "/r").plan.nodes}


def test_a_node_that_moves_may_be_taken_away_where_it_is() -> None:
    seen = up(BEFORE)
    seen["/r"] = structs.replace(seen["/r"], host="h9")

    assert hold(seen, seen, "/").may("/r") == ("deploy", "shutdown", "uninstall")


def test_of_an_interrupted_node_what_is_found_decides() -> None:
    seen = up(BEFORE)
    seen["/r"] = structs.replace(seen["/r"], open="run1")

    assert hold(seen, seen, "/").may("/r") is None


def test_a_plan_that_would_be_made_otherwise_now_is_stale() -> None:
    """Another version of Ramify made it."""
    records, data = up(BEFORE), bundles.encode(AFTER.bundle)
    made = plan(AFTER, bundles.digest(data), records)
    first = structs.replace(made.nodes[0], steps=("restart",))
    other = structs.replace(made, nodes=(first, *made.nodes[1:]))

    found = recalled(AFTER, records, Saved(other, data, saved.observed(made, records), "acme", "now"))

    assert found.stale == {"/r": holding.PLANNED_OTHERWISE}


def test_all_that_is_known_to_have_moved_on_can_be_told() -> None:
    moved = up(BEFORE) | {"/r/z1/app1": record(BEFORE, "/r/z1/app1", service="configured")}
    seen = saved.observed(plan(AFTER, "", up(BEFORE)), up(BEFORE))
    found = hold(moved, up(BEFORE), "/")

    stale = holding.stale_now(found, moved, seen)

    assert (found.stale, stale) == ({}, {"/r/z1/app1": holding.MOVED_ON})
    assert action(holding.without(found.plan, stale), "/r/z1/app1") is Action.UNCHANGED
