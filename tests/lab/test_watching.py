"""Watching a run on the lab, with real processes and real signals: Ctrl-C, logs, followers."""

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

RAMIFY = [sys.executable, "-m", "ramify"]
SENSOR = "/site/room1/sensor1"
SERVICE = """#!/bin/sh
echo "up, and waiting"
while [ ! -e "$RAMIFY_DATA/talk" ]; do sleep 0.1; done
i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo "line $i"; done
exec sleep 1000
"""
INSTALL = """#!/bin/sh
trap '' TERM
echo "installing"
if [ -e {gate} ]; then
    : > {begun}/"$(basename "$HOME/..")-$$"
    while [ -e {gate} ]; do sleep 0.1; done
fi
"""
PATIENCE = 60.0

_numbers = itertools.count()


def ramify(project: Path, *words: str, code: int = 0) -> str:
    line = [*RAMIFY, "-C", str(project), *words]
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout


def eventually(condition: Callable[[], Any]) -> Any:
    """Wait until something holds; what it is then."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Path]:
    """Two rooms with two sensors each, whose installers wait while there is a file `gate`."""
    folder = tmp_path_factory.mktemp("watching")
    project = folder / "p"
    subprocess.run([*RAMIFY, "init", str(project)], check=True, capture_output=True)
    built(project)
    (folder / "begun").mkdir()
    (project / "sensor/sensor.sh").write_text(SERVICE)
    install = INSTALL.format(gate=folder / "gate", begun=folder / "begun")
    (project / "sensor/install.sh").write_text(install)
    with (project / "sensor/component.yml").open("a") as file:
        file.write('install: ["sh", "install.sh"]\n')
    ramify(project, "lab", "up")
    try:
        yield project
    finally:
        ramify(project, "lab", "down")


@pytest.fixture
def project(deployed: Path) -> Iterator[Path]:
    """The same for each test: all of it is there as the project's files say, and these are as they were."""
    files = [deployed / name for name in ("hierarchy.yml", "sensor/install.sh", "sensor/sensor.sh")]
    texts = [file.read_text() for file in files]
    ramify(deployed, "apply", "-y")
    try:
        yield deployed
    finally:
        (deployed.parent / "gate").unlink(missing_ok=True)
        for file in (deployed.parent / "begun").iterdir():
            file.unlink()
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)


def change(project: Path, text: str = "") -> None:
    """Have all sensors installed anew by the next apply, for none of them has been like this before."""
    with (project / "sensor/install.sh").open("a") as file:
        file.write(f": {next(_numbers)}\n{text}\n")


def processes(project: Path) -> dict[int, str]:
    """Installers, services, stubs and supervisors on the lab: whatever descends from it, or works in it."""
    lab = f"{project}/.ramify/lab/hosts/"
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and str((folder / "cwd").readlink()).startswith(lab):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


