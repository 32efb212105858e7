"""Two operators, each with a clone of the project and a home of their own, at work on the same hosts."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

SENSORS = ["/site/room1/sensor1", "/site/room1/sensor2"]
INSTALL = """\
if test "$RAMIFY_DATA" -ef {data} && test -p {begun}; then echo > {begun}; cat {go}; fi
"""
LEFT_OUT = ("directory.db*", "lab", "bundles")


class Operator:
    """Somebody with a clone of the project."""

    def __init__(self, folder: Path, home: Path) -> None:
        home.mkdir()
        self.folder = folder
        self.env = {**os.environ, "HOME": str(home), "USER": home.name, "LOGNAME": home.name}

    def line(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "ramify", "-C", str(self.folder), *words]

    def start(self, *words: str) -> "subprocess.Popen[str]":
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.line(*words), env=self.env, **pipes)

    def ramify(self, *words: str) -> subprocess.CompletedProcess[str]:
        how: dict[str, Any] = {"env": self.env, "capture_output": True, "text": True, "timeout": 300}
        return subprocess.run(self.line(*words), check=False, **how)

    def json(self, *words: str) -> Any:
        result = self.ramify(*words, "--json")
        assert result.stdout, result.stderr
        return json.loads(result.stdout)

    def holds(self) -> list[tuple[str, str, bool, bool]]:
        """What initiators hold: where, whose, whether nobody is above, and whether it was released."""
        found = self.json("lock", "list", "--refresh")
        assert found["unasked"] == []
        return [
            (one["at"], one["lease"]["who"].partition("@")[0], one["left"] is not None,
             bool(one["lease"]["released"]))
            for one in found["initiators"]
        ]  # fmt: skip


class Stage:
    """Both, and the gate at which one sensor's installer waits."""

    def __init__(self, tmp: Path) -> None:
        self.ada, self.bob = (
            Operator(tmp / "ada", tmp / "homes-ada"),
            Operator(tmp / "bob", tmp / "homes-bob"),
        )
        self.begun, self.go = tmp / "begun", tmp / "go"

    @contextmanager
    def stuck(self, *words: str) -> "Iterator[subprocess.Popen[str]]":
        """A run of ada's that has come to the gate; it goes on when the block has ended."""
        for fifo in (self.begun, self.go):
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo)
        heard = os.open(self.begun, os.O_RDONLY | os.O_NONBLOCK)
        run = self.ada.start(*words)
        try:
            ready, _, _ = select.select([heard], [], [], 60)
            assert ready
            yield run
        finally:
            os.close(heard)
            self.open()

    def open(self) -> None:
        """Let the installer through; it is open for all who come later."""
        self.begun.unlink(missing_ok=True)
        # Whoever waits there reads; nobody is kept waiting by nobody.
        with os.fdopen(os.open(self.go, os.O_RDWR), "w") as gate:
            gate.write("\n")
            gate.flush()
            self.go.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    tmp = tmp_path_factory.mktemp("two")
    made = Stage(tmp)
    subprocess.run([sys.executable, "-m", "ramify", "init", str(made.ada.folder)], check=True, timeout=60)
    with (made.ada.folder / "sensor/component.yml").open("a") as file:
        file.write("install: sh install.sh\n")
    data = made.ada.folder / ".ramify/lab/hosts/box1/home/.ramify/nodes/site+room1+sensor1/data"
    text = INSTALL.format(data=data, begun=made.begun, go=made.go)
    (made.ada.folder / "sensor/install.sh").write_text(text)
    try:
        assert made.ada.ramify("lab", "up").returncode == 0
        first = made.ada.ramify("apply", "-y")
        assert first.returncode == 0, first.stdout + first.stderr
        # A clone has all but what is known of hosts; both reach the same ones.
        shutil.copytree(made.ada.folder, made.bob.folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (made.bob.folder / ".ramify/lab").symlink_to(made.ada.folder / ".ramify/lab")
        assert made.bob.ramify("status", "--refresh").returncode == 0
        yield made
    finally:
        made.ada.ramify("lab", "down")


def outcomes(told: str) -> dict[str, str]:
    return {one["path"]: one["outcome"] for one in json.loads(told)["results"]}


def test_another_operator_is_refused_what_is_worked_on_and_goes_beside_it_or_waits(stage: Stage) -> None:
    bob = stage.bob
    with stage.stuck("configure-env", "-y", "/site/room1", "--json") as first:
        held = bob.holds()
        listed = bob.ramify("lock", "list", "--refresh").stdout
        refused = bob.ramify("apply", "-y", "--fix-drift", "/site/room1")
        upper = bob.ramify("restart", "-y", "/site/room1/.", SENSORS[0])
        above = bob.ramify("restart", "-y", "/site/.")
        beside = bob.ramify("restart", "-y", "/site/room2")
        waiting = bob.start("restart", "-y", SENSORS[0], "--wait", "--json")
        assert waiting.stderr is not None
        assert any("waits for run" in line for line in waiting.stderr)
    said, _ = first.communicate(timeout=120)
    rest, _ = waiting.communicate(timeout=120)

    assert held == [("/site", "homes-ada", False, False), ("/site/room1", "homes-ada", False, False)]
    assert re.search(r"^\w+ +configure-env +/site/room1 +homes-ada@\S+ .* held +/site$", listed, re.MULTILINE)
    assert refused.returncode == 0, refused.stdout  # nothing is due there
    assert upper.returncode == 3, upper.stdout
    assert re.search(
        r"locked: run \w+ \(configure-env\) of homes-ada@\S+ works on /site/room1 since .*, for \d+ s\n"
        r" +`--wait` waits for its end",
        upper.stdout,
    )
    assert re.search(r"Skipped: 2 nodes\n  /site/room1\n  /site/room1/sensor1\n", upper.stdout), upper.stdout
    assert (above.returncode, "configure-env) of homes-ada@" in above.stdout) == (3, True), above.stdout
    assert beside.returncode == 0, beside.stdout
    assert set(outcomes(said).values()) == {"done"}, said
    assert set(outcomes(rest).values()) == {"done"}, rest
    assert bob.holds() == []


def test_a_run_whose_lock_is_released_ends_and_says_of_each_node_what_became_of_it(stage: Stage) -> None:
    bob = stage.bob
    with stage.stuck("configure-env", "-y", "--json", "/site/room1") as first:
        released = bob.ramify("lock", "release", "/site/room1/sensor2", "-y")
        held = bob.holds()
        refused = bob.ramify("restart", "-y", SENSORS[0])
        again = bob.start("restart", "-y", "/site/room1", "--wait", "--json")
    said, why = first.communicate(timeout=120)
    rest, _ = again.communicate(timeout=120)

    assert released.returncode == 0, released.stderr
    assert "At the initiator of /site: run " in released.stdout
    assert {one[3] for one in held} == {True}
    assert refused.returncode == 3, refused.stdout
    assert "released its lock, and it ends" in refused.stdout
    assert "was released by homes-bob@" in why
    results = outcomes(said)
    assert results.keys() == {"/site/room1", *SENSORS}
    assert results[SENSORS[0]] == "done"  # it was at work on that
    assert set(results.values()) <= {"done", "skipped"}
    assert set(outcomes(rest).values()) == {"done"}, rest


def test_a_run_that_has_lost_its_operator_is_seen_and_can_be_ended(stage: Stage) -> None:
    bob = stage.bob
    with stage.stuck("configure-env", "-y", "/site/room1") as first:
        first.send_signal(signal.SIGKILL)
        first.communicate()
        alone = bob.holds()
        listed = bob.ramify("lock", "list", "--refresh").stdout
        refused = bob.ramify("restart", "-y", SENSORS[0])
        released = bob.ramify("lock", "release", "/site/room1", "-y")
        left_behind = stage.ada.json("lock", "list")["locks"]
    done = bob.ramify("apply", "-y", "--wait", "--refresh")

    assert ("/site", "homes-ada", True, False) in alone
    assert "alone, ends in 15 min" in listed
    assert (refused.returncode, released.returncode) == (3, 0)
    assert "Nobody above it is there any more" in released.stdout
    assert [one["held"] for one in left_behind] == [False]
    assert done.returncode == 0, done.stdout + done.stderr
    assert bob.holds() == []
    assert stage.ada.ramify("apply", "-y").returncode == 0
    assert stage.ada.json("lock", "list")["locks"] == []
