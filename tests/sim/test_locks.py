"""Two operators, one tree: one run on a subtree at a time, disjoint subtrees side by side."""

import asyncio
import os
import socket
import time
from typing import Any

import pytest
from msgspec import structs

from ramify.directory.sqlite import Directory
from ramify.initiator import leases
from ramify.initiator.leases import LockedError
from ramify.model.history import Lease
from sim.operators import Operator, outcomes, quick
from sim.spec import leaves
from sim.stage import Stage, until

TREE = {"gw1": leaves("app[1-3]", "db")}
AT_ONCE = quick(wait=0)


class Other(Operator):
    """An operator on another machine, with a directory of its own."""

    name = "other"

    def open_directory(self) -> None:
        self.directory = Directory(self.world.folder / "other" / "directory.db")


async def test_who_comes_second_is_refused_what_the_first_works_on_or_waits(
    stage: Stage,
) -> None:
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env={"WORD": "new"})
    await stage.operator.apply(old)
    stage.world.host("gw1.app3").stuck = stuck = asyncio.Event()
    first = asyncio.create_task(stage.operator.apply(new, "/gw1/app3"))
    await until(lambda: stage.world.initiator("/gw1").service.actives)
    other = Other(stage.world, stage.spec.store)
    refused = await other.apply(new, "/gw1/app[2-3]", options=AT_ONCE)

    told = {result.path: result for result in refused.results}
    assert told["/gw1/app2"].outcome.value == told["/gw1/app3"].outcome.value == "skipped"
    assert told["/gw1/app3"].stale
    assert "locked: run run2 (apply) of" in told["/gw1/app3"].message
    beside = await other.apply(new, "/gw1/app1", options=AT_ONCE)
    assert outcomes(beside)["/gw1/app1"] == "done"
    waiting = asyncio.create_task(other.apply(new, "/gw1/app[2-3]"))
    await until(lambda: any("waits for run run2" in str(event) for event in other.events))
    stuck.set()

    assert outcomes(await first)["/gw1/app3"] == "done"
    assert set(outcomes(await waiting).values()) <= {"done", "unchanged"}
    other.directory.close()


async def test_a_lease_in_a_directory_is_held_by_one_run_until_it_ends(
    stage: Stage,
) -> None:
    held = stage.operator.directory.leases
    mine = Lease(run="r1", kind="apply", paths=("/a",), who="me@here", started="2026-01-01T00:00:00+00:00")
    other = structs.replace(mine, run="r2", paths=("/a/b",))
    said: list[str] = []
    async with leases.held(held, mine, 0, said.append, said.append):
        with pytest.raises(LockedError, match=r"run r1 \(apply\) of me@here, pid \d+ works on /a"):
            async with leases.held(held, other, 0, said.append, said.append):
                pytest.fail("two at once")
        assert [one.run for one in held.all()] == ["r1"]

    assert held.all() == ()
    assert said == []


def test_the_lease_of_a_process_that_died_or_was_not_heard_of_is_dead() -> None:
    mine = Lease(
        run="r", kind="apply", paths=("/",), who="x", started="", machine=socket.gethostname(),
        pid=os.getpid(), expires=time.time() + 60,
    )  # fmt: skip
    assert not leases.is_dead(mine)
    assert leases.is_dead(structs.replace(mine, expires=time.time() - 1))
    assert leases.is_dead(structs.replace(mine, pid=2**22 + 1))
    assert not leases.is_dead(structs.replace(mine, pid=2**22 + 1, machine="elsewhere"))


async def stuck_run(stage: Stage, **options: float) -> tuple[asyncio.Task[Any], asyncio.Event]:
    """A run that waits at one of four leaves; the others are behind it."""
    old, new = stage.spec.bundle(TREE), stage.spec.bundle(TREE, env={"WORD": "new"})
    await stage.operator.apply(old)
    host = stage.world.host("gw1.app1")
    gate = host.installs["/gw1/app1"] = asyncio.Event()
    host.asked.clear()
    run = asyncio.create_task(stage.operator.apply(new, options=quick(parallel=1, **options)))
    await until(lambda: "commands" in host.asked)
    return run, gate


async def test_an_initiator_that_nobody_comes_back_to_begins_nothing_more(stage: Stage) -> None:
    run, gate = await stuck_run(stage, lease=0.05)
    (active,) = stage.world.initiator("/gw1").service.actives
    assert active.holding.left is None
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await until(lambda: active.holding.left is not None)
    halted = await active.risk.has_halted()
    other = Other(stage.world, stage.spec.store)
    refused = await other.apply(stage.spec.bundle(TREE), "/gw1/app1", options=AT_ONCE)
    stage.world.commands.clear()
    gate.set()
    await active.over.wait()

    assert halted.reason == "nobody above has been heard of for 0 s"
    assert outcomes(refused)["/gw1/app1"] == "skipped"  # what is in flight is still its own
    assert {path for _, path, _ in stage.world.commands} == {"/gw1/app1"}
    other.directory.close()


