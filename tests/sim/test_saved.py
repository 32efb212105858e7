"""Saved plans: just what they say is done, to just those nodes that have not moved on."""

import random
from typing import Any

import msgspec
import pytest

from ramify.compile import holding
from ramify.initiator.messages import Need, UnusableMessageError, decode_upward
from ramify.model.bundle import Bundle
from ramify.model.plan import Action, Plan
from ramify.model.record import Outcome
from ramify.stub.tables import CONFIGURED
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage

TREE: dict[str, Any] = {
    "gw[1-2]": {"vars": {"word": "hello"}, "children": {"zone[1-2]": {"children": {"app[1-3]": {}}}}},
    "lone": {"vars": {"word": "hello"}},
}


def words(stage: Stage, **said: str) -> Bundle:
    """The tree, with other words for some of its top nodes."""
    tree: dict[str, Any] = {
        "gw1": {**TREE["gw[1-2]"], "vars": {"word": said.get("gw1", "hello")}},
        "gw2": {**TREE["gw[1-2]"], "vars": {"word": said.get("gw2", "hello")}},
        "lone": {"vars": {"word": said.get("lone", "hello")}},
    }
    return stage.spec.bundle(tree)


def changed(plan: Plan) -> dict[str, set[str]]:
    """The commands that a plan has for each node."""
    return {node.path: set(node.steps) for node in plan.nodes if node.action is not Action.UNCHANGED}


def given(stage: Stage) -> dict[str, set[str]]:
    """The commands that nodes were given since that was last asked."""
    found: dict[str, set[str]] = {}
    for _, path, command in stage.world.commands:
        found.setdefault(path, set()).add(command)
    stage.world.commands.clear()
    return found


def asked_for(stage: Stage) -> list[str]:
    """Notes who asks their parent for what the plan has seen."""
    asking: list[str] = []

    def watch(path: str, data: bytes) -> None:
        try:
            message = decode_upward(data[8 : 8 + int.from_bytes(data[:4], "big")])
        except UnusableMessageError:
            return
        if isinstance(message, Need) and message.what == "observed":
            asking.append(path)

    stage.world.watching = watch
    return asking


async def test_a_saved_plan_is_carried_out_once_and_then_has_nothing_to_do(stage: Stage) -> None:
    plan = stage.operator.save(words(stage))
    asking = asked_for(stage)

    assert set(outcomes(await stage.operator.apply_saved(plan)).values()) == {"done"}
    contacts = len(stage.world.contacts)
    again = await stage.operator.apply_saved(plan)

    assert set(outcomes(again).values()) == {"unchanged"}
    assert len(again.results) == len(plan.plan.nodes)
    assert len(stage.world.contacts) == contacts
    assert asking == []  # one word said that nobody knows anything else


async def test_it_is_what_was_planned_whatever_the_project_says_by_now(stage: Stage) -> None:
    await stage.operator.apply(words(stage))
    plan = stage.operator.save(words(stage, gw1="planned"))
    given(stage)

    report = await stage.operator.apply_saved(plan)

    assert given(stage) == changed(plan.plan)
    assert {result.path for result in report.worst(Outcome.DONE)} == changed(plan.plan).keys()


async def test_nodes_that_moved_on_are_refused_and_the_others_go_on(stage: Stage) -> None:
    await stage.operator.apply(words(stage))
    plan = stage.operator.save(words(stage, gw1="planned", lone="planned"))
    await stage.operator.apply(words(stage, gw1="other"), "/gw1/zone1/app2")
    given(stage)

    report = await stage.operator.apply_saved(plan)

    stale = [result for result in report.results if result.stale]
    assert [(one.path, one.outcome, one.message) for one in stale] == [
        ("/gw1/zone1/app2", Outcome.SKIPPED, holding.MOVED_ON)
    ]
    assert given(stage).keys() == changed(plan.plan).keys() - {"/gw1/zone1/app2"}
    assert len(report.results) == len(plan.plan.nodes)
    assert {record.open for record in stage.operator.records().values()} == {""}


