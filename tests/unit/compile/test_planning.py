"""Planning: what happens to every node, why, and nothing once it has happened."""

import pytest
from msgspec import structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import LOOK, plan
from ramify.compile.profiles import profile, values
from ramify.model.bundle import Runtime
from ramify.model.plan import Action, Change, NodePlan, Plan, Summary
from ramify.model.profile import LATE
from ramify.model.record import NodeRecord
from unit.compile.bundles import (
    AGENT,
    COMPONENTS,
    bundle,
    compiled,
    document,
    entry,
    host,
    node,
    placement,
    record,
    sound,
    spec,
)

A = "a.yml"
TREE = spec("r", spec("z[1-2]", spec("app[1-2]")), vars={"x": 1})
CONFIGURED = {
    "service": (entry("/**/app*", A),),
    "others": (
        document(
            A, {"X": "{{ vars.x }}", "ADDRESS": "{{ host.address }}", "CPUS": "{{ facts.cpus }}"}, ["-v"]
        ),
    ),
}


def recorded(fleet: Fleet) -> dict[str, NodeRecord]:
    """Records of a fleet that is up, with the values that it runs with."""
    return {
        path: record(fleet, path, values=values(profile(fleet, node(fleet, path)))) for path in fleet.digests
    }


def actions(made: Plan) -> dict[str, str]:
    """What happens where; unchanged nodes left out."""
    return {found.path: found.action.symbol for found in made.nodes if found.action is not Action.UNCHANGED}


def only(made: Plan, path: str) -> NodePlan:
    (found,) = (found for found in made.nodes if found.path == path)
    return found


def one(before: Fleet, after: Fleet, path: str, **found: object) -> NodePlan:
    """The plan of one node whose record differs by `found`."""
    records = recorded(before)
    return only(plan(after, "", {**records, path: structs.replace(records[path], **found)}), path)


# What happens.


def test_nothing_recorded_is_all_created_parents_first() -> None:
    made = plan(compiled(TREE), "digest", {})

    assert made.summary == Summary(add=7)
    assert made.bundle == "digest"
    assert [found.path for found in made.nodes] == [
        "/r", "/r/z1", "/r/z2", "/r/z1/app1", "/r/z1/app2", "/r/z2/app1", "/r/z2/app2",
    ]  # fmt: skip
    assert {found.steps for found in made.nodes} == {("deploy",)}


def test_each_node_is_deployed_by_its_parent_on_its_host() -> None:
    rules = placement("/**/app*", host="h{{ 2 + node.index }}"), placement("/**", host="h1")

    found = only(plan(compiled(TREE, placements=rules), "", {}), "/r/z1/app2")

    assert (found.initiator, found.host) == ("/r/z1", "h4")


def test_what_is_as_it_shall_be_is_unchanged() -> None:
    fleet = compiled(TREE, **CONFIGURED)

    made = plan(fleet, "", recorded(fleet))

    assert made.summary == Summary(unchanged=7)
    assert not made.summary.anything
    assert {found.steps for found in made.nodes} == {()}


def test_a_passive_service_is_left_alone() -> None:
    fleet = compiled(TREE)

    assert one(fleet, fleet, "/r/z1/app1", service="passive").action is Action.UNCHANGED


def test_a_changed_value_is_shown_before_and_after_with_the_commands_it_takes() -> None:
    before, after = (compiled(structs.replace(TREE, vars={"x": x}), **CONFIGURED) for x in (1, 2))

    found = one(before, after, "/r/z1/app1")

    assert (found.action, found.steps) == (Action.UPDATE, ("shutdown", "configure", "start"))
    assert bare(found) == (Change("service.env.X", "1", "2"),)
    assert found.reason == ""


