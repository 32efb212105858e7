"""Nodes that lie on hosts and that nobody knows: a look tells of them, once, and leaves them alone."""

import pytest

from ramify.initiator.strays import is_well_formed
from ramify.model.bundle import Bundle
from ramify.model.events import Report, Stray
from ramify.stub.tables import ACTIVE, INSTALLED
from ramify.transport.errors import Phase, UnreachableError
from sim.spec import leaves
from sim.stage import Stage
from sim.stubs import SimNode

TREE = {"gw1": {"children": {"zone1": leaves("app1", "app2"), "app3": leaves()}}, "lone": leaves()}
TOGETHER = {"/gw1/zone1/app1": "box", "/gw1/zone1/app2": "box", "/lone": "box", "/gw1/app3": "box"}


async def up(stage: Stage) -> Bundle:
    bundle = stage.spec.bundle(TREE, moved=TOGETHER)
    await stage.operator.apply(bundle)
    stage.world.commands.clear()
    return bundle


def found(report: Report) -> set[tuple[str, str]]:
    assert len(set(report.strays)) == len(report.strays)
    return {(stray.path, stray.host) for stray in report.strays}


async def test_a_host_of_many_parents_has_no_strays_and_is_asked_once_by_each(stage: Stage) -> None:
    bundle = await up(stage)
    stage.world.host("box").asked.clear()

    assert found(await stage.operator.refresh(bundle)) == set()

    # The operator, /gw1 and /gw1/zone1, for four nodes.
    assert stage.world.host("box").asked.count("strays") == 3


async def test_what_a_move_left_behind_and_what_others_put_there_is_told_and_stays_as_it_is(
    stage: Stage,
) -> None:
    await up(stage)
    box = stage.world.host("box")
    box.wrong = UnreachableError("box", Phase.CONNECT, "no route")
    moved = stage.spec.bundle(TREE, moved={**TOGETHER, "/gw1/zone1/app1": "spare1"})
    await stage.operator.apply(moved)
    stage.world.mend()
    box.nodes["/other/thing"] = other = SimNode("/other/thing")
    other.state = (INSTALLED, ACTIVE)
    stage.world.commands.clear()

    report = await stage.operator.refresh(moved)

    assert found(report) == {("/gw1/zone1/app1", "box"), ("/other/thing", "box")}
    assert {(stray.environment, stray.service) for stray in report.strays} == {(INSTALLED, ACTIVE)}
    assert stage.world.commands == []
    assert "/other/thing" not in stage.operator.records()
    assert stage.operator.records()["/gw1/zone1/app1"].host == "spare1"
    assert not stage.operator.plan(moved).summary.anything


async def test_a_node_that_is_only_recorded_further_down_is_no_stray(stage: Stage) -> None:
    bundle = await up(stage)
    stage.operator.lose_directory()

    assert found(await stage.operator.refresh(bundle)) == set()


async def test_a_node_that_has_left_the_hierarchy_and_is_recorded_is_none_either(stage: Stage) -> None:
    await up(stage)
    without = stage.spec.bundle({**TREE, "gw1": {"children": {"app3": leaves()}}}, moved=TOGETHER)

    assert found(await stage.operator.refresh(without)) == set()


@pytest.mark.parametrize(
    "stray",
    [
        Stray("/a\x1b[2J", "box", INSTALLED, ACTIVE),
        Stray("/a", "b\nox", INSTALLED, ACTIVE),
        Stray("/a", "box", "on fire", ACTIVE),
    ],
)
def test_what_nobody_could_have_found_is_not_shown(stray: Stray) -> None:
    assert not is_well_formed(stray)
    assert is_well_formed(Stray("/a", "box", INSTALLED, ACTIVE))
