"""Changes of what runs: confirmed over a connection of their own, or taken back and told so."""

from typing import Any

import pytest
from msgspec import structs

from ramify.model.record import Outcome
from ramify.stub.tables import START
from sim.operators import QUICK, outcomes
from sim.spec import leaves
from sim.stage import Stage

TREE: dict[str, Any] = {
    "gw1": {"vars": {"word": "hello"}, "children": {"app[1-2]": {}, "zone1": {"children": {"app1": {}}}}},
    "lone": leaves(),
}


def changed(word: str = "x") -> dict[str, Any]:
    return {**TREE, "gw1": {**TREE["gw1"], "vars": {"word": word}}}


async def test_a_first_deployment_makes_one_connection_and_a_change_another_one(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    first = stage.world.contacts.count(("/gw1", "gw1.app1"))
    await stage.operator.apply(stage.spec.bundle(changed()))

    assert first == 1
    assert stage.world.contacts.count(("/gw1", "gw1.app1")) == 3
    assert stage.world.host("gw1.app1").asked[-1] == "confirm"
    assert not stage.world.host("gw1.app1").node("/gw1/app1").token


async def test_without_a_time_to_confirm_nothing_is_taken_back(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.host("gw1.app1").fails["/gw1/app1"] = START
    options = structs.replace(QUICK, confirm_timeout=0)
    report = await stage.operator.apply(stage.spec.bundle(changed()), options=options)

    (failed,) = report.worst(Outcome.FAILED)
    assert (failed.reverted, failed.message) == (False, "start failed")
    assert "confirm" not in {word for host in stage.world.hosts.values() for word in host.asked}
    assert "/gw1/app1" not in stage.world.up()


async def test_a_change_that_fails_is_taken_back_and_its_node_planned_again(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    before = stage.operator.records()
    stage.world.host("gw1.app1").fails["/gw1/app1"] = START
    bundle = stage.spec.bundle(changed())
    report = await stage.operator.apply(bundle)

    (failed,) = report.worst(Outcome.FAILED)
    record = stage.operator.records()["/gw1/app1"]
    assert (failed.path, failed.reverted) == ("/gw1/app1", True)
    assert (failed.message, failed.detail) == ("reverted: start failed", "last words")
    assert structs.replace(record, problem="") == before["/gw1/app1"]
    assert record.problem.startswith("reverted: ")
    assert "/gw1/app1" in stage.world.up()
    stage.world.mend()
    assert outcomes(await stage.operator.apply(bundle))["/gw1/app1"] == "done"
    assert stage.operator.records()["/gw1/app1"].problem == ""


async def test_a_change_that_cuts_its_host_off_is_taken_back_by_the_host_and_told(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    before = stage.operator.records()["/gw1/app1"]
    stage.world.host("gw1.app1").cuts.add("/gw1/app1")
    report = await stage.operator.apply(stage.spec.bundle(changed()))

    (failed,) = report.worst(Outcome.FAILED)
    assert (failed.path, failed.reverted) == ("/gw1/app1", True)
    assert failed.message == "reverted: /gw1/app1: not confirmed within 1 s"
    assert stage.operator.records()["/gw1/app1"].digest == before.digest
    assert "/gw1/app1" in stage.world.up()


async def test_what_an_interrupted_run_left_pending_is_confirmed_by_the_next_one(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    node = stage.world.host("lone").node("/lone")
    node.arm("token1")
    stage.operator.lose_directory()
    await stage.operator.apply(bundle)

    assert not node.token
    assert stage.world.host("lone").asked[-1] == "confirm"


@pytest.mark.parametrize(("moment", "outcome"), [(5, Outcome.UNKNOWN), (7, Outcome.FAILED)])
async def test_a_stub_that_dies_in_a_change_has_it_taken_back(
    stage: Stage, moment: int, outcome: Outcome
) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.host("gw1.app1").dies_at = moment  # before the commands were heard, and after
    report = await stage.operator.apply(stage.spec.bundle(changed()))

    (broken,) = report.worst(Outcome.FAILED, Outcome.UNKNOWN)
    assert (broken.outcome, broken.reverted) == (outcome, outcome is Outcome.FAILED)
    assert "the stub was killed" in broken.message
    assert "/gw1/app1" in stage.world.up()