def test_only_those_whom_a_change_concerns_are_touched() -> None:
    near = spec("r", spec("z1", spec("app[1-2]"), vars={"x": 2}), spec("z2", spec("app[1-2]")), vars={"x": 1})
    far = structs.replace(near, children=(structs.replace(near.children[0], vars={}), near.children[1]))
    before, after = compiled(far, **CONFIGURED), compiled(near, **CONFIGURED)

    assert actions(plan(after, "", recorded(before))) == {"/r/z1/app1": "~", "/r/z1/app2": "~"}


def test_values_that_come_and_go_have_nothing_before_or_after() -> None:
    before = compiled(TREE, documents=[document(A, {"OLD": "1"}, ["a", "b"])])
    after = compiled(TREE, documents=[document(A, {"NEW": "2"}, ["a"])])

    assert bare(one(before, after, "/r")) == (
        Change("service.env.NEW", None, "2"),
        Change("service.env.OLD", "1", None),
        Change("service.args.1", "b", None),
    )


def test_what_is_known_on_the_host_is_no_change_unless_it_is_new() -> None:
    before, after = compiled(TREE, **CONFIGURED), compiled(structs.replace(TREE, vars={"x": 2}), **CONFIGURED)
    fresh = one(compiled(TREE), after, "/r/z1/app1")

    assert [change.what for change in one(before, after, "/r/z1/app1").changes] == ["service.env.X"]
    assert Change("service.env.CPUS", None, LATE) in bare(fresh)


def bare(found: NodePlan) -> tuple[Change, ...]:
    """Changes without their origins."""
    return tuple(structs.replace(change, origins=()) for change in found.changes)


def test_a_change_tells_where_the_variable_and_the_setting_that_won_were_written() -> None:
    before = compiled(TREE)
    after = compiled(TREE, documents=[document(A, {"X": "{{ vars.x }} on {{ node.name }}"}, ["a", "b"])])
    change = next(c for c in one(before, after, "/r/z1/app1").changes if c.what == "service.env.X")

    assert [origin.file for origin in change.origins] == ["hierarchy.yml", "a.yml"]


def test_new_code_is_installed() -> None:
    newer = compiled(TREE, components={**COMPONENTS, "agent": structs.replace(AGENT, artifact="d" * 64)})

    found = one(compiled(TREE), newer, "/r/z1/app1")

    assert found.steps == ("shutdown", "configure-env", "configure", "start")
    assert bare(found) == (Change("code.digest", "a" * 12, "d" * 12),)


def test_a_change_that_no_value_shows_is_told_in_words() -> None:
    before, after = compiled(spec("r", spec("app1"))), compiled(spec("r", spec("app[1-2]")))

    found = one(before, after, "/r", binding=after.digests["/r"].binding)

    assert (found.action, found.changes, found.reason) == (Action.UPDATE, (), "component or children changed")


def test_a_new_address_reaches_the_service() -> None:
    before, after = (
        compiled(TREE, **CONFIGURED, hosts=(host("h1", address=address),)) for address in ("a", "b")
    )

    found = one(before, after, "/r/z1/app1")

    assert found.steps == ("shutdown", "configure", "start")
    assert bare(found) == (Change("service.env.ADDRESS", "a", "b"),)
    assert found.reason == ""


def test_a_binding_that_no_value_shows_is_told_in_words() -> None:
    before, after = (compiled(TREE, hosts=(host("h1", address=address),)) for address in ("a", "b"))

    found = one(before, after, "/r/z1/app1")

    assert (found.action, found.changes) == (Action.UPDATE, ())
    assert found.reason == "an address around it or a secret changed, or Ramify itself"


def test_a_new_address_reaches_the_installer_that_asks_for_it() -> None:
    used = {"install": (entry("/**/app*", A),), "others": (document(A, {"ADDRESS": "{{ host.address }}"}),)}
    before, after = (compiled(TREE, **used, hosts=(host("h1", address=address),)) for address in ("a", "b"))

    assert one(before, after, "/r/z1/app1").steps == ("shutdown", "configure-env", "configure", "start")


