"""Drift in plans: put right, told, or a reason to stop, as the hierarchy says nearest above."""

import pytest
from msgspec import structs

from ramify.compile.drifting import on_drift
from ramify.compile.fleet import Fleet
from ramify.compile.holding import recalled
from ramify.compile.planning import plan
from ramify.model import bundle as bundles
from ramify.model.drift import MOST_TEXT, Drift, OnDrift, plain, received, summed
from ramify.model.hierarchy import NodeSpec
from ramify.model.plan import Action, Change, NodePlan, Plan
from ramify.model.record import NodeRecord, generation
from ramify.model.saved import Saved, observed
from unit.compile.bundles import compiled, document, spec
from unit.compile.test_planning import recorded

CONFIG = Drift("config/app.conf", "edited", "e" * 64, "a" * 64, "interval=2\n", "interval=5\n")
CODE = Drift("code/run", "removed", "e" * 64)
APP = "/r/z1/app1"


def tree(top: OnDrift | None = None, zone: OnDrift | None = None, x: int = 1) -> NodeSpec:
    zones = spec("z1", spec("app[1-2]"), on_drift=zone), spec("z2", spec("app[1-2]"))
    return spec("r", *zones, on_drift=top, vars={"x": x})


def drifted(fleet: Fleet, *found: Drift, path: str = APP) -> dict[str, NodeRecord]:
    records = recorded(fleet)
    return {**records, path: structs.replace(records[path], drift=found or (CONFIG,))}


def only(made: Plan, path: str = APP) -> NodePlan:
    (found,) = (found for found in made.nodes if found.path == path)
    return found


def test_what_is_nearest_above_a_node_counts_and_without_a_word_drift_is_put_right() -> None:
    fleet = compiled(tree("report", "stop"))

    assert on_drift(compiled(tree()), compiled(tree()).by_path[APP]) == "fix"
    assert {path: on_drift(fleet, node) for path, node in fleet.by_path.items()} == {
        "/r": "report", "/r/z1": "stop", "/r/z1/app1": "stop", "/r/z1/app2": "stop",
        "/r/z2": "report", "/r/z2/app1": "report", "/r/z2/app2": "report",
    }  # fmt: skip


def test_an_edited_configuration_is_shown_and_configured_again() -> None:
    fleet = compiled(tree())

    found = only(plan(fleet, "", drifted(fleet)))

    assert (found.action, found.steps) == (Action.UPDATE, ("shutdown", "configure", "start"))
    assert found.reason == "drifted: config/app.conf edited"
    assert found.changes == (Change("config/app.conf", "interval=5\n", "interval=2\n"),)
    assert found.drift == ("config/app.conf edited",)


def test_code_that_was_changed_is_installed_again() -> None:
    fleet = compiled(tree())

    found = only(plan(fleet, "", drifted(fleet, CONFIG, CODE)))

    assert found.steps == ("shutdown", "configure-env", "configure", "start")
    assert found.changes[1] == Change("code/run", None, "e" * 12)


def test_what_changes_besides_is_shown_with_the_edit_that_it_overwrites() -> None:
    documents = [document("a.yml", {"X": "{{ vars.x }}"})]
    before, after = (compiled(tree(x=x), documents=documents) for x in (1, 2))

    found = only(plan(after, "", drifted(before)))

    assert [change.what for change in found.changes] == ["config/app.conf", "service.env.X"]


def test_where_it_is_only_told_nothing_is_done() -> None:
    fleet = compiled(tree("report"))

    made = plan(fleet, "", drifted(fleet))

    assert not made.anything
    assert (only(made).action, only(made).drift) == (Action.UNCHANGED, ("config/app.conf edited",))


def test_where_it_stops_the_node_and_all_below_it_with_something_to_do_are_held() -> None:
    before = compiled(tree(zone="stop"))
    records = drifted(before, path="/r/z1")
    del records["/r/z1/app1"], records["/r/z2/app1"]

    made = plan(before, "", records)

    assert {node.path: node.action for node in made.nodes if node.action is not Action.UNCHANGED} == {
        "/r/z1": Action.HELD, "/r/z1/app1": Action.HELD, "/r/z2/app1": Action.CREATE,
    }  # fmt: skip
    assert [node.path for node in made.stopped] == ["/r/z1", "/r/z1/app1"]
    assert only(made, "/r/z1").reason.startswith("drifted (config/app.conf edited): nothing is done until")
    assert only(made).reason.startswith("/r/z1 drifted (config/app.conf edited): nothing is done until")


@pytest.mark.parametrize("policy", ["report", "stop"])
def test_who_asks_for_it_has_drift_put_right_whatever_is_written(policy: OnDrift) -> None:
    fleet = compiled(tree(policy))

    made = plan(fleet, "", drifted(fleet), fix_drift=True)

    assert made.fix_drift
    assert only(made).action is Action.UPDATE


def test_a_saved_plan_puts_right_what_it_says() -> None:
    fleet = compiled(tree("report"))
    records = drifted(fleet)
    made = plan(fleet, bundles.digest(bundles.encode(fleet.bundle)), records, fix_drift=True)

    held = recalled(fleet, records, Saved(made, b"", observed(made, records), "acme", "now"))

    assert only(held.plan).action is Action.UPDATE


def test_a_node_that_drifted_since_it_was_planned_has_moved_on() -> None:
    fleet = compiled(tree())

    other = structs.replace(CONFIG, actual="b" * 64)
    states = (recorded(fleet), drifted(fleet), drifted(fleet, other), drifted(fleet, CODE))
    assert len({generation(records[APP]) for records in states}) == 4


def test_what_a_host_tells_is_bounded_and_does_nothing_to_a_terminal() -> None:
    big = Drift("config/a", "edited", expected_text="x" * MOST_TEXT, actual_text="y")
    found = received([Drift("\x1b[2Ja", "edited", actual_text="a\x07\n\tü"), big, *[CODE] * 1000])

    assert (found[0].name, found[0].actual_text) == ("\\x1b[2Ja", "a\\x07\n\tü")
    assert (found[1].expected_text, found[1].actual_text) == (None, None)
    assert len(found) == 64
    assert plain("\u202eabc") == "\\u202eabc"


def test_drift_is_told_in_a_line() -> None:
    mode = Drift("config/b", "mode", "0600", "0666")
    others = Drift("code/", "others", actual="80")

    assert summed([CONFIG, mode]) == "config/app.conf edited, mode of config/b 0666"
    assert summed([CONFIG, mode, CODE, others]).endswith("code/run removed and 1 more")
    assert summed([others]) == "80 more of code/"
