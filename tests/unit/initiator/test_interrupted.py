"""Rollouts that nobody carries out any more are interrupted; those that go on or have ended are not."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.directory.sqlite import Directory
from ramify.initiator.interrupted import going_on, settle
from ramify.initiator.operator import carry_out, commission, workspace
from ramify.model import bundle as bundles
from ramify.model.history import Lease, Ran
from ramify.model.standing import Standing, State
from ramify.repository import project
from unit.cli.fleets import compiled, recorded, small


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path / "directory.db")
    yield made
    made.close()


def begin(
    directory: Directory, run: str, state: State = State.RUNNING, nodes: tuple[str, ...] = ("/a",)
) -> None:
    directory.history.begin(Ran(run, "apply", "/", "bundle", "now"))
    directory.rollouts.begin(Standing(run, "/", state), nodes)


def lease(directory: Directory, run: str, pid: int, *, lasts: float = 60, machine: str = "") -> None:
    where = machine or socket.gethostname()
    held = Lease(run, "apply", (f"/{run}",), "me", "now", where, pid, time.time() + lasts)
    assert not directory.leases.take(held, lambda _: False)


def killed() -> int:
    """The pid of a process that is not there any more."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def states(directory: Directory) -> dict[str, str]:
    return {one.run: one.state.value for one in directory.rollouts.all()}


def test_without_a_living_lease_a_rollout_is_interrupted(directory: Directory) -> None:
    for run in ("lives", "died", "expired", "released", "elsewhere"):
        begin(directory, run)
    pid = killed()
    lease(directory, "lives", os.getpid())
    lease(directory, "died", pid)
    lease(directory, "expired", os.getpid(), lasts=-1)
    lease(directory, "elsewhere", pid, machine="another")

    settle(directory)

    assert states(directory) == {
        "lives": "running",
        "died": "interrupted",
        "expired": "interrupted",
        "released": "interrupted",
        "elsewhere": "running",
    }
    assert going_on(directory) == {"lives", "elsewhere"}
    found = directory.rollouts.get("died")
    assert found is not None
    assert found.reason == f"its process ended before it did (pid {pid} on {socket.gethostname()})"
    assert found.left == ("/a",)


def test_what_has_ended_stays_as_it_ended(directory: Directory) -> None:
    for state in (State.DONE, State.PAUSED, State.ABORTED, State.ROLLED_BACK):
        begin(directory, state.value, state)

    settle(directory)

    assert all(run == state for run, state in states(directory).items())


async def test_an_apply_takes_the_place_of_a_run_that_was_killed(tmp_path: Path) -> None:
    fleet = compiled(small("zone1"))
    parts = {"hierarchy": "h.yml", "inventory": "i.yml", "repository": "r.yml"}
    (tmp_path / "ramify.yml").write_text(json.dumps({"project": "killed", **parts}))
    loaded = project.resumed(tmp_path, fleet.bundle)
    with workspace(loaded, data=bundles.encode(fleet.bundle)) as space:
        space.directory.write(recorded(fleet).values())
        begin(space.directory, "dead", nodes=("/region1/zone1/app1",))
        begin(space.directory, "elsewhere", nodes=("/region2",))
        job = commission(space, space.plan())

        await carry_out(space, job, lambda _: None)

        dead = space.directory.rollouts.get("dead")
        assert dead is not None
        assert (dead.state, dead.next) == (State.SUPERSEDED, job.run)
        assert states(space.directory)["elsewhere"] == "interrupted"
        assert states(space.directory)[job.run] == "done"
