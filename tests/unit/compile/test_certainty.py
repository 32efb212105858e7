"""How far the steps of a plan can be told."""

import pytest
from msgspec import structs

from ramify.compile import certainty
from ramify.compile.planning import plan
from ramify.model.component import Component, Control
from ramify.model.plan import Mark, NodePlan
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
