"""A random sequence of all that is asked for and goes wrong, on real processes, ends as a model predicts."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.test_drift import CONF, Project

pytestmark = pytest.mark.lab

SENSORS = [f"/site/room{room}/sensor{number}" for room in (1, 2) for number in (1, 2)]
INITIATORS = ["/site", "/site/room1", "/site/room2"]
ACTIVE, STOPPED, GONE = "active", "configured", ""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "acme")
    made.ramify("init", str(made.folder))
    with (made.folder / "config/sensor.yml").open("a") as file:
        file.write(CONF)
    try:
        assert made.ramify("lab", "up").returncode == 0
        assert made.ramify("apply", "-y").returncode == 0
        yield made
    finally:
        made.ramify("lab", "down")


class Played:
    """The project, and its model: in which state each node's service is."""

    def __init__(self, project: Project, chance: random.Random) -> None:
        self.project = project
        self.chance = chance
        self.nodes = dict.fromkeys([*INITIATORS, *SENSORS], ACTIVE)

    def applied(self) -> None:
        """All that is wished for is there, and what was stopped on purpose stays so."""
        assert self.project.ramify("apply", "-y", "--refresh").returncode == 0
        self.nodes = {path: state or ACTIVE for path, state in self.nodes.items()}

    def running(self, nodes: list[str]) -> str:
        return self.chance.choice([path for path in nodes if self.nodes[path] == ACTIVE])

    def journal(self, path: str) -> Path:
        return self.project.node(path) / "node.json"

    # What is asked for.

    def change(self) -> None:
        """Another value for everybody."""
        hierarchy = self.project.folder / "hierarchy.yml"
        before = hierarchy.read_text()
        value = next(line for line in before.splitlines() if "interval: " in line).split("interval: ")[1][:1]
        other = self.chance.choice([digit for digit in "123456789" if digit != value])
        hierarchy.write_text(before.replace(f"interval: {value}", f"interval: {other}"))

    def stop(self) -> None:
        path = self.running(SENSORS)
        self.project.ramify("stop", path, "-y")
        self.nodes[path] = STOPPED

    def start(self) -> None:
        self.project.ramify("start", "/", "-y")
        self.nodes = {path: state and ACTIVE for path, state in self.nodes.items()}

    def restart(self) -> None:
        path = self.running(INITIATORS)
        self.project.ramify("restart", f"{path}/.", "-y")

    def uninstall(self) -> None:
        room = self.running(["/site/room1", "/site/room2"])
        self.project.ramify("uninstall", room, "-y")
        self.nodes |= {path: GONE for path in self.nodes if path.startswith(room)}

    def roll_back(self) -> None:
        self.change()
        self.applied()
        assert self.project.ramify("rollback", "/", "-y").returncode == 0

    # What goes wrong.

    def service_dies(self) -> None:
        self.kill(self.running(SENSORS))

    def initiator_dies(self) -> None:
        self.kill(self.running(INITIATORS))

    def kill(self, path: str) -> None:
        """As kill -9; the next apply finds it, and has it run again."""
        for pid in json.loads(self.journal(path).read_text())["pids"].values():
            os.killpg(pid[0], signal.SIGKILL)
        self.applied()

    def operator_dies(self) -> None:
        """As kill -9, as soon as the first host was given something."""
        self.change()
        journals = {path: self.journal(path) for path in self.nodes if self.nodes[path]}
        before = {path: file.read_bytes() for path, file in journals.items()}
        words = [sys.executable, "-m", "ramify", "-C", str(self.project.folder), "apply", "-y"]
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while running.poll() is None and all(journals[path].read_bytes() == before[path] for path in before):
            time.sleep(0.005)
        running.kill()
        assert running.wait() == -signal.SIGKILL
        self.applied()

    def somebody_edits(self) -> None:
        path = self.running(SENSORS)
        self.project.edit(path, "config/sensor.conf", "limit = 10", "limit = 99")
        assert self.project.drift().keys() == {path}
        self.applied()

    def is_as_expected(self) -> None:
        """What hosts say is what the model says."""
        found = {one["path"]: one["service"] for one in self.project.json("status", "--refresh")["nodes"]}
        told = {path: state for path, state in found.items() if state != "non-existent"}
        assert told == {path: state for path, state in self.nodes.items() if state}


ALWAYS = [
    Played.operator_dies,
    Played.initiator_dies,
    Played.service_dies,
    Played.somebody_edits,
    Played.stop,
]
MORE = [Played.start, Played.restart, Played.uninstall, Played.roll_back]


@pytest.mark.parametrize("seed", [4])
def test_a_random_sequence_ends_as_the_model_says(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    played = Played(project, chance)
    for step in chance.sample([*ALWAYS, *chance.sample(MORE, 2)], len(ALWAYS) + 2):
        step(played)
        played.is_as_expected()
        if not all(played.nodes.values()):
            played.applied()

    played.applied()
    played.is_as_expected()
    assert project.drift() == {}
    assert project.ramify("apply", "-y").stdout.startswith("No changes. Your fleet matches the hierarchy.\n")