async def test_who_nearer_to_the_truth_knows_that_a_node_moved_on_refuses_it(stage: Stage) -> None:
    """Somebody else's operator did it: ours has no idea, and the initiator says so."""
    await stage.operator.apply(words(stage))
    plan = stage.operator.save(words(stage, gw1="planned", gw2="planned"))
    before = stage.operator.records()
    await stage.operator.apply(words(stage, gw1="other"), "/gw1/zone2/app3")
    stage.operator.directory.write(before.values())
    given(stage)
    asking = asked_for(stage)

    report = await stage.operator.apply_saved(plan)

    assert [result.path for result in report.results if result.stale] == ["/gw1/zone2/app3"]
    assert asking == ["/gw1", "/gw1/zone2"]  # nobody else needs to
    assert given(stage).keys() == changed(plan.plan).keys() - {"/gw1/zone2/app3"}
    assert stage.operator.records()["/gw1/zone2/app3"].values["service.env.WORD"] == "other"


async def test_what_is_found_on_a_host_is_not_mended_by_commands_that_nobody_planned(stage: Stage) -> None:
    await stage.operator.apply(words(stage))
    plan = stage.operator.save(words(stage, lone="planned"))
    host = stage.world.host("lone")
    host.nodes.pop("/lone")  # somebody removed it by hand: only a deployment would bring it back
    given(stage)

    report = await stage.operator.apply_saved(plan)

    (stale,) = [result for result in report.results if result.stale]
    assert stale.path == "/lone"
    assert "deploy would be due, and only shutdown, configure, start was planned" in stale.message
    assert given(stage) == {}
    # What was found is recorded: the next plan knows.
    assert stage.operator.plan(words(stage)).summary.add == 1


async def test_an_initiator_that_nobody_planned_to_start_is_not_started(stage: Stage) -> None:
    await stage.operator.apply(words(stage))
    plan = stage.operator.save(words(stage, gw1="planned"))
    stage.world.kill(stage.world.initiator("/gw1"))
    given(stage)

    report = await stage.operator.apply_saved(plan)

    found = outcomes(report)
    assert {found[path] for path in changed(plan.plan)} == {"skipped"}
    assert found["/gw1"] == "skipped"
    assert given(stage) == {}
    assert stage.operator.plan(words(stage)).nodes[0].steps[0] == "status"


async def test_a_plan_of_some_nodes_leaves_the_others_alone(stage: Stage) -> None:
    await stage.operator.apply(words(stage))
    plan = stage.operator.save(words(stage, gw1="planned", gw2="planned"), "/gw1/zone1")
    given(stage)

    await stage.operator.apply_saved(plan)

    assert given(stage).keys() == {f"/gw1/zone1/app{n}" for n in (1, 2, 3)}


async def test_a_node_that_moves_and_one_that_leaves_do_so_by_a_saved_plan(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle({"gw1": leaves("a", "b"), "lone": leaves()}))
    after = stage.spec.bundle({"gw1": leaves("a")}, moved={"/gw1/a": "spare1"})
    plan = stage.operator.save(after)

    assert set(outcomes(await stage.operator.apply_saved(plan)).values()) == {"done"}
    assert stage.world.up() == {"/gw1": "gw1", "/gw1/a": "spare1"}
    assert set(outcomes(await stage.operator.apply_saved(plan)).values()) == {"unchanged"}


async def test_what_only_an_initiator_can_plan_is_saved_and_held_there(stage: Stage) -> None:
    mount, server = "/gw1/zone9", "http://m9/"
    outer = stage.spec.bundle(
        {"gw1": {"children": {"zone9": {"domain": {"server": server, "planned": "there"}}}}}
    )
    stage.world.servers.store = stage.spec.store
    stage.world.servers.serves[server] = stage.spec.bundle({"gw7": leaves("app[1-2]"), "db": leaves()})
    await stage.operator.apply(outer)
    stage.world.servers.serves[server] = stage.spec.bundle(
        {"gw7": leaves("app[1-2]", vars={"word": "planned"}), "db": leaves(vars={"word": "planned"})}
    )
    plan = await stage.operator.save_there(outer)
    known = stage.world.initiator(mount).directory
    known.write([msgspec.structs.replace(known.records()[f"{mount}/db"], release=7)])
    given(stage)

    report = await stage.operator.apply_saved(plan)

    apps = {f"{mount}/gw7/app1", f"{mount}/gw7/app2"}
    assert changed(plan.plan).keys() == {*apps, f"{mount}/db"}
    assert given(stage).keys() == apps
    assert {result.path for result in report.results if result.stale} == {f"{mount}/db"}
    assert {result.path for result in report.worst(Outcome.DONE)} == apps


