"""Somebody works on hosts by hand: it is found, shown, and put right or not, as the hierarchy says."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

CONF = "files:\n  sensor.conf: |\n    interval = {{ vars.interval }}\n    limit = 10\n"
EDITED, KILLED, PATCHED = "/site/room1/sensor1", "/site/room1/sensor2", "/site/room2/sensor2"


class Project:
    """A project on its lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ramify(self, *words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "ramify", "-C", str(self.folder), *words]
        return subprocess.run(line, check=False, capture_output=True, text=True, timeout=300)

    def json(self, *words: str) -> Any:
        return json.loads(self.ramify(*words, "--json").stdout)

    def node(self, path: str) -> Path:
        """The folder of a node on its host."""
        (found,) = self.folder.glob(f".ramify/lab/hosts/*/home/.ramify/nodes/{path[1:].replace('/', '+')}")
        return found

    def edit(self, path: str, file: str, old: str, new: str) -> None:
        there = self.node(path) / "current" / file
        there.write_text(there.read_text().replace(old, new))

    def drift(self) -> dict[str, Any]:
        return {node["path"]: node for node in self.json("status", "--drift", "--refresh")["nodes"]}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("drift") / "acme")
    subprocess.run([sys.executable, "-m", "ramify", "init", str(made.folder)], check=True, timeout=60)
    built(made.folder)
    with (made.folder / "config/sensor.yml").open("a") as file:
        file.write(CONF)
    try:
        assert made.ramify("lab", "up").returncode == 0
        yield made
    finally:
        made.ramify("lab", "down")


@pytest.fixture
def project(lab: Project) -> Iterator[Project]:
    """All of it as it should be, whatever the test before has left."""
    assert lab.ramify("apply", "-y", "--fix-drift").returncode == 0
    hierarchy = lab.folder / "hierarchy.yml"
    before = hierarchy.read_text()
    yield lab
    hierarchy.write_text(before)


def test_what_is_done_by_hand_is_found_shown_and_put_right(project: Project) -> None:
    assert project.drift() == {}
    project.edit(EDITED, "config/sensor.conf", "limit = 10", "limit = 99")
    project.edit(PATCHED, "code/sensor.sh", "\n", "\n# mine\n")
    journal = json.loads((project.node(KILLED) / "node.json").read_text())
    os.killpg(journal["pids"]["service"][0], signal.SIGKILL)

    found = project.drift()

    assert found.keys() == {EDITED, KILLED, PATCHED}
    (edit,), (patch,) = found[EDITED]["drift"], found[PATCHED]["drift"]
    assert (edit["name"], edit["how"]) == ("config/sensor.conf", "edited")
    assert (edit["expected_text"], edit["actual_text"]) == (
        "interval = 2\nlimit = 10\n", "interval = 2\nlimit = 99\n",
    )  # fmt: skip
    assert (patch["name"], patch["how"]) == ("code/sensor.sh", "edited")
    sides = [found[KILLED][side]["service"] for side in ("spec", "recorded", "found")]
    assert sides == ["active", "active", "configured"]

    plan = project.ramify("plan").stdout  # and asks nobody
    assert "-limit = 99" in plan
    assert "+limit = 10" in plan
    assert "drifted: code/sensor.sh edited" in plan
    assert plan.endswith("Plan: 0 to add, 3 to change, 0 to destroy.\n")

    done = project.json("apply", "-y")
    assert (done["counts"]["done"], done["counts"]["unchanged"]) == (3, 4)
    assert project.drift() == {}
    assert (project.node(EDITED) / "current/config/sensor.conf").read_text().endswith("limit = 10\n")
    assert project.ramify("apply", "-y").stdout == "No changes. Your fleet matches the hierarchy.\n"


def test_what_nobody_knows_and_what_was_otherwise_than_recorded_is_told_and_strays_are_left_alone(
    project: Project,
) -> None:
    stray = project.node(KILLED).parent / "site+room1+sensor1"
    shutil.copytree(project.node(EDITED), stray, symlinks=True)
    before = {file: file.stat().st_mtime_ns for file in stray.rglob("*")}
    journal = json.loads((project.node(KILLED) / "node.json").read_text())
    hierarchy = project.folder / "hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text().replace("interval: 2", "interval: 1"))

    told = project.json("status", "--refresh")
    os.killpg(journal["pids"]["service"][0], signal.SIGKILL)
    done = {result["path"]: result["message"] for result in project.json("apply", "-y")["results"]}

    (found,) = told["strays"]
    host = stray.parents[3].name
    assert (found["path"], found["host"], found["service"]) == (EDITED, host, "active")
    assert f"? {EDITED} on {host}: installed, " in project.ramify("plan", "--refresh").stderr
    assert {file: file.stat().st_mtime_ns for file in stray.rglob("*")} == before
    assert done[KILLED] == (
        "found installed, its service configured: configure, start instead of shutdown, configure, start"
    )
    assert {message for path, message in done.items() if path != KILLED} == {""}
    assert all(node["in_sync"] for node in project.json("status")["nodes"])
    shutil.rmtree(stray)


def test_what_may_not_be_overwritten_stays_until_somebody_says_so(project: Project) -> None:
    hierarchy = project.folder / "hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text().replace("tree:", "on_drift: stop\ntree:", 1))
    project.edit(EDITED, "config/sensor.conf", "limit = 10", "limit = 99")
    hierarchy.write_text(hierarchy.read_text().replace("interval: 2", "interval: 1"))

    stopped = project.ramify("apply", "-y")

    assert stopped.returncode == 2
    assert "drifted (config/sensor.conf edited): nothing is done until somebody has looked" in stopped.stdout
    assert "limit = 99" in (project.node(EDITED) / "current/config/sensor.conf").read_text()
    assert project.ramify("apply", "-y", "--fix-drift").returncode == 0
    assert (project.node(EDITED) / "current/config/sensor.conf").read_text() == "interval = 1\nlimit = 10\n"
    assert project.drift() == {}