def test_a_newer_ramify_is_installed_where_it_runs() -> None:
    before, after = (compiled(TREE, runtimes=(Runtime("k", "e" * 64, 1, engine),)) for engine in ("1", "2"))

    made = plan(after, "", recorded(before))

    assert actions(made) == {"/r": "~", "/r/z1": "~", "/r/z2": "~"}
    assert only(made, "/r").steps == ("shutdown", "configure-env", "configure", "start")


@pytest.mark.parametrize(
    ("found", "steps", "reason"),
    [
        ({"service": "configured"}, "start", "found configured"),
        ({"service": "deployed"}, "configure start", "found deployed"),
        (
            {"environment": "code-loaded", "service": "non-existent"},
            "configure-env configure start",
            "found code-loaded",
        ),
        (
            {"environment": "configured", "service": "non-existent"},
            "configure-env configure start",
            "found configured",
        ),
    ],
)
def test_what_stopped_half_way_or_died_is_brought_up(found: dict[str, str], steps: str, reason: str) -> None:
    fleet = compiled(TREE)

    made = one(fleet, fleet, "/r/z1/app1", **found)

    assert (made.action, " ".join(made.steps), made.reason) == (Action.UPDATE, steps, reason)
    assert made.changes == ()


def test_what_is_recorded_as_gone_is_created() -> None:
    fleet = compiled(TREE)

    made = one(fleet, fleet, "/r/z1/app1", environment="non-existent", service="non-existent")

    assert made.action is Action.CREATE


def test_a_node_that_moves_is_made_anew_and_its_earlier_host_is_named() -> None:
    rules = placement("/r/z1/app1", host="h2"), placement("/**", host="h1")

    made = plan(compiled(TREE, placements=rules), "", recorded(compiled(TREE)))

    found = only(made, "/r/z1/app1")
    assert (found.action, found.host, found.previous_host, found.steps) == (
        Action.REPLACE,
        "h2",
        "h1",
        ("deploy",),
    )
    assert found.reason == "moves from h1"
    assert actions(made) == {"/r/z1/app1": "-/+", "/r/z1": "~"}
    assert made.summary == Summary(change=2, unchanged=5)


# What was interrupted.


def test_what_an_earlier_run_left_open_is_looked_at_first() -> None:
    fleet = compiled(TREE)

    up = one(fleet, fleet, "/r/z1/app1", open="run1")
    begun = one(fleet, fleet, "/r/z1/app2", open="run1", environment="non-existent", service="non-existent")

    assert (up.action, up.steps) == (Action.UPDATE, (LOOK,))
    assert (begun.action, begun.steps) == (Action.UPDATE, (LOOK, "deploy"))
    assert up.reason == begun.reason == "an earlier run was interrupted"


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        ({}, "shutdown uninstall"),
        ({"service": "configured"}, "uninstall"),
        ({"open": "run1"}, "status shutdown uninstall"),
        ({"open": "run1", "environment": "non-existent", "service": "non-existent"}, "status"),
    ],
)
def test_whatever_may_be_left_of_a_removed_node_is_removed(found: dict[str, str], steps: str) -> None:
    before, after = compiled(spec("r", spec("app[1-2]"))), compiled(spec("r", spec("app1")))

    made = one(before, after, "/r/app2", **found)

    assert (made.action, " ".join(made.steps)) == (Action.DESTROY, steps)
    assert (made.host, made.initiator, made.reason) == ("h1", "/r", "not in the hierarchy any more")


# What is removed.


def test_removed_nodes_come_last_children_before_their_parents() -> None:
    before = compiled(
        spec("r", spec("z", spec("y", spec("app[1-2]")), spec("app")), spec("z-a", spec("app")), spec("app"))
    )

    made = plan(compiled(spec("r", spec("app"))), "", recorded(before))

    assert [found.path for found in made.nodes if found.action is Action.DESTROY] == [
        "/r/z/y/app2", "/r/z/y/app1", "/r/z/y", "/r/z/app", "/r/z-a/app", "/r/z-a", "/r/z",
    ]  # fmt: skip
    assert {found.path for found in made.nodes[:2]} == {"/r", "/r/app"}
    assert made.summary == Summary(destroy=7, change=1, unchanged=1)


