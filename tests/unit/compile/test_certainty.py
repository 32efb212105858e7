"""How far the steps of a plan can be told."""

import pytest
from msgspec import structs

from ramify.compile import certainty
from ramify.compile.fleet import Fleet
from ramify.compile.planning import plan
from ramify.compile.steps import AIMS
from ramify.model.component import Component, Control
from ramify.model.plan import Goal, Mark, NodePlan
from ramify.model.record import NodeRecord
from unit.compile.bundles import COMPONENTS, compiled, document, entry, record, spec

TREE = spec("r", spec("app"))
SERVICE = next(ref for ref, component in COMPONENTS.items() if not component.deploys)


def made_of(**changes: object) -> dict[str, Component]:
    return {**COMPONENTS, SERVICE: structs.replace(COMPONENTS[SERVICE], **changes)}


def app(found: tuple[NodePlan, ...]) -> NodePlan:
    return next(node for node in found if node.path == "/r/app")


def test_steps_are_exact_where_nothing_is_said() -> None:
    found = app(plan(compiled(TREE), "", {}).nodes)

    assert (found.conditional, found.opaque) == ("", ())
    assert found.mark("deploy") is Mark.EXACT


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"install": ("./install",)}, {"deploy", "configure-env"}),
        ({"uninstall": ("./uninstall",)}, {"uninstall"}),
        ({"start": None, "start_from": "installer"}, {"start", "restart"}),
        ({"activate": Control(argv=("./on",))}, {"activate"}),
        ({"deactivate": Control(argv=("./off",))}, {"deactivate"}),
        ({}, set()),
    ],
)
def test_steps_that_run_programs_of_the_component_are_opaque(
    changes: dict[str, object], steps: set[str]
) -> None:
    fleet = compiled(TREE, components=made_of(**changes))
    every = (
        "deploy",
        "configure-env",
        "uninstall",
        "start",
        "restart",
        "activate",
        "deactivate",
        "configure",
    )

    assert set(certainty.opaque(fleet.class_of(fleet.by_path["/r/app"]), every)) == steps


def test_values_that_only_the_host_knows_make_it_conditional() -> None:
    lists = {
        "service": (entry("/**/app", "a.yml"),),
        "others": (document("a.yml", {"X": "{{ facts.cpus }}"}),),
    }
    found = app(plan(compiled(TREE, **lists), "", {}).nodes)

    assert found.conditional == certainty.LATE_VALUES
    assert found.mark("deploy") is Mark.CONDITIONAL


def test_so_does_a_run_that_was_interrupted() -> None:
    fleet = compiled(TREE)
    records = {path: record(fleet, path) for path in fleet.digests}
    records["/r/app"] = structs.replace(records["/r/app"], open="run1")

    assert app(plan(fleet, "", records).nodes).conditional == certainty.INTERRUPTED


def test_the_uninstaller_of_a_component_that_nobody_knows_any_more_is_opaque() -> None:
    before, after = compiled(TREE), compiled(spec("r"))
    records = {path: record(before, path) for path in before.digests}
    known = structs.replace(
        records["/r/app"], values={"code": SERVICE, "code.digest": COMPONENTS[SERVICE].artifact[:12]}
    )

    assert app(plan(after, "", records).nodes).opaque == ("uninstall",)
    assert app(plan(after, "", {**records, "/r/app": known}).nodes).opaque == ()


PROGRAMS = {
    "install": ("./install",),
    "uninstall": ("./uninstall",),
    "activate": Control(argv=("./on",)),
    "deactivate": Control(argv=("./off",)),
    "reload": Control(argv=("./reload",)),
}
RUNNING = {"environment": "installed", "service": "active"}


def deployed(fleet: Fleet, **changes: object) -> dict[str, NodeRecord]:
    """All nodes, with the values that tell which component they run."""
    known = {"code": SERVICE, "code.digest": COMPONENTS[SERVICE].artifact[:12]}
    records = {path: structs.replace(record(fleet, path), **RUNNING) for path in fleet.digests}
    records["/r/app"] = structs.replace(records["/r/app"], **{"values": known, **changes})
    return records


@pytest.mark.parametrize(
    ("goal", "changes", "opaque"),
    [
        ("stop", {}, ()),
        ("start", {"service": "configured"}, ()),
        ("restart", {}, ()),
        ("deactivate", {}, ("deactivate",)),
        ("activate", {"service": "passive", "held": "paused"}, ("activate",)),
        ("configure", {}, ("reload",)),
        ("configure-env", {}, ("configure-env",)),
        ("uninstall", {}, ("uninstall",)),
    ],
)
def test_lifecycle_commands_tell_which_steps_run_programs_and_which_are_exact(
    goal: Goal, changes: dict[str, object], opaque: tuple[str, ...]
) -> None:
    fleet = compiled(TREE, components=made_of(**PROGRAMS))
    found = app(plan(fleet, "", deployed(fleet, **changes), None, ("/",), goal).nodes)

    assert found.steps
    assert (found.opaque, found.conditional) == (opaque, "")
    unknown = app(plan(fleet, "", deployed(fleet, **changes, values={}), None, ("/",), goal).nodes)
    assert set(unknown.opaque) >= set(opaque), "nobody knows what another version does"
    assert "shutdown" not in unknown.opaque


@pytest.mark.parametrize("goal", [goal for goal in AIMS if goal != "apply"])
def test_after_an_interrupted_run_each_lifecycle_command_is_conditional(goal: Goal) -> None:
    fleet = compiled(TREE)

    found = app(plan(fleet, "", deployed(fleet, open="run1"), None, ("/",), goal).nodes)

    assert (found.steps[0], found.conditional) == ("status", certainty.INTERRUPTED)


@pytest.mark.parametrize(("goal", "conditional"), [("configure", certainty.LATE_VALUES), ("restart", "")])
def test_values_that_only_the_host_knows_count_where_they_are_given(goal: Goal, conditional: str) -> None:
    lists = {
        "service": (entry("/**/app", "a.yml"),),
        "others": (document("a.yml", {"X": "{{ facts.cpus }}"}),),
    }
    fleet = compiled(TREE, **lists)

    assert app(plan(fleet, "", deployed(fleet), None, ("/",), goal).nodes).conditional == conditional


def test_an_uninstaller_that_runs_where_a_node_was_is_told_of_one_that_moves() -> None:
    for programs, opaque in ((PROGRAMS, ("deploy", "uninstall")), ({}, ())):
        fleet = compiled(TREE, components=made_of(**programs))
        found = app(plan(fleet, "", deployed(fleet, host="elsewhere")).nodes)

        assert (found.previous_host, found.steps) == ("elsewhere", ("deploy",))
        assert found.opaque == opaque
