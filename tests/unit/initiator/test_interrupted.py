"""Rollouts that nobody carries out any more are interrupted; those that go on or have ended are not."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.directory.sqlite import Directory
from ramify.initiator.interrupted import going_on, settle
from ramify.model.history import Lease, Ran
from ramify.model.standing import Standing, State


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path / "directory.db")
    yield made
    made.close()


def begin(directory: Directory, run: str, state: State = State.RUNNING) -> None:
    directory.history.begin(Ran(run, "apply", "/", "bundle", "now"))
    directory.rollouts.begin(Standing(run, "/", state), ("/a",))


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
