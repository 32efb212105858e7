"""Going back: an earlier bundle for a part of the tree, and nothing of the rest; and what history has."""

import random
from collections.abc import Collection

import pytest
from msgspec import structs

from ramify.compile.selection import select
from ramify.initiator import earlier, undoing
from ramify.initiator.earlier import NoWayBackError
from ramify.model.bundle import Bundle
from ramify.model.component import Parameter
from ramify.model.events import Report
from ramify.model.plan import Action
from ramify.model.record import Outcome
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage

TREE = {"gw1": leaves("app[1-2]"), "gw2": leaves("db")}
TREE["gw2"]["children"]["zone1"] = leaves("app[1-2]")


def chosen(stage: Stage, *selection: str) -> Collection[str] | None:
    held = stage.operator.directory
    found, problems = select(selection, {**dict.fromkeys(held.records()), **undoing.remembered(held)})
    assert not problems.failed
    return found


def before_that(stage: Stage, *selection: str) -> Bundle:
    held, selected = stage.operator.directory, chosen(stage, *selection)
    way = undoing.way_before(held, undoing.last_change(held, selected), selected)
    return earlier.as_of(way.bundle, earlier.latest(held) or way.bundle)


async def rollback(stage: Stage, *selection: str) -> Report:
    return await stage.operator.apply(before_that(stage, *selection), *selection)


def digests(stage: Stage) -> dict[str, str]:
    return {path: record.digest for path, record in stage.operator.records().items()}


async def test_a_subtree_goes_back_and_nothing_else_is_touched(stage: Stage) -> None:
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env={"WORD": "new"})
    await stage.operator.apply(old)
    before = digests(stage)
    await stage.operator.apply(new)
    after, said = digests(stage), len(stage.world.commands)
    await rollback(stage, "/gw2/zone1")

    inside = {path for path in before if path.startswith("/gw2/zone1")}
    assert {path: digest for path, digest in digests(stage).items() if path in inside} == {
        path: before[path] for path in inside
    }
    assert {path: digest for path, digest in digests(stage).items() if path not in inside} == {
        path: digest for path, digest in after.items() if path not in inside
    }
    assert {path for _, path, _ in stage.world.commands[said:]} == {"/gw2/zone1/app1", "/gw2/zone1/app2"}


async def test_the_next_apply_of_the_project_wants_the_newer_state_back(stage: Stage) -> None:
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env={"WORD": "new"})
    await stage.operator.apply(old)
    await stage.operator.apply(new)
    after = digests(stage)
    await rollback(stage, "/gw1")

    wanted = [node.path for node in stage.operator.plan(new).nodes if node.action is not Action.UNCHANGED]
    assert wanted == ["/gw1/app1", "/gw1/app2"]
    await stage.operator.apply(new)
    assert digests(stage) == after


async def test_going_back_needs_no_packs_that_hosts_still_have(stage: Stage) -> None:
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, leaf="leaf2")
    await stage.operator.apply(old)
    await stage.operator.apply(new)
    for host in stage.world.hosts.values():
        host.puts.clear()
    crossed = dict(stage.world.crossed)
    stage.spec.store.path(stage.spec.digests["leaf"]).unlink()
    report = await rollback(stage, "/")

    assert set(outcomes(report).values()) <= {"done", "unchanged"}
    assert [host.puts for host in stage.world.hosts.values() if host.puts] == []
    assert {key for key in stage.world.crossed if stage.world.crossed[key] != crossed.get(key)} == set()


async def test_what_a_run_added_is_taken_away_and_what_it_took_away_comes_again(stage: Stage) -> None:
    old = stage.spec.bundle({"gw1": leaves("app[1-2]")})
    new = stage.spec.bundle({"gw1": leaves("app[2-3]")})
    await stage.operator.apply(old)
    await stage.operator.apply(new)
    await rollback(stage, "/gw1")

    assert set(stage.world.up()) == {"/gw1", "/gw1/app1", "/gw1/app2"}


async def test_the_first_run_has_no_way_back(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))

    with pytest.raises(NoWayBackError, match="nothing was there before run run1"):
        before_that(stage, "/gw1")


