"""Directories: lost ones, inherited ones, interrupted ones; nodes that move or leave; looking everywhere."""

import asyncio

import pytest

from ramify.model.events import Found, Note
from ramify.model.plan import Action
from ramify.model.record import Outcome
from ramify.transport.errors import Phase, UnreachableError
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage, until

TREE = {"gw1": leaves("app[1-2]", "zone1"), "lone": leaves()}
TREE["gw1"]["children"]["zone1"] = {"children": {"app1": {}}}
PATHS = {"/gw1", "/gw1/app1", "/gw1/app2", "/gw1/zone1", "/gw1/zone1/app1", "/lone"}


def offline(name: str) -> UnreachableError:
    return UnreachableError(name, Phase.CONNECT, "no route to host")


async def nothing_to_do(stage: Stage, bundle: object) -> None:
    assert not stage.operator.plan(bundle).summary.anything  # type: ignore[arg-type]


async def test_a_lost_directory_of_the_operator_is_rebuilt_by_looking(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    before = stage.operator.records()
    stage.operator.lose_directory()

    await stage.operator.refresh(bundle)

    assert stage.operator.records() == before
    await nothing_to_do(stage, bundle)


async def test_an_apply_without_a_directory_finds_everything_up(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    before = stage.operator.records()
    stage.operator.lose_directory()
    stage.world.commands.clear()

    report = outcomes(await stage.operator.apply(bundle))

    assert set(report) == PATHS
    assert set(report.values()) <= {"done", "unchanged"}
    assert not stage.world.commands
    assert stage.operator.records() == before
    assert {event.path for event in stage.operator.events if isinstance(event, Found)} == {"/gw1"}


async def test_an_initiator_that_lost_its_directory_inherits_what_its_parent_has(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    gateway = stage.world.initiator("/gw1")
    gateway.directory.replace_below("/gw1", ())
    gateway.directory._connection.execute("DELETE FROM runs")
    changed = {**TREE, "gw1": {**TREE["gw1"], "vars": {"word": "x"}}}

    report = outcomes(await stage.operator.apply(stage.spec.bundle(changed)))

    assert {path for path, outcome in report.items() if outcome == "done"} == {
        "/gw1/app1", "/gw1/app2", "/gw1/zone1/app1",
    }  # fmt: skip
    assert "deploy" not in stage.world.given("/gw1/app1")[1:]
    kept = gateway.directory.records()
    assert kept == {path: record for path, record in stage.operator.records().items() if path in kept}
    assert set(kept) == PATHS - {"/gw1", "/lone"}


async def test_both_sides_marked_by_an_interrupted_run_end_up_agreed(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    stage.world.host("gw1.app1").stuck = stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: stage.world.host("gw1.app1").asked)
    await until(lambda: "/gw1/zone1/app1" in stage.world.up())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    initiator = stage.world.initiator("/gw1")
    stage.world.kill(initiator)
    stuck.set()
    await until(lambda: not initiator.service._running)

    assert stage.operator.records()["/gw1/app1"].open
    second = outcomes(await stage.operator.apply(bundle))

    assert set(second.values()) <= {"done", "unchanged"}
    here, there = stage.operator.records(), stage.world.initiator("/gw1").directory.records()
    assert {path: here[path] for path in there} == there
    assert not any(record.open for record in here.values())
    await nothing_to_do(stage, bundle)


async def test_a_node_that_moves_leaves_its_earlier_host(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    moved = stage.spec.bundle(TREE, moved={"/gw1/app1": "spare1"})

    report = outcomes(await stage.operator.apply(moved))

    # Its initiator is told the new address of its child.
    assert [path for path, outcome in report.items() if outcome == "done"] == ["/gw1", "/gw1/app1"]
    assert stage.world.up()["/gw1/app1"] == "spare1"
    assert not stage.world.host("gw1.app1").nodes
    await nothing_to_do(stage, moved)


async def test_children_stay_where_they_are_when_their_initiator_moves(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.commands.clear()
    moved = stage.spec.bundle(TREE, moved={"/gw1": "spare1"})

    report = outcomes(await stage.operator.apply(moved))

    assert set(report.values()) <= {"done", "unchanged"}
    assert stage.world.up().keys() == PATHS
    assert not [path for _, path, command in stage.world.commands if command == "deploy" and path != "/gw1"]
    await nothing_to_do(stage, moved)
    assert set(outcomes(await stage.operator.refresh(moved)).values()) == {"unchanged"}
    assert set(stage.world.initiator("/gw1").directory.records()) == PATHS - {"/gw1", "/lone"}


@pytest.mark.parametrize("gone", [False, True])
async def test_a_node_moves_away_from_a_dead_host_and_that_is_told(stage: Stage, gone: bool) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.host("lone").wrong = offline("lone")
    moved = stage.spec.bundle(TREE, moved={"/lone": "spare1"}, gone=("lone",) if gone else ())

    report = outcomes(await stage.operator.apply(moved))

    assert report["/lone"] == "done"
    notes = [event.text for event in stage.operator.events if isinstance(event, Note)]
    why = (
        "it is not in the inventory any more"
        if gone
        else "lone: cannot be reached (connect): no route to host"
    )
    assert notes == [f"left behind on lone: {why}"]


async def test_a_node_that_cannot_leave_is_still_recorded_where_it_is(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.host("lone").fails["/lone"] = "uninstall"
    moved = stage.spec.bundle(TREE, moved={"/lone": "spare1"})

    report = await stage.operator.apply(moved)

    assert outcomes(report)["/lone"] == "failed"
    (failed,) = [result for result in report.results if result.path == "/lone"]
    assert failed.message == "cannot leave lone: uninstall failed"
    assert stage.operator.records()["/lone"].host == "lone"
    stage.world.mend()
    assert outcomes(await stage.operator.apply(moved))["/lone"] == "done"
    assert not stage.world.host("lone").nodes


async def test_what_is_left_on_a_host_that_is_in_no_inventory_is_a_clear_failure(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    bundle = stage.spec.bundle({"gw1": TREE["gw1"]}, gone=("lone",))

    report = await stage.operator.apply(bundle)

    (failed,) = [result for result in report.results if result.path == "/lone"]
    assert failed.outcome.value == "failed"
    assert failed.message == 'host "lone" is not in the inventory any more'
    assert "Put it back" in failed.detail
    assert not stage.operator.records()["/lone"].open


async def test_a_subtree_is_removed_through_an_initiator_that_has_died(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.kill(stage.world.initiator("/gw1"))
    bundle = stage.spec.bundle({"lone": leaves()})

    report = outcomes(await stage.operator.apply(bundle))

    assert {report[path] for path in PATHS - {"/lone"}} == {"done"}
    assert set(stage.world.up()) == {"/lone"}
    assert set(stage.operator.records()) == {"/lone"}


async def test_nothing_is_taken_away_under_what_cannot_be_taken_away(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.host("gw1.zone1.app1").wrong = offline("gw1.zone1.app1")
    bundle = stage.spec.bundle({"lone": leaves()})

    report = await stage.operator.apply(bundle)

    assert outcomes(report) == {
        "/gw1": "skipped", "/gw1/app1": "done", "/gw1/app2": "done", "/gw1/zone1": "skipped",
        "/gw1/zone1/app1": "offline", "/lone": "unchanged",
    }  # fmt: skip
    messages = {result.path: result.message for result in report.results}
    assert messages["/gw1/zone1"] == "/gw1/zone1/app1 below it is still there"
    stage.world.mend()
    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done", "unchanged"}
    assert set(stage.operator.records()) == {"/lone"}


async def test_looking_finds_what_died_on_every_level_and_an_apply_mends_it(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    for path in ("/gw1/app1", "/gw1/zone1/app1"):
        stage.world.host(path[1:].replace("/", ".")).nodes[path].state = ("installed", "configured")

    looked = outcomes(await stage.operator.refresh(bundle))

    assert [path for path, outcome in looked.items() if outcome == "done"] == ["/gw1/app1", "/gw1/zone1/app1"]
    assert stage.operator.records()["/gw1/zone1/app1"].service == "configured"
    repaired = outcomes(await stage.operator.apply(bundle))
    assert [path for path, outcome in repaired.items() if outcome == "done"] == [
        "/gw1/app1",
        "/gw1/zone1/app1",
    ]
    assert set(stage.world.up()) == PATHS


async def test_looking_keeps_a_node_that_shall_move_recorded_where_it_is(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    moved = stage.spec.bundle(TREE, moved={"/lone": "spare1"})

    assert outcomes(await stage.operator.refresh(moved))["/lone"] == "unchanged"
    assert stage.operator.records()["/lone"].host == "lone"


async def test_looking_where_nobody_is_to_be_asked_skips_what_is_below(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    stage.world.kill(stage.world.initiator("/gw1"))
    before = stage.operator.records()

    report = await stage.operator.refresh(bundle)

    found = outcomes(report)
    assert found["/gw1"] == "done"
    assert {found[path] for path in PATHS - {"/gw1", "/lone"}} == {"skipped"}
    after = stage.operator.records()
    assert after["/gw1"].service == "configured"
    assert {path: after[path] for path in after if path != "/gw1"} == {
        path: before[path] for path in before if path != "/gw1"
    }


async def test_nodes_that_only_an_initiator_knows_of_are_removed_and_reported_besides(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.operator.directory.write((), ["/gw1/app2"])
    bundle = stage.spec.bundle({"gw1": leaves("app1"), "lone": leaves()})

    report = outcomes(await stage.operator.apply(bundle))

    assert report["/gw1/app2"] == "done"
    assert set(stage.world.up()) == {"/gw1", "/gw1/app1", "/lone"}
    assert set(stage.operator.records()) == {"/gw1", "/gw1/app1", "/lone"}


async def test_who_leaves_for_a_host_that_cannot_be_reached_stays_where_it_is(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.host("spare1").wrong = offline("spare1")
    moved = stage.spec.bundle(TREE, moved={"/lone": "spare1"})

    report = await stage.operator.apply(moved)

    assert outcomes(report)["/lone"] == "offline"
    assert stage.world.up()["/lone"] == "lone"
    record = stage.operator.records()["/lone"]
    assert (record.host, record.open) == ("lone", "")


async def test_an_initiator_that_shall_move_is_found_where_it_is_as_long_as_it_is_not_meant(
    stage: Stage,
) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    moved = stage.spec.bundle(TREE, moved={"/gw1": "spare1"}, env={"WORD": "other"})
    stage.world.kill(stage.world.initiator("/gw1"))

    report = await stage.operator.apply(moved, "/gw1/app1")

    assert outcomes(report)["/gw1/app1"] == "done"
    assert not stage.world.host("spare1").nodes
    assert stage.operator.records()["/gw1"].host == "gw1"
    assert [node.path for node in stage.operator.plan(moved).nodes if node.action is Action.REPLACE] == [
        "/gw1"
    ]


async def test_what_is_recorded_below_one_that_is_gone_is_told_with_a_way_out(stage: Stage) -> None:
    bundle, rest = stage.spec.bundle(TREE), stage.spec.bundle({"lone": leaves()})
    await stage.operator.apply(bundle)
    known = stage.operator.records()
    await stage.operator.apply(rest)
    stage.operator.directory.write(known.values())  # as somebody has it who was not there
    await stage.operator.refresh(rest)

    report = await stage.operator.apply(rest)

    (failed,) = report.worst(Outcome.FAILED)
    assert failed.path == "/gw1"
    assert failed.message == "it is not there any more, and nobody else can ask for what is recorded below it"
    for _ in range(3):  # once for each level
        await stage.operator.refresh(bundle)
        await stage.operator.apply(bundle)
    await stage.operator.apply(rest)
    assert set(stage.operator.records()) == {"/lone"}
    await nothing_to_do(stage, rest)
