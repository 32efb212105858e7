"""A random sequence of all that can be asked for and go wrong, on real processes, comes to a good end."""

import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.test_drift import Project

pytestmark = pytest.mark.lab

SELECTIONS = ["/", "/site/room1", "/site/room2/.", "/site/room1/sensor*"]
NODES = {"/site", *(f"/site/room{n}{name}" for n in (1, 2) for name in ("", "/sensor1", "/sensor2"))}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "acme")
    made.ramify("init", str(made.folder))
    try:
        assert made.ramify("lab", "up").returncode == 0
        assert made.ramify("apply", "-y").returncode == 0
        yield made
    finally:
        made.ramify("lab", "down")


def kill(project: Project, path: str) -> None:
    """Whatever runs for a node, an initiator or a service, dies."""
    journal = json.loads((project.node(path) / "node.json").read_text())
    for pid in journal["pids"].get("service", [])[:1]:
        os.killpg(pid, signal.SIGKILL)


def change(project: Project, chance: random.Random) -> None:
    """Another value for everybody."""
    hierarchy = project.folder / "hierarchy.yml"
    lines = hierarchy.read_text().splitlines()
    said = f"interval: {chance.randint(1, 9)}"
    hierarchy.write_text("\n".join(_with(line, said) for line in lines) + "\n")


def _with(line: str, said: str) -> str:
    at = line.find("interval: ")
    return line if at < 0 else f"{line[:at]}{said}{line[at + 11 :]}"


@pytest.mark.parametrize("seed", [4])
def test_a_random_sequence_ends_as_the_hierarchy_says(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    held: set[str] = set()
    for _ in range(4):
        match chance.choice(["kill", "change", "stop", "restart", "rollback", "apply"]):
            case "kill":
                kill(project, chance.choice(sorted(NODES - held)))
            case "change":
                change(project, chance)
            case "stop":
                path = chance.choice(["/site/room1/sensor1", "/site/room2/sensor2"])
                project.ramify("stop", path, "-y")
                held.add(path)
            case word:
                project.ramify(word, chance.choice(SELECTIONS), "-y")

    assert project.ramify("status", "--refresh").returncode == 0
    assert project.ramify("start", "/", "-y").returncode == 0
    project.ramify("status", "--refresh")
    report = project.json("apply", "-y")

    assert report["counts"]["done"] + report["counts"]["unchanged"] == len(NODES), report
    found = project.json("status", "--refresh")["nodes"]
    assert {node["path"]: node["service"] for node in found} == dict.fromkeys(NODES, "active")
    assert project.ramify("apply", "-y").stdout == "No changes. Your fleet matches the hierarchy.\n"
