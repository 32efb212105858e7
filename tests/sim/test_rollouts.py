"""Rollouts in a world in memory: waves on every level, and limits that hold however the work is spread."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ramify.compile.rollouts import rollout_of
from ramify.model import paths
from ramify.model.events import Finished, Halted
from ramify.model.record import Outcome
from ramify.model.rollout import Limits
from ramify.model.standing import State
from ramify.stub.tables import RUNNING, START
from ramify.transport.errors import Phase, UnreachableError
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage, until
from sim.test_faults import LIKE_THIS, Fault, heals, in_a_world, inflict

FLEET = {"gw[1-3]": {"vars": {"word": "hello"}, "children": {"app[1-4]": {}}}}
EVERYBODY = 3 + 12


def fail(stage: Stage, *nodes: str) -> None:
    for path in nodes:
        stage.world.host(path[1:].replace("/", ".")).fails[path] = "install"


def finished(event: object, path: str) -> bool:
    return isinstance(event, Finished) and event.result.path == path


def deployed(stage: Stage, below: str = "/") -> list[str]:
    return [
        path
        for _, path, command in stage.world.commands
        if command == "deploy" and paths.parent(path) == below
    ]


async def test_each_level_is_taken_in_its_waves(stage: Stage) -> None:
    bundle = stage.spec.bundle(FLEET, rollout={"waves": [1, "50%", "100%"], "order": "reversed"})

    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done"}

    assert deployed(stage) == ["/gw3", "/gw2", "/gw1"]
    assert deployed(stage, "/gw2")[:2] == ["/gw2/app4", "/gw2/app3"]


async def test_a_wave_waits_for_all_that_is_below_the_one_before_it(stage: Stage) -> None:
    stage.world.host("gw1.app4").stuck = stuck = asyncio.Event()
    tree = {name: leaves("app4", "app5") for name in ("gw1", "gw2", "gw3")}
    bundle = stage.spec.bundle(tree, rollout={"waves": [2, "100%"], "on_failure": "continue"})
    running = asyncio.create_task(stage.operator.apply(bundle))

    await until(lambda: len(deployed(stage, "/gw2")) == 2)
    assert deployed(stage) == ["/gw1", "/gw2"]
    assert "/gw3" not in stage.world.up()
    stuck.set()

    assert set(outcomes(await running).values()) == {"done"}


async def test_the_first_failure_of_a_canary_stops_all_that_has_not_begun(stage: Stage) -> None:
    bundle = stage.spec.bundle(FLEET, rollout={"waves": [1, "100%"]})
    fail(stage, "/gw1/app1")

    report = await stage.operator.apply(bundle)

    assert Counter(outcomes(report).values()) == {"done": 1, "failed": 1, "skipped": EVERYBODY - 2}
    assert report.halted is not None
    reason = "1 node failed or got lost below /gw1: no more may (max_fail)"
    assert (report.halted.action, report.halted.reason) == ("pause", reason)
    assert {r.message for r in report.results if r.outcome is Outcome.SKIPPED} == {reason}


async def test_a_halt_anywhere_reaches_everybody(stage: Stage) -> None:
    for name in ("gw2.app1", "gw3.app1"):
        stage.world.host(name).stuck = asyncio.Event()
    tree = {name: leaves("app1", "app2", "app3", rollout={"waves": [1, 3]}) for name in ("gw1", "gw2", "gw3")}
    fail(stage, "/gw1/app1")
    running = asyncio.create_task(stage.operator.apply(stage.spec.bundle(tree)))

    await until(lambda: any(isinstance(event, Halted) for event in stage.operator.events))
    for _ in range(200):
        await asyncio.sleep(0)
    stage.world.host("gw2.app1").stuck.set()  # type: ignore[union-attr]
    stage.world.host("gw3.app1").stuck.set()  # type: ignore[union-attr]

    found = outcomes(await running)
    # What was in flight ended, and nothing began after it.
    assert (found["/gw2/app1"], found["/gw3/app1"]) == ("done", "done")
    assert Counter(found.values()) == {"done": 5, "failed": 1, "skipped": 6}


async def test_a_limit_of_all_is_not_exceeded_by_many_initiators_at_once(stage: Stage) -> None:
    bundle = stage.spec.bundle(FLEET, rollout={"max_fail": 5})
    fail(stage, *(f"/gw{gw}/app{app}" for gw in (1, 2, 3) for app in (1, 2, 3, 4)))

    report = await stage.operator.apply(bundle)

    assert Counter(outcomes(report).values()) == {"done": 3, "failed": 5, "skipped": 7}


async def test_what_the_operator_allows_holds_whatever_the_hierarchy_says(stage: Stage) -> None:
    bundle = stage.spec.bundle(FLEET, rollout={"max_fail": "100%"})
    fail(stage, *(f"/gw{gw}/app{app}" for gw in (1, 2, 3) for app in (1, 2, 3, 4)))

    report = await stage.operator.apply(bundle, most=Limits(fail=2))

    assert report.count(Outcome.FAILED) == 2
    assert report.halted == Halted("/", "2 nodes failed or got lost: no more may (max_fail)")


async def test_hosts_that_were_offline_before_are_counted_by_themselves(stage: Stage) -> None:
    bundle = stage.spec.bundle(FLEET, rollout={"max_fail": 1, "max_offline": 3})
    for name in ("gw1.app1", "gw2.app1"):
        stage.world.host(name).wrong = UnreachableError(name, Phase.CONNECT, "no route")

    report = await stage.operator.apply(bundle)

    assert report.halted is None
    assert Counter(outcomes(report).values()) == {"done": EVERYBODY - 2, "offline": 2}


async def test_too_many_that_are_offline_stop_it(stage: Stage) -> None:
    bundle = stage.spec.bundle(FLEET, rollout={"max_offline": 2})
    for app in (1, 2, 3):
        stage.world.host(f"gw1.app{app}").wrong = UnreachableError("x", Phase.CONNECT, "no route")

    report = await stage.operator.apply(bundle)

    assert report.count(Outcome.OFFLINE) == 2
    assert report.halted is not None
    assert "max_offline" in report.halted.reason


async def test_whoever_continues_is_never_stopped(stage: Stage) -> None:
    rollout = {"waves": [1, "100%"], "max_fail": 1, "on_failure": "continue"}
    fail(stage, "/gw1/app1", "/gw1/app2", "/gw2/app1")

    report = await stage.operator.apply(stage.spec.bundle(FLEET, rollout=rollout))

    assert Counter(outcomes(report).values()) == {"done": EVERYBODY - 3, "failed": 3}
    assert report.halted is None


async def test_without_limits_nothing_is_said_of_tickets(stage: Stage) -> None:
    frames: list[bytes] = []
    stage.world.watching = lambda path, data: frames.append(data)

    await stage.operator.apply(stage.spec.bundle(FLEET))

    assert not [data for data in frames if b'"type":"balance"' in data or b'"type":"grant"' in data]


async def test_an_initiator_that_lost_its_parent_goes_on_with_what_it_was_allowed(stage: Stage) -> None:
    tree = {"gw1": leaves(*(f"app{at}" for at in range(1, 9)))}
    bundle = stage.spec.bundle(tree, rollout={"max_fail": 3})
    fail(stage, *(f"/gw1/app{at}" for at in range(1, 9)))
    stage.world.host("gw1.app1").stuck = stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: stage.world.host("gw1.app1").asked)

    for wire in stage.world.initiator("/gw1").wires:
        wire.cut()
    report = await running
    stuck.set()
    await stage.world.quiet()

    assert outcomes(report)["/gw1"] == "done"
    tried = {path for host in stage.world.hosts.values() for path in host.nodes}
    assert 0 < len(tried - {"/gw1"}) <= 3


async def test_between_waves_whoever_does_not_stay_up_has_failed(stage: Stage) -> None:
    bundle = stage.spec.bundle({"app[1-3]": leaves()}, rollout={"waves": [1, "100%"], "gate": "health"})
    stage.world.dies_after.add("/app1")

    report = await stage.operator.apply(bundle)

    assert outcomes(report) == {"/app1": "failed", "/app2": "skipped", "/app3": "skipped"}
    assert report.results[0].message == "it was up, and did not stay: configured"


async def test_a_gate_that_is_shut_stops_it_and_one_that_opens_is_told_of_the_wave(
    stage: Stage,
) -> None:
    told = stage.world.folder / "told"
    script = f'echo "$RAMIFY_PATH $RAMIFY_WAVE/$RAMIFY_WAVES $RAMIFY_NODES" >> {told}; test $RAMIFY_WAVE = 1'
    rollout = {"waves": [1, 2, 3], "gate": ["sh", "-c", script]}

    report = await stage.operator.apply(stage.spec.bundle({"app[1-3]": leaves()}, rollout=rollout))

    assert outcomes(report) == {"/app1": "done", "/app2": "done", "/app3": "skipped"}
    assert told.read_text().splitlines() == ["/ 1/3 /app1", "/ 2/3 /app2"]
    assert report.halted == Halted("/", "gate `sh` ended with 1")


async def test_an_initiator_that_dies_between_its_waves_stops_what_stops_at_a_failure(stage: Stage) -> None:
    tree = {name: leaves("app1", "app2") for name in ("gw1", "gw2")}
    shut = ["sleep", "1000"]
    bundle = stage.spec.bundle(tree, rollout={"waves": [1, "100%"], "gate": shut})
    running = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: any(finished(event, "/gw1/app1") for event in stage.operator.events))

    stage.world.kill(stage.world.initiator("/gw1"))
    report = await running

    assert outcomes(report) == {
        "/gw1": "done", "/gw1/app1": "done", "/gw1/app2": "unknown",
        "/gw2": "skipped", "/gw2/app1": "skipped", "/gw2/app2": "skipped",
    }  # fmt: skip
    assert report.halted == Halted("/", "1 node failed or got lost: no more may (max_fail)")


async def test_a_paused_rollout_is_replaced_by_whoever_plans_what_it_left(
    stage: Stage,
) -> None:
    old, tree = stage.spec.bundle(FLEET), {"gw[1-3]": {"vars": {"word": "new"}, "children": {"app[1-4]": {}}}}
    await stage.operator.apply(old)
    stage.world.host("gw1.app2").fails["/gw1/app2"] = START
    report = await stage.operator.apply(stage.spec.bundle(tree, rollout={"waves": [1, "100%"]}))
    rollouts = stage.operator.directory.rollouts
    paused = rollouts.get(report.run)
    assert paused is not None
    assert (paused.state, "/gw3/app1" in paused.left) == (State.PAUSED, True)
    stage.world.mend()

    # What it left is as this one wishes it: nothing is to be done there, and nothing is left of the other.
    await stage.operator.apply(old)

    replaced = rollouts.get(report.run)
    assert replaced is not None
    assert replaced.state is State.SUPERSEDED


async def test_a_removal_needs_tickets_as_a_deployment_does(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(FLEET))
    gone = stage.spec.bundle({"lone": leaves()}, rollout={"max_fail": 1})

    report = await stage.operator.apply(gone)

    assert set(outcomes(report).values()) == {"done"}
    assert set(stage.world.up()) == {"/lone"}


AMOUNTS = st.none() | st.integers(0, 3) | st.sampled_from(["10%", "30%", "60%"])


@st.composite
def limited(draw: st.DrawFn) -> dict[str, Any]:
    """A tree of up to three levels of initiators, with limits and waves here and there."""

    def rollout() -> dict[str, Any]:
        said: dict[str, Any] = {
            "max_fail": draw(AMOUNTS),
            "max_inflight": draw(st.none() | st.integers(1, 3)),
        }
        if draw(st.booleans()):
            said["waves"] = [1, "50%"]
        return {key: value for key, value in said.items() if value is not None}

    def children(depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {f"app{at}": {} for at in range(draw(st.integers(0, 5)))}
        if depth < 3:
            for at in range(draw(st.integers(0, 3))):
                found[f"zone{at}"] = {"children": children(depth + 1), "rollout": rollout()}
        return found or {"app0": {}}

    return {
        f"gw{at}": {"vars": {"word": "x"}, "children": children(1), "rollout": rollout()} for at in range(2)
    }


@LIKE_THIS
@given(limited(), AMOUNTS, st.randoms(use_true_random=False))
def test_no_limit_of_any_level_is_exceeded_and_every_node_is_accounted_for(
    tree: dict[str, Any], most: int | str | None, chance: Any
) -> None:
    async def play(stage: Stage) -> None:
        bundle = stage.spec.bundle(tree, rollout={} if most is None else {"max_fail": most})
        fleet = stage.operator.fleet(bundle)
        plan = stage.operator.plan(bundle)
        for node in fleet.tree.nodes:
            if chance.random() < 0.4:
                fail(stage, node.path)

        found = outcomes(await stage.operator.apply(bundle))

        assert list(found) == [node.path for node in fleet.tree.nodes]
        for path in ("/", *(node.path for node in fleet.tree.nodes if fleet.tree.below(node))):
            below = [one.path for one in plan.nodes if one.path != path and paths.within(one.path, path)]
            limit = rollout_of(fleet, path).limits(len(below)).fail
            failed = [one for one in below if found[one] == "failed"]
            assert limit is None or len(failed) <= limit, (path, limit, failed)
        await heals(stage, bundle, set(found))

    in_a_world(play)


def damaged(stage: Stage) -> set[str]:
    """The leaves on whose hosts something was begun that did not come up."""
    return {
        path
        for host in stage.world.hosts.values()
        for path in host.nodes
        if paths.name(path).startswith("app") and host.node(path).state[1] not in RUNNING
    }


@LIKE_THIS
@given(limited(), st.integers(0, 4), st.randoms(use_true_random=False), st.data())
def test_no_limit_is_exceeded_on_hosts_when_links_break_and_initiators_die(
    tree: dict[str, Any], most: int, chance: Any, data: st.DataObject
) -> None:
    async def play(stage: Stage) -> None:
        bundle = stage.spec.bundle(tree, rollout={"max_fail": most})
        fleet = stage.operator.fleet(bundle)
        nodes = [node.path for node in fleet.tree.nodes]
        initiators = [node.path for node in fleet.tree.nodes if fleet.tree.below(node)]
        for path in nodes:
            if chance.random() < 0.4 and path not in initiators:
                fail(stage, path)
        for _ in range(data.draw(st.integers(1, 3))):
            kind = data.draw(st.sampled_from(["link cut", "initiator dies", "stub dies"]))
            places = nodes if kind == "stub dies" else initiators
            inflict(stage, Fault(kind, data.draw(st.sampled_from(places)), data.draw(st.integers(1, 14))))

        found = outcomes(await stage.operator.apply(bundle))
        await stage.world.quiet()

        assert list(found) == nodes
        for path in ("/", *initiators):
            below = [one for one in nodes if one != path and paths.within(one, path)]
            limit = rollout_of(fleet, path).limits(len(below)).fail
            bad = damaged(stage).intersection(below)
            assert limit is None or len(bad) <= limit, (path, limit, bad, found)
        await heals(stage, bundle, set(found))

    in_a_world(play)