def test_a_node_that_leaves_stays_while_something_below_it_is_not_selected() -> None:
    before, after = (
        compiled(spec("r", spec("z", spec("app[1-2]")), spec("y", spec("app")))),
        compiled(spec("r")),
    )
    gone = frozenset(recorded(before)) - {"/r"}

    made = plan(after, "", recorded(before), gone - {"/r/z/app1"})

    assert [(found.path, found.action) for found in made.nodes] == [
        ("/r/z/app2", Action.DESTROY),
        ("/r/y/app", Action.DESTROY),
        ("/r/y", Action.DESTROY),
        ("/r/z", Action.HELD),
    ]
    (kept,) = plan(after, "", recorded(before), frozenset({"/r/z"})).nodes
    assert (kept.action, kept.reason) == (Action.HELD, "something below it stays")


def test_a_record_of_nothing_needs_no_removal() -> None:
    gone = NodeRecord("/r/app9", "h1", "/r")

    assert plan(compiled(spec("r")), "", {"/r/app9": gone}).summary == Summary(add=1)


def test_an_initiator_that_left_the_hierarchy_removes_all_below_it() -> None:
    before, rest = compiled(TREE), spec("r", spec("z1", spec("app[1-2]")), vars={"x": 1})
    part = sound(compile_fleet(bundle(rest), "/r/z2"))

    assert actions(plan(part, "", recorded(before))) == {"/r/z2/app2": "-", "/r/z2/app1": "-", "/r/z2": "-"}


def test_a_part_plans_nothing_outside_its_scope() -> None:
    part = sound(compile_fleet(bundle(TREE), "/r/z1"))
    stray = recorded(compiled(spec("q", spec("app"))))

    assert set(actions(plan(part, "", stray))) == {"/r/z1", "/r/z1/app1", "/r/z1/app2"}


# Selection.


def test_only_what_is_selected_is_planned() -> None:
    fleet = compiled(TREE)

    made = plan(fleet, "", recorded(fleet), frozenset({"/r/z1/app1"}), ("/r/z1/app1",))

    assert [found.path for found in made.nodes] == ["/r/z1/app1"]
    assert made.selection == ("/r/z1/app1",)


@pytest.mark.parametrize(
    ("found", "planned"),
    [
        ({}, []),
        ({"environment": "non-existent", "service": "non-existent"}, ["/r/z1"]),
        ({"open": "run1"}, ["/r/z1"]),
    ],
)
def test_ancestors_that_are_not_up_come_along(found: dict[str, str], planned: list[str]) -> None:
    fleet = compiled(TREE)
    records = recorded(fleet)
    records["/r/z1"] = structs.replace(records["/r/z1"], **found)

    made = plan(fleet, "", records, frozenset({"/r/z1/app1"}))

    assert [path.path for path in made.nodes] == [*planned, "/r/z1/app1"]


def test_all_ancestors_come_along_at_the_first_time() -> None:
    assert set(actions(plan(compiled(TREE), "", {}, frozenset({"/r/z2/app1"})))) == {
        "/r",
        "/r/z2",
        "/r/z2/app1",
    }


def test_removed_nodes_are_selected_as_others_are() -> None:
    before, after = compiled(spec("r", spec("app[1-3]"))), compiled(spec("r"))

    made = plan(after, "", recorded(before), frozenset({"/r/app2"}))

    assert actions(made) == {"/r/app2": "-"}


def test_an_empty_selection_plans_nothing() -> None:
    assert plan(compiled(TREE), "", {}, frozenset()).nodes == ()
