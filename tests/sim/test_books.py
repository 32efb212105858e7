"""Books while things go wrong: whoever is in doubt says so, and who knows better is believed."""

from msgspec import structs

from ramify.model.record import Outcome
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage

TREE = {"gw1": leaves("app1", "app2"), "lone": leaves()}
OTHER = {"WORD": "other"}


async def test_nothing_is_planned_or_told_below_an_initiator_that_was_stopped(stage: Stage) -> None:
    bundle, other = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env=OTHER)
    await stage.operator.apply(bundle)
    await stage.operator.command(bundle, "stop", "/gw1")
    stage.world.contacts.clear()

    planned = {node.path for node in stage.operator.plan(other).nodes if node.action.acts}
    report = await stage.operator.apply(other)

    assert planned == {"/lone"}
    assert {path for path, outcome in outcomes(report).items() if outcome != "unchanged"} == planned
    assert ("/", "gw1") not in stage.world.contacts


async def test_what_its_initiator_knows_nothing_of_needed_nothing_and_is_forgotten(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    known = stage.operator.records()["/gw1/app2"]
    less = stage.spec.bundle({"gw1": leaves("app1"), "lone": leaves()})
    await stage.operator.apply(less)
    stage.operator.directory.write([known])  # as somebody has it who was not there

    report = await stage.operator.apply(less)

    assert outcomes(report)["/gw1/app2"] == "unchanged"
    assert "/gw1/app2" not in stage.operator.records()


async def test_a_node_in_doubt_is_in_doubt_on_every_level(stage: Stage) -> None:
    stage.world.host("gw1.app1").dies_at = 8  # in the middle of the deployment
    report = await stage.operator.apply(stage.spec.bundle(TREE))

    assert [one.path for one in report.worst(Outcome.UNKNOWN)] == ["/gw1/app1"]
    assert "/gw1/app1" in stage.world.host("gw1.app1").nodes
    for directory in (stage.operator.directory, stage.world.initiator("/gw1").directory):
        assert directory.records()["/gw1/app1"].open


async def test_an_initiator_that_was_lost_is_looked_at_before_it_is_believed_again(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE, env=OTHER)
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.kill_at["/gw1"] = 3
    await stage.operator.apply(bundle)
    await stage.world.quiet()

    assert stage.operator.records()["/gw1"].open
    assert {node.path: node.steps for node in stage.operator.plan(bundle).nodes}["/gw1"][0] == "status"


async def test_what_an_initiator_knows_takes_the_place_of_what_was_recorded_above(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    before = stage.operator.records()
    await stage.operator.apply(stage.spec.bundle(TREE, env=OTHER))
    after = stage.operator.records()
    stage.operator.directory.write(before.values())

    await stage.operator.refresh(stage.spec.bundle(TREE, env=OTHER))
    assert stage.operator.records() == after


async def test_who_is_asked_for_one_node_tells_what_has_become_of_the_others(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE, env=OTHER)
    await stage.operator.apply(stage.spec.bundle(TREE))
    before = stage.operator.records()
    await stage.operator.apply(bundle)
    after = stage.operator.records()
    stage.operator.directory.write(before.values())

    await stage.operator.apply(bundle, "/gw1/app1")

    assert stage.operator.records()["/gw1/app2"] == after["/gw1/app2"]


async def test_a_look_tells_that_somebody_else_holds_a_node(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    await stage.operator.command(bundle, "stop", "/lone")
    known = stage.operator.records()["/lone"]
    stage.operator.directory.write([structs.replace(known, held="")])

    assert outcomes(await stage.operator.refresh(bundle))["/lone"] == "done"
    assert stage.operator.records()["/lone"] == known