@contextmanager
def started(project: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    line = [*RAMIFY, "-C", str(project), *words]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def installing(project: Path) -> Iterator["subprocess.Popen[str]"]:
    """An apply whose four sensors are being installed."""
    change(project)
    (project.parent / "gate").touch()
    with started(project, "apply", "-y", "--json") as process:
        eventually(lambda: len(list((project.parent / "begun").iterdir())) == 4)
        yield process


def ended(process: "subprocess.Popen[str]") -> tuple[dict[str, str], str]:
    """The outcomes that were told, and what was said beside them."""
    out, err = process.communicate(timeout=PATIENCE)
    found = json.loads(out)
    assert sum(found["counts"].values()) == len(found["results"]) == 7
    return {one["path"]: one["outcome"] for one in found["results"]}, err


def test_ctrl_c_once_lets_what_is_in_flight_end(project: Path) -> None:
    with installing(project) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any("nothing new is begun" in line for line in said)
        (project.parent / "gate").unlink()
        found, _ = ended(process)
    assert process.returncode == 130
    assert {outcome for path, outcome in found.items() if "sensor" in path} == {"done"}
    assert ramify(project, "rollout", "status").startswith("Rollout ")
    assert ": done\n" in ramify(project, "rollout", "status")


def test_what_ctrl_c_left_of_a_lifecycle_command_is_gone_on_with_and_nothing_twice(project: Path) -> None:
    hierarchy = project / "hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text() + "rollout: {waves: [1, 100%]}\n")
    ramify(project, "apply", "-y")
    (project.parent / "gate").touch()
    with started(project, "configure-env", "-y", "/site/room1") as process:
        eventually(lambda: list((project.parent / "begun").iterdir()))
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("nothing new is begun" in line for line in iter(process.stderr.readline, ""))
        (project.parent / "gate").unlink()
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "3 nodes planned: 2 done, 0 unchanged, 0 failed, 0 offline, 1 skipped" in out
    assert "`ramify rollout resume" in out
    assert "Configure-env complete! 1 node planned: 1 done" in ramify(project, "rollout", "resume")


def test_only_what_failed_is_applied_again(project: Path) -> None:
    change(project, f'case "$RAMIFY_DATA" in *room1+sensor2*) [ -e {project}/well ];; esac')
    ramify(project, "apply", "-y", code=5)  # what ran before runs again
    (project / "well").touch()
    ramify(project, "stop", "-y", SENSOR)
    failed = json.loads(ramify(project, "apply", "--only", "failed", "-y", "--json"))
    assert {one["path"]: one["outcome"] for one in failed["results"]} == {"/site/room1/sensor2": "done"}
    assert "no node that is selected ended as failed" in _refused(project, "apply", "--only", "failed", "-y")
    ramify(project, "start", "-y", SENSOR)


def test_ctrl_c_twice_stops_everything_down_to_the_leaves_and_leaves_nothing_running(project: Path) -> None:
    with installing(project) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("nothing new is begun" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        found, err = ended(process)
    assert "Stopping what is in flight" in err
    assert process.returncode == 130
    sensors = {path: outcome for path, outcome in found.items() if "sensor" in path}
    assert set(sensors.values()) == {"failed"}
    assert len(sensors) == 4
    left = processes(project)
    assert not [line for line in left.values() if "install.sh" in line], left
    (project.parent / "gate").unlink()
    assert "7 nodes planned: 4 done, 3 unchanged" in ramify(project, "apply", "-y")


def test_followed_nodes_are_told_from_their_installers_to_the_end_of_the_run(project: Path) -> None:
    change(project)
    (project.parent / "gate").touch()
    with started(project, "apply", "-y", "--json", "--follow", SENSOR) as process:
        assert process.stderr is not None
        assert f"{SENSOR} install | installing\n" in iter(process.stderr.readline, "")
        (project.parent / "gate").unlink()
        found, err = ended(process)
    assert {outcome for path, outcome in found.items() if "sensor" in path} == {"done"}
    assert [line for line in err.splitlines() if " | " in line] == [f"{SENSOR} service | up, and waiting"]


def test_logs_come_through_the_initiators(project: Path) -> None:
    assert ramify(project, "logs", SENSOR) == "up, and waiting\n"
    assert ramify(project, "logs", "--install", SENSOR) == "installing\n"
    assert ramify(project, "logs", "/site/room*/sensor*") == (
        "==> /site/room[1-2]/sensor[1-2] <==\nup, and waiting\n\n"
    )
    ramify(project, "restart", "-y", SENSOR)
    assert ramify(project, "logs", "--previous", SENSOR) == "up, and waiting\n"
    assert 'Did you mean "room2"?' in _refused(project, "logs", "/site/room9")
    ramify(project, "uninstall", "-y", SENSOR)
    assert f"{SENSOR} has not been deployed" in _refused(project, "logs", SENSOR)


def _refused(project: Path, *words: str) -> str:
    line = [*RAMIFY, "-C", str(project), *words]
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    return done.stderr


def test_many_follow_one_node_and_their_end_ends_everything_below(project: Path) -> None:
    before = set(processes(project))
    data = next(project.glob(".ramify/lab/hosts/*/home/.ramify/nodes/site+room1+sensor1/data"))
    with started(project, "logs", "-f", SENSOR) as one, started(project, "logs", "-f", SENSOR) as other:
        for follower in (one, other):
            assert follower.stdout is not None
            assert follower.stdout.readline() == "up, and waiting\n"
        (data / "talk").touch()
        for follower in (one, other):
            assert follower.stdout is not None
            lines = [follower.stdout.readline() for _ in range(5000)]
            assert lines == [f"line {n}\n" for n in range(1, 5001)]
        one.send_signal(signal.SIGINT)
        assert one.wait(PATIENCE) == 130
        other.send_signal(signal.SIGKILL)
        other.wait(PATIENCE)
    eventually(lambda: {pid for pid, line in processes(project).items() if "sleep" not in line} <= before)
    (data / "talk").unlink()
    ramify(project, "restart", "-y", SENSOR)
