"""Two operators, one tree: one run on a subtree at a time, disjoint subtrees side by side."""

import asyncio
import os
import socket
import time

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
    async with leases.held(held, mine, 0, lambda: said.append("lost"), said.append):
        with pytest.raises(LockedError, match=r"run r1 \(apply\) of me@here, pid \d+ works on /a"):
            async with leases.held(held, other, 0, lambda: None, said.append):
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