async def test_nodes_that_no_one_bundle_describes_go_back_in_parts(stage: Stage) -> None:
    first, second, third = (stage.spec.bundle(TREE, env={"WORD": word}) for word in ("a", "b", "c"))
    await stage.operator.apply(first)
    await stage.operator.apply(second, "/gw1")
    await stage.operator.apply(third, "/gw2")

    with pytest.raises(NoWayBackError, match="no one bundle"):
        before_that(stage, "/")
    await rollback(stage, "/gw2")
    await rollback(stage, "/gw1")
    assert not stage.operator.plan(first).summary.anything


async def test_an_initiator_that_died_is_started_as_it_was_and_not_taken_back(stage: Stage) -> None:
    old = stage.spec.bundle(TREE)
    new = stage.spec.bundle(TREE, parameters={"X": Parameter(default="1")}, env={"WORD": "new"})
    await stage.operator.apply(old)
    await stage.operator.apply(new)
    known = stage.operator.records()["/gw1"]
    stage.world.kill(stage.world.initiator("/gw1"))
    host = stage.world.host("gw1")
    host.nodes["/gw1"].state = ("installed", "configured")
    said = len(stage.world.commands)
    report = await rollback(stage, "/gw1/app1")

    assert outcomes(report)["/gw1/app1"] == "done"
    assert [command for _, path, command in stage.world.commands[said:] if path == "/gw1"] == ["start"]
    assert stage.operator.records()["/gw1"].digest == known.digest


async def test_after_an_update_that_makes_digests_otherwise_a_run_is_to_be_named(stage: Stage) -> None:
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env={"WORD": "new"})
    await stage.operator.apply(old)
    held = stage.operator.directory
    made = {path: f"{int(digest, 16) ^ 1:064x}" for path, digest in digests(stage).items()}
    known = held.records()
    held.write(
        [structs.replace(known[path], digest=digest) for path, digest in made.items()],
        run="run1",
        changes=[structs.replace(one, digest=made[one.path]) for one in held.history.changes("run1")],
    )
    await stage.operator.apply(new)

    with pytest.raises(NoWayBackError, match="another Ramify made its digests") as found:
        before_that(stage, "/gw1")
    assert "`--to RUN`" in found.value.way_out
    way = undoing.way_to(held, "run1")
    await stage.operator.apply(earlier.as_of(way.bundle, new), "/gw1")
    assert not [node for node in stage.operator.plan(old, "/gw1").nodes if node.action.acts]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_was_applied_where_rollback_undoes_the_last_change(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    parts = ("/gw1", "/gw2", "/gw2/zone1", "/gw2/zone1/app1", "/gw2/db")
    await stage.operator.apply(stage.spec.bundle(TREE))
    for number in range(4):
        bundle = stage.spec.bundle(TREE, env={"WORD": f"{number}"}, leaf=dice.choice(["leaf", "leaf2"]))
        await stage.operator.apply(bundle, dice.choice(parts))
    part = dice.choice(parts)
    held = stage.operator.directory
    selected = chosen(stage, part)
    run = undoing.last_change(held, selected)
    stood = digests(stage) | {
        change.path: change.before_digest
        for change in held.history.changes(run.run)
        if selected and change.path in selected
    }
    outside = {path: digest for path, digest in digests(stage).items() if path not in (selected or ())}
    try:
        report = await rollback(stage, part)
    except NoWayBackError:
        return

    assert set(outcomes(report).values()) <= {"done", "unchanged"}
    assert digests(stage) == stood | outside


async def test_history_tells_what_each_run_did_to_each_node_on_every_level(stage: Stage) -> None:
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env={"WORD": "new"})
    await stage.operator.apply(old)
    before = digests(stage)
    await stage.operator.apply(new, "/gw2/zone1")

    for directory in (stage.operator.directory, stage.world.initiator("/gw2").directory):
        second, first = directory.history.runs()
        assert (second.run, second.selection, first.run) == ("run2", ("/gw2/zone1",), "run1")
        changes = {change.path: change for change in directory.history.changes("run2")}
        assert set(changes) == {"/gw2/zone1/app1", "/gw2/zone1/app2"}
        app = changes["/gw2/zone1/app1"]
        assert (app.outcome, app.before_digest, app.digest) == (
            Outcome.DONE, before["/gw2/zone1/app1"], digests(stage)["/gw2/zone1/app1"],
        )  # fmt: skip
        assert directory.bundles.get(second.bundle)