def random_tree(dice: random.Random) -> dict[str, Any]:
    """Gateways with zones and services, some of each, some with other words."""

    def some(name: str, most: int, below: Any) -> dict[str, Any]:
        names = [f"{name}{n}" for n in range(1, most + 1) if dice.random() < 0.8]
        return {one: below() for one in names}

    def leaf() -> dict[str, Any]:
        return {"vars": {"word": dice.choice(["hello", "hello", "goodbye"])}}

    def zone() -> dict[str, Any]:
        return {"vars": {"word": "hello"}, "children": some("app", 3, leaf)}

    def gateway() -> dict[str, Any]:
        return {"vars": {"word": "hello"}, "children": {**some("zone", 2, zone), **some("app", 1, leaf)}}

    return {"lone": leaf(), **some("gw", 2, gateway)}


def random_bundle(stage: Stage, dice: random.Random) -> Bundle:
    tree = random_tree(dice)
    moved = {"/lone": "spare1"} if dice.random() < 0.3 else {}
    return stage.spec.bundle(tree, moved=moved, leaf=dice.choice(["leaf", "leaf2"]))


async def drift(stage: Stage, dice: random.Random) -> None:
    """What happens meanwhile: a service or an initiator ends, a node is gone, another operator applies."""
    for host in stage.world.hosts.values():
        for path in list(host.nodes):
            if "app" not in path or dice.random() < 0.8:
                continue
            if dice.random() < 0.5:
                host.nodes[path].state = (host.nodes[path].state[0], CONFIGURED)
            else:
                del host.nodes[path]
        for initiator in list(host.initiators.values()):
            if dice.random() < 0.1:
                stage.world.kill(initiator)
    if dice.random() < 0.5:
        before = stage.operator.records()
        await stage.operator.apply(random_bundle(stage, dice), "/gw*/zone1")
        if dice.random() < 0.5:
            stage.operator.directory.write(before.values())


@pytest.mark.parametrize("seed", range(10))
async def test_what_apply_changes_is_what_the_plan_said(stage: Stage, seed: int) -> None:
    """Random trees and changes: every node gets the commands of its plan, and no other node gets any."""
    dice = random.Random(seed)
    for _ in range(3):
        bundle = random_bundle(stage, dice)
        said = changed(stage.operator.plan(bundle))
        report = await stage.operator.apply(bundle)
        done = given(stage)
        leaving = {path for path in said if path == "/lone"}  # from where it moves it is taken away first
        for path in done.keys() - leaving:
            assert done[path] == said.get(path), path
        assert done.keys() == said.keys()
        assert {result.path for result in report.worst(Outcome.DONE)} == said.keys()


@pytest.mark.parametrize("seed", range(15))
async def test_a_saved_plan_does_nothing_but_what_it_says_whatever_happened_since(
    stage: Stage, seed: int
) -> None:
    dice = random.Random(seed)
    await stage.operator.apply(random_bundle(stage, dice))
    plan = stage.operator.save(random_bundle(stage, dice))
    await drift(stage, dice)
    given(stage)

    report = await stage.operator.apply_saved(plan)

    said, done = changed(plan.plan), given(stage)
    for path in done.keys() - {"/lone"}:
        assert done[path] <= said.get(path, set()), path
    results = {result.path: result for result in report.results}
    assert len(results) == len(report.results)
    assert results.keys() >= {node.path for node in plan.plan.nodes}
    assert not any(results[path].stale for path in done), "a stale node is not touched"
