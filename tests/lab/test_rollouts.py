"""A version that is ill on some of forty nodes: it stops within its limit, and every node is as it was."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ramify.directory.sqlite import Directory
from ramify.model.standing import State

pytestmark = pytest.mark.lab

SITES, LEAVES = 4, 9
ALL = SITES * (LEAVES + 1)
MOST = 3
FILES: dict[str, Any] = {
    "ramify.yml": {
        "project": "waves",
        "hierarchy": "hierarchy.yml",
        "inventory": "inventory.yml",
        "repository": "repository.yml",
    },
    "hierarchy.yml": {
        "rollout": {"waves": [1, "50%", "100%"], "max_fail": MOST, "on_failure": "rollback"},
        "tree": {f"site[1-{SITES}]": {"children": {f"leaf[1-{LEAVES}]": {}}}},
    },
    "inventory.yml": {
        "defaults": {"transport": "lab"},
        "hosts": {f"site[1-{SITES}]": {}, **{f"box{s}x[1-{LEAVES}]": {} for s in range(1, SITES + 1)}},
        "placements": [
            {"match": "/site*", "host": "site{{ node.index }}"},
            {"match": "/site*/leaf*", "host": "box{{ parent.index }}x{{ node.index }}"},
        ],
    },
    "repository.yml": {
        "code": [
            {"match": "/site*", "ref": "collection:ramify.core.initiator"},
            {"match": "/site*/leaf*", "ref": "agent"},
        ]
    },
    "agent/component.yml": {
        "start": "sh run.sh",
        "health": {"exec": "sh healthy.sh", "interval": 0.2, "retries": 1, "start_period": 1},
    },
}
HEALTHY = 'test ! -e "$RAMIFY_DATA/broken"\n'
ILL = 'case "$RAMIFY_PATH" in */leaf[2468]) echo "this one does not feel well"; exit 1;; esac\n'


def ramify(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ramify", "-C", str(folder), *words]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=600)


def release(folder: Path, version: str, health: str) -> None:
    (folder / "agent/run.sh").write_text(f"echo version {version}\nexec sleep 100000\n")
    (folder / "agent/healthy.sh").write_text(health)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Path]:
    """A project on its lab, with the first version everywhere."""
    tmp_path = tmp_path_factory.mktemp("rollouts")
    built(tmp_path)
    for name, value in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(value))
    release(tmp_path, "1", HEALTHY)
    try:
        assert ramify(tmp_path, "lab", "up").returncode == 0
        applied = ramify(tmp_path, "apply", "-y")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        yield tmp_path
    finally:
        ramify(tmp_path, "lab", "down")


def standing(folder: Path) -> dict[str, tuple[str, str, str]]:
    """How every node stands, as its host says: its state, and the digest of what runs."""
    looked = ramify(folder, "status", "--refresh", "--json")
    nodes = json.loads(looked.stdout)["nodes"]
    return {node["path"]: (node["environment"], node["service"], node["digest"]) for node in nodes}


def test_a_version_that_is_ill_on_some_nodes_stops_within_its_limit_and_is_taken_back(project: Path) -> None:
    before = standing(project)
    assert len(before) == ALL
    release(project, "2", ILL)

    run = ramify(project, "apply", "-y", "--json")

    assert run.returncode == 5, run.stderr
    told = json.loads(run.stdout)
    assert 1 <= told["counts"]["failed"] <= MOST
    assert sum(told["counts"].values()) == len(told["results"]) == ALL
    assert told["halted"]["action"] == "rollback"
    # Those that were ill have gone back by themselves.
    begun = {one["path"] for one in told["results"] if one["outcome"] == "done"}
    back = {one["path"]: one["outcome"] for one in told["rollback"]["results"]}
    assert begun <= back.keys()
    assert told["rollback"]["left"] == []
    assert standing(project) == before
    status = ramify(project, "rollout", "status").stdout
    assert re.match(r"Rollout [0-9a-f]{12}: rolled back\n", status), status


def touched(folder: Path) -> bool:
    """Whether a rollout goes on that has changed something; what another process does is no event here."""
    held = Directory(folder / ".ramify/directory.db")
    try:
        last = held.rollouts.all()[0]
        return last.state is State.RUNNING and bool(held.history.changes(last.run))
    finally:
        held.close()


def test_a_run_is_paused_from_another_terminal_and_goes_on_as_it_was_planned(project: Path) -> None:
    go = project / "go"
    gate = ["sh", "-c", f"until test -e {go}; do sleep 0.1; done"]
    hierarchy = {**FILES["hierarchy.yml"], "rollout": {"waves": [1, "100%"], "gate": gate}}
    (project / "hierarchy.yml").write_text(json.dumps(hierarchy))
    release(project, "3", HEALTHY)
    line = [sys.executable, "-m", "ramify", "-C", str(project), "apply", "-y", "/site1"]

    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout is not None
        # From here on the first wave is begun, and a gate is shut that nobody opens.
        shown = "".join(iter(run.stdout.readline, "Rollout:\n"))
        while not touched(project):
            assert run.poll() is None, shown
            time.sleep(0.02)
        paused = ramify(project, "rollout", "pause")
        said, _ = run.communicate(timeout=120)
    (project / "agent/run.sh").write_text("this is of no concern to a run that goes on\n")
    go.touch()
    resumed = ramify(project, "rollout", "resume", "--json")

    assert paused.returncode == 0, paused.stderr
    assert (run.returncode, "\nPaused by " in said) == (2, True), said
    assert resumed.returncode == 0, resumed.stderr
    assert set(json.loads(resumed.stdout)["counts"]) >= {"done", "unchanged"}
    release(project, "3", HEALTHY)
    assert ramify(project, "plan", "/site1", "--detailed-exitcode").returncode == 0
    first = re.search(r"Run ([0-9a-f]{12}) begins nothing new", paused.stdout)
    assert first is not None
    assert ": resumed, by run " in ramify(project, "rollout", "status", first[1]).stdout


def test_a_way_back_that_fails_is_an_end_of_its_own_and_is_told(project: Path) -> None:
    # In its data a version may leave what no earlier one can live with.
    spoils = 'case "$RAMIFY_PATH" in /site2/leaf3) touch "$RAMIFY_DATA/broken"; exit 1;; esac\n'
    assert ramify(project, "apply", "-y", "/site2").returncode == 0
    hierarchy = {**FILES["hierarchy.yml"], "rollout": {"waves": [2, "100%"], "on_failure": "rollback"}}
    (project / "hierarchy.yml").write_text(json.dumps(hierarchy))
    before = standing(project)
    release(project, "4", spoils)

    failed = ramify(project, "apply", "-y", "/site2", "--json")

    assert failed.returncode == 2, failed.stdout + failed.stderr
    last, told = json.loads(failed.stdout)["run"], json.loads(failed.stdout)["rollback"]
    assert told["left"] == ["/site2/leaf3"]
    assert re.match(r"going back failed: .* did not become healthy", told["why"][0]), told["why"]
    assert "Not rolled back." in failed.stderr
    status = ramify(project, "rollout", "status").stdout
    assert ": not rolled back\n" in status
    assert "  1 node not as before: /site2/leaf3\n    /site2/leaf3: going back failed: " in status

    (broken,) = project.glob(".ramify/lab/hosts/*/home/.ramify/nodes/site2+leaf3/data/broken")
    broken.unlink()
    assert ramify(project, "restart", "-y", "/site2/leaf3").returncode == 0

    assert standing(project) == before
    assert "By now all nodes are as before." in ramify(project, "rollout", "status", last).stdout
