"""The lifecycle commands on the lab: what docs/lifecycle.md shows is true, and real processes obey."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

PAGE = (Path(__file__).parents[2] / "docs/lifecycle.md").read_text()
ROOM1 = {"/site/room1", "/site/room1/sensor1", "/site/room1/sensor2"}
SENSORS2 = {"/site/room2/sensor1", "/site/room2/sensor2"}

RELOADING = """\
trap 'cat "$RAMIFY_CONFIG/word"' HUP
while :; do sleep 0.1; done
"""


def ramify(folder: Path, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ramify", *words]
    how: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True, "timeout": 300}
    return subprocess.run(line, check=False, input=said, **how)


def done(folder: Path, *words: str) -> dict[str, Any]:
    """The JSON document of a command that went well."""
    result = ramify(folder, *words, "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def states(folder: Path) -> dict[str, str]:
    """What hosts say of the services, where somebody can be asked."""
    return {node["path"]: node["service"] for node in done(folder, "status", "--refresh")["nodes"]}


def processes(folder: Path) -> set[str]:
    """The nodes whose services run, by what their processes were started with."""
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            data = environ.read_bytes()
        except OSError:
            continue
        path = re.search(rb"\0RAMIFY_PATH=([^\0]+)", data)
        if path and f"{folder}/.ramify/lab".encode() in data:
            found.add(path[1].decode())
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Path]:
    """A project as `init` writes it, on its lab; its sensors reload."""
    folder = tmp_path_factory.mktemp("lifecycle") / "try"
    assert ramify(folder.parent, "init", "try").returncode == 0
    built(folder)
    with (folder / "sensor/component.yml").open("a") as file:
        file.write("reload: {signal: HUP}\n")
    (folder / "sensor/sensor.sh").write_text(RELOADING)
    with (folder / "config/sensor.yml").open("a") as file:
        file.write("files: {word: first}\n")
    try:
        assert ramify(folder, "lab", "up").returncode == 0
        yield folder
    finally:
        ramify(folder, "lab", "down")


@pytest.fixture
def project(lab: Path) -> Path:
    """All of it deployed, whatever the test before has left."""
    done(lab, "apply", "-y")
    return lab


def test_a_stopped_subtree_stays_so_until_it_is_started(project: Path) -> None:
    everything = processes(project)

    stopped = done(project, "stop", "-y", "/site/room1")
    after = processes(project)
    applied = done(project, "apply", "-y")
    plan = ramify(project, "plan").stdout
    found = states(project)
    done(project, "start", "-y", "/site/room1")

    assert {result["path"] for result in stopped["results"]} == ROOM1
    assert after == processes(project) - ROOM1
    assert applied["plan"]["unchanged"] >= len(ROOM1)
    assert "it was stopped on purpose" in plan
    assert {path for path, service in found.items() if service == "configured"} == ROOM1
    assert processes(project) == everything


def test_an_initiator_stopped_alone_leaves_its_children_running(project: Path) -> None:
    done(project, "stop", "-y", "/site/room1/.")
    below = ramify(project, "stop", "-y", "/site/room1/sensor1")

    assert below.returncode == 2
    assert "start it first" in below.stdout
    assert processes(project) & ROOM1 == ROOM1 - {"/site/room1"}

    done(project, "uninstall", "-y", "/site/room1")
    assert not processes(project) & ROOM1
    assert not list(project.glob(".ramify/lab/hosts/*/home/.ramify/nodes/site+room1*"))


def test_new_files_are_read_without_a_restart(project: Path) -> None:
    before = {path: found["release"] for path, found in records(project).items()}
    (project / "config/sensor.yml").write_text(
        (project / "config/sensor.yml").read_text().replace("first", "second")
    )
    plan = done(project, "plan")
    changed = [node for node in plan["nodes"] if node["action"] == "update"]
    done(project, "apply", "-y")

    assert {tuple(node["steps"]) for node in changed} == {("reload",)}
    assert len(changed) == 4
    assert {path: found["release"] for path, found in records(project).items()} == before
    assert done(project, "plan")["summary"]["unchanged"] == 7


def records(folder: Path) -> dict[str, Any]:
    """The journals of all nodes on the lab's hosts."""
    journals = folder.glob(".ramify/lab/hosts/*/home/.ramify/nodes/*/node.json")
    return {found["path"]: found for found in (json.loads(file.read_text()) for file in journals)}


def test_what_was_stopped_is_never_started_where_it_moves_to(project: Path) -> None:
    done(project, "stop", "-y", "/site/room1/sensor1")
    file = project / "inventory.yml"
    place = '  - {match: "/site/room1/sensor1", host: center}\n'
    file.write_text(file.read_text().replace("placements:", f"placements:\n{place}", 1))

    plan = ramify(project, "plan").stdout
    done(project, "apply", "-y")

    assert "; it was stopped on purpose, and stays so" in plan
    (node,) = project.glob(".ramify/lab/hosts/*/home/.ramify/nodes/site+room1+sensor1")
    assert node.parents[3].name == "center"
    assert not list(node.glob("log/service*"))
    assert processes(project) == {"/site", *ROOM1, "/site/room2", *SENSORS2} - {"/site/room1/sensor1"}
    assert ramify(project, "plan").stdout.startswith("No changes.")
    done(project, "start", "-y", "/site/room1/sensor1")
    assert list(node.glob("log/service*"))


def test_everything_is_uninstalled_only_after_a_typed_yes(project: Path) -> None:
    refused = ramify(project, "uninstall", "-y", "/")
    kept = processes(project)
    gone = ramify(project, "uninstall", "/", said="yes\n")

    assert refused.returncode == 1
    assert kept
    assert "data, logs and earlier releases are lost" in refused.stdout
    assert gone.returncode == 0, gone.stderr
    assert not processes(project)
    assert records(project) == {}


def test_what_the_page_shows_works(project: Path) -> None:
    block = re.search(r"```console\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    lines = [line[2:].partition("  #")[0].replace("'", "").split() for line in block[1].splitlines()]

    for line in lines:
        result = ramify(project, *line[1:])
        assert result.returncode == 0, (line, result.stdout, result.stderr)
    assert set(states(project).values()) == {"active"}