async def test_a_parent_that_comes_back_in_time_has_the_run_go_on(stage: Stage) -> None:
    run, gate = await stuck_run(stage, lease=0.2)
    (active,) = stage.world.initiator("/gw1").service.actives
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    again = asyncio.create_task(stage.operator.apply(stage.spec.bundle(TREE, env={"WORD": "new"})))
    await until(lambda: active.holding.left is None)
    await asyncio.sleep(0.3)  # longer than it would have had
    assert active.risk.halted is None
    gate.set()

    assert set(outcomes(await again).values()) <= {"done", "unchanged"}


async def test_a_parent_that_gave_signs_of_life_and_falls_silent_is_given_up(stage: Stage) -> None:
    run, gate = await stuck_run(stage, beat=0.01, silence=0.4, lease=0.05)
    initiator, alive = stage.world.initiator("/gw1"), asyncio.Event()
    stage.world.watching = lambda _, data: alive.set() if b'"alive"' in data else None
    (active,) = initiator.service.actives
    await alive.wait()

    wire = initiator.wires[-1]
    wire.deaf = True
    await active.risk.has_halted()
    gate.set()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_who_asks_hears_of_every_lock_and_who_releases_one_ends_that_run_alone(stage: Stage) -> None:
    tree = {"gw1": {"children": {"zone1": leaves("app[1-2]"), "zone2": leaves("app1")}}}
    await stage.operator.apply(stage.spec.bundle(tree))
    new = stage.spec.bundle(tree, env={"WORD": "new"})
    gates = {}
    for name in ("zone1", "zone2"):
        gates[name] = asyncio.Event()
        stage.world.host(f"gw1.{name}.app1").installs[f"/gw1/{name}/app1"] = gates[name]
    other = Other(stage.world, stage.spec.store)
    await other.refresh(stage.spec.bundle(tree))
    mine = asyncio.create_task(stage.operator.apply(new, "/gw1/zone1", options=quick(parallel=1)))
    await until(lambda: stage.world.at_work("/gw1/zone1"))
    theirs = asyncio.create_task(other.command(new, "restart", "/gw1/zone2/app1"))
    await until(lambda: stage.world.at_work("/gw1/zone2"))

    held, unasked = await stage.operator.holders(new)
    assert unasked == []
    assert {(one.at, one.lease.paths) for one in held} == {
        ("/gw1", ("/gw1/zone1",)),
        ("/gw1/zone1", ("/gw1/zone1/app1", "/gw1/zone1/app2")),
        ("/gw1", ("/gw1/zone2/app1",)),
        ("/gw1/zone2", ("/gw1/zone2/app1",)),
    }
    run = next(one.lease.run for one in held if one.at == "/gw1/zone1")
    await stage.operator.holders(new, run)
    told, _ = await stage.operator.holders(new, below=("/gw1/zone1",))
    assert {one.at: one.lease.released for one in told if one.lease.run == run} == dict.fromkeys(
        ("/gw1", "/gw1/zone1"), "somebody"
    )
    assert all(not one.lease.released for one in told if one.lease.run != run)
    for gate in gates.values():
        gate.set()

    told_of = {"/gw1/zone1": "unchanged", "/gw1/zone1/app1": "done", "/gw1/zone1/app2": "skipped"}
    assert outcomes(await mine) == told_of
    assert set(outcomes(await theirs).values()) == {"done"}
    other.directory.close()


async def test_an_initiator_is_not_stopped_while_somebody_else_is_at_work_through_it(stage: Stage) -> None:
    run, gate = await stuck_run(stage)
    bundle = stage.spec.bundle(TREE, env={"WORD": "new"})
    other = Other(stage.world, stage.spec.store)
    other.directory.write(stage.operator.records().values())
    before = stage.world.initiator("/gw1")

    refused = await other.command(bundle, "restart", "/gw1/.", options=AT_ONCE)
    waiting = asyncio.create_task(other.command(bundle, "restart", "/gw1/."))
    await until(lambda: any("waits for run run2" in str(event) for event in other.events))
    assert stage.world.initiator("/gw1") is before
    gate.set()

    (told,) = refused.results
    assert (told.path, told.stale) == ("/gw1", True)
    assert "locked: run run2 (apply) of" in told.message
    assert set(outcomes(await run).values()) == {"done", "unchanged"}
    assert outcomes(await waiting) == {"/gw1": "done"}
    assert stage.world.initiator("/gw1") is not before
    other.directory.close()


async def test_an_initiator_that_is_about_to_be_stopped_begins_nothing_for_others(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    gate = stage.world.host("gw1").installs["/gw1"] = asyncio.Event()
    other = Other(stage.world, stage.spec.store)
    other.directory.write(stage.operator.records().values())
    stage.world.host("gw1").asked.clear()
    stopping = asyncio.create_task(stage.operator.command(bundle, "restart", "/gw1"))
    await until(lambda: "commands" in stage.world.host("gw1").asked)

    refused = await other.command(bundle, "restart", "/gw1/app1")
    gate.set()

    assert "locked: run run2 (restart) of somebody works on /gw1" in refused.results[0].message
    assert set(outcomes(await stopping).values()) == {"done"}
    assert set(outcomes(await other.command(bundle, "restart", "/gw1/app1")).values()) == {"done"}
    other.directory.close()
