"""A plan as people read it."""

from collections.abc import Callable
from functools import partial

import pytest
from msgspec import structs

from ramify.cli import plan_view
from ramify.cli.plan_view import SCREEN
from ramify.compile.fleet import Fleet
from ramify.compile.planning import plan as make_plan
from ramify.model.plan import Action, Change, NodePlan, Open, Plan, Summary, summarise
from ramify.model.record import NodeRecord
from unit.cli import fleets

Golden = Callable[[str, str], None]


def text(fleet: Fleet, plan: Plan, *, full: bool = False) -> str:
    made = plan_view.detailed(fleet, plan, full=full)
    return plan_view.text(made, partial(fleets.component, fleet), full=full) + "\n"


def test_a_first_plan_of_a_small_project(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.small())
    golden("cli/plan-small.txt", text(fleet, fleets.planned(fleet)))


def test_a_first_plan_of_many_nodes_fits_a_screen(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    shown = text(fleet, fleets.planned(fleet))
    golden("cli/plan-11111.txt", shown)
    assert shown.endswith("Plan: 11110 to add, 0 to change, 0 to destroy.\n")


def test_a_changed_variable_is_shown_once_with_both_values(golden: Golden) -> None:
    before = fleets.compiled(fleets.small(interval=5))
    after = fleets.compiled(fleets.small(interval=10))
    golden("cli/plan-changed.txt", text(after, fleets.planned(after, fleets.recorded(before).values())))


def test_one_changed_node_is_shown_in_full(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.small())
    records = fleets.recorded(fleet)
    records["/region1/zone2/app1"] = fleets.record(fleet, "/region1/zone2/app1", service="configured")
    golden("cli/plan-one.txt", text(fleet, fleets.planned(fleet, records.values())))


def test_nodes_that_leave_the_hierarchy_are_destroyed(golden: Golden) -> None:
    before = fleets.compiled(fleets.small("zone[1-3]"))
    after = fleets.compiled(fleets.small("zone[1-2]"))
    golden("cli/plan-destroy.txt", text(after, fleets.planned(after, fleets.recorded(before).values())))


CONFIG = "\n".join(f"line {n} of the configuration" for n in range(1, 31))


def test_a_changed_file_is_a_unified_diff_and_a_new_one_is_folded(golden: Golden) -> None:
    files = {"probe.conf": CONFIG, "gone.conf": "one line\nand another\n"}
    before = fleets.compiled(fleets.small(), probe=fleets.files(**files))
    changed = CONFIG.replace("line 7 of", "line 7, changed, of").replace("line 8 of", "line 8, too, of")
    after = fleets.compiled(fleets.small(), probe=fleets.files(**{"probe.conf": changed, "new.conf": CONFIG}))
    plan = fleets.planned(after, fleets.recorded(before).values())
    golden("cli/plan-files.txt", text(after, plan))
    assert "line 30 of the configuration" in text(after, plan, full=True)


def test_what_cannot_be_told_before_is_marked(golden: Golden) -> None:
    probe = fleets.PROBE + '  CPUS: "{{ facts.cpus }}"\n'
    fleet = fleets.compiled(fleets.small(), probe=probe, install=("./install",))
    records = fleets.recorded(fleet)
    del records["/region1/zone1/app1"]
    records["/region1/zone2"] = structs.replace(records["/region1/zone2"], open="run1")
    moved = structs.replace(records["/region1/zone2/app2"], host="leaf9")
    records["/region1/zone2/app2"] = moved
    records["/region1/zone2/app9"] = structs.replace(moved, path="/region1/zone2/app9")
    golden("cli/plan-marks.txt", text(fleet, fleets.planned(fleet, records.values())))


def one_zone(interval: int) -> str:
    """The large fleet, where one zone has an interval of its own."""
    below = "children: {'rack[1-10]': {children: {'app[01-10]': {}}}}"
    others = f"{{vars: {{interval: 5}}, children: {{'zone[1-10]': {{{below}}}}}}}"
    zone7 = f"zone7: {{vars: {{interval: {interval}}}, {below}}}"
    parted = f"{{vars: {{interval: 5}}, children: {{'zone[1-6,8-10]': {{{below}}}, {zone7}}}}}"
    return f"tree:\n  region[1-9]: {others}\n  region10: {parted}\n"


def test_one_variable_of_one_zone_among_many_is_told_in_a_few_lines(golden: Golden) -> None:
    large = partial(fleets.compiled, hosts=fleets.LARGE_INVENTORY, lists=fleets.LARGE_REPOSITORY)
    before, after = large(one_zone(5)), large(one_zone(60))
    golden("cli/plan-one-zone.txt", text(after, fleets.planned(after, fleets.recorded(before).values())))


def test_nothing_to_do_is_one_line() -> None:
    fleet = fleets.compiled(fleets.small())
    assert (
        text(fleet, fleets.planned(fleet, fleets.recorded(fleet).values()))
        == "No changes. Your fleet matches the hierarchy.\n"
    )


def test_changes_that_differ_from_node_to_node_still_fit_a_screen(golden: Golden) -> None:
    large = partial(fleets.compiled, hosts=fleets.LARGE_INVENTORY, lists=fleets.LARGE_REPOSITORY)
    before = large(fleets.large())
    after = large(fleets.large(), probe=fleets.PROBE + '  WHERE: "{{ node.path }}"\n')
    shown = text(after, fleets.planned(after, fleets.recorded(before).values()))
    golden("cli/plan-differs.txt", shown)
    assert shown.count("\n") <= SCREEN


def test_scattered_nodes_fit_a_screen() -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    records = list(fleets.recorded(fleet).values())
    kept = [one for at, one in enumerate(records) if at * at % 7 != 2]
    shown = text(fleet, fleets.planned(fleet, kept))
    assert shown.count("\n") <= SCREEN
    assert "more such paths" in shown


@pytest.mark.parametrize("depth", [1, 4, 8, 16, 32])
def test_whatever_changes_however_deep_it_fits_a_screen(depth: int) -> None:
    """Every node for a reason of its own, and with values of its own."""
    actions = [action for action in Action if action.acts]
    nodes = tuple(
        NodePlan(
            "/" + "/".join(f"n{at}x{step}" for step in range(1 + at % depth)),
            actions[at % 4],
            f"h{at}",
            f"/p{at}",
            ("deploy",),
            tuple(Change(f"v{n}", "a", f"{at}") for n in range(9)),
            f"why {at}",
            conditional="if" * (at % 2),
            opaque=("deploy",) * (at % 3),
        )
        for at in range(2000)
    )
    shown = plan_view.text(Plan("", nodes, summarise(nodes)), str)
    assert len(shown.splitlines()) <= SCREEN


def test_everything_is_shown_when_asked_for() -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    records = list(fleets.recorded(fleet).values())
    kept = [one for at, one in enumerate(records) if at * at % 7 != 2]
    assert "more" not in text(fleet, fleets.planned(fleet, kept), full=True)


def test_what_is_planned_by_initiators_is_told_with_the_reason_why_it_is_not_known() -> None:
    plan = Plan("b", (), Summary(), open=(Open("/ma/m8"), Open("/ma/m9"), Open("/ma/x", "no route")))

    shown = plan_view.text(plan, str)

    assert "? below /ma/m[8-9]: planned there once its initiator runs\n" in shown
    assert "? below /ma/x: cannot be planned now: no route\n" in shown
    assert shown.endswith("Plan: 0 to add, 0 to change, 0 to destroy; more may be below 3 nodes.")


def stopped(fleet: Fleet, *named: str) -> dict[str, NodeRecord]:
    """What is recorded of a fleet in which some nodes were stopped on purpose."""
    found = fleets.recorded(fleet)
    for path in named:
        found[path] = structs.replace(found[path], service="configured", held="stopped")
    return found


def test_what_is_held_is_named_with_what_waits_for_it(golden: Golden) -> None:
    before, after = fleets.compiled(fleets.small(interval=5)), fleets.compiled(fleets.small(interval=10))
    records = stopped(before, "/region1/zone1", "/region1/zone2/app1")
    golden("cli/plan-held.txt", text(after, fleets.planned(after, records.values())))


def test_what_is_stopped_and_what_cannot_be_reached_for_it(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.small())
    records = stopped(fleet, "/region1/zone1")
    del records["/region1/zone2/app1"]
    chosen = frozenset(fleet.digests) - {"/region1/zone1"}
    golden("cli/plan-stop.txt", text(fleet, make_plan(fleet, "", records, chosen, (), "stop")))


def test_what_is_lost_is_told_before_it_is_uninstalled(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.small())
    records = fleets.recorded(fleet)
    golden("cli/plan-uninstall.txt", text(fleet, make_plan(fleet, "", records, None, ("/",), "uninstall")))


def test_steps_of_lifecycle_commands_are_marked_as_those_of_an_apply(golden: Golden) -> None:
    probe = fleets.PROBE + '  CPUS: "{{ facts.cpus }}"\n'
    fleet = fleets.compiled(fleets.small(), probe=probe, install=("./install",))
    records = fleets.recorded(fleet)
    records["/region1/zone2"] = structs.replace(records["/region1/zone2"], open="run1")
    plan = make_plan(fleet, "", records, None, ("/",), "configure-env")
    golden("cli/plan-lifecycle-marks.txt", text(fleet, plan))
