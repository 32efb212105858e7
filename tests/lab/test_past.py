"""A room goes back to the version before, without a byte, and nobody disturbs a run that goes on."""

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

ROOM1 = {"/site/room1/sensor1", "/site/room1/sensor2"}
HOSTS = ".ramify/lab/hosts/*/home/.ramify/"
WAITS = "/site/room1/sensor1"
INSTALL = """\
echo again >> "$RAMIFY_DATA/installs"
if test "$RAMIFY_DATA" -ef {data} && test -p {begun}; then echo > {begun}; cat {go}; fi
"""


class Project:
    """A project on its lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def line(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "ramify", "-C", str(self.folder), *words]

    def ramify(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.line(*words), check=False, capture_output=True, text=True, timeout=300)

    def json(self, *words: str) -> Any:
        return json.loads(self.ramify(*words, "--json").stdout)

    def apply(self, version: str) -> None:
        """Write a version of the sensors, and apply it."""
        self.write(version)
        done = self.ramify("apply", "-y")
        assert done.returncode == 0, done.stdout + done.stderr

    def write(self, version: str) -> None:
        (self.folder / "sensor/version").write_text(version)

    def node(self, path: str) -> Path:
        """The folder of a node on its host."""
        (found,) = self.folder.glob(f"{HOSTS}nodes/{path[1:].replace('/', '+')}")
        return found

    def runs(self, path: str) -> str:
        """The version that a sensor runs."""
        return (self.node(path) / "current/code/version").read_text()

    def installs(self) -> int:
        """How often installers ran in the first room."""
        return sum(len((self.node(path) / "data/installs").read_text().splitlines()) for path in ROOM1)

    def senders_packs(self, path: str) -> set[Path]:
        """The packs of a node's code, with all who could send it to the hosts of the first room."""
        digest = json.loads((self.node(path) / "current/order.json").read_text())["code"]["artifact"]
        mine = {self.node(path).parents[1] / "packs" for path in ROOM1}
        found = (*self.folder.glob(f".ramify/packs/{digest}*"), *self.folder.glob(f"{HOSTS}packs/{digest}*"))
        return {pack for pack in found if pack.parent not in mine}

    def digests(self) -> dict[str, str]:
        return {node["path"]: node["digest"] for node in self.json("status", "--refresh")["nodes"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Project]:
    tmp_path = tmp_path_factory.mktemp("past")
    made = Project(tmp_path / "acme")
    subprocess.run([sys.executable, "-m", "ramify", "init", str(made.folder)], check=True, timeout=60)
    built(made.folder)
    with (made.folder / "sensor/component.yml").open("a") as file:
        file.write("install: sh install.sh\n")
    data = made.folder / f".ramify/lab/hosts/box1/home/.ramify/nodes/{WAITS[1:].replace('/', '+')}/data"
    names = {"data": data, "begun": tmp_path / "begun", "go": tmp_path / "go"}
    (made.folder / "sensor/install.sh").write_text(INSTALL.format(**names))
    try:
        assert made.ramify("lab", "up").returncode == 0
        made.apply("1")
        yield made
    finally:
        made.ramify("lab", "down")


def test_a_room_goes_back_without_a_byte_and_the_next_plan_wants_the_newer_version(project: Project) -> None:
    before, kept = project.digests(), project.senders_packs(WAITS)
    project.apply("2")
    after = project.digests()
    installed = project.installs()
    assert len(kept) > 1
    for pack in kept:  # whoever had to send anything again could not
        pack.unlink()

    back = project.ramify("rollback", "/site/room1", "-y")

    assert back.returncode == 0, back.stdout + back.stderr
    assert "Rollback complete!" in back.stdout
    assert project.digests() == {path: (before if path in ROOM1 else after)[path] for path in after}
    assert {path: project.runs(path) for path in ROOM1} == dict.fromkeys(ROOM1, "1")
    assert project.runs("/site/room2/sensor1") == "2"
    assert project.installs() == installed
    plan = project.json("plan")
    assert {node["path"] for node in plan["nodes"] if node["action"] == "update"} == ROOM1
    rollback, second, first = project.json("history", "/site/room1")["runs"]
    assert (rollback["kind"], rollback["selection"], rollback["back_to"]) == (
        "rollback", ["/site/room1"], first["run"],
    )  # fmt: skip
    assert {change["path"]: change["digest"] for change in rollback["changes"]} == {
        path: before[path] for path in ROOM1
    }
    again = project.ramify("rollback", "/site/room1", "-y", "--to", second["run"][:6])
    assert again.returncode == 0, again.stderr
    assert project.digests() == after


def test_a_second_operator_is_refused_while_a_run_goes_on_and_told_whose_it_is(project: Project) -> None:
    begun, go = project.folder.parent / "begun", project.folder.parent / "go"
    for fifo in (begun, go):
        os.mkfifo(fifo)
    project.write("3")
    heard = os.open(begun, os.O_RDONLY | os.O_NONBLOCK)
    line = project.line("apply", "-y", "/site/room1")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as first:
        ready, _, _ = select.select([heard], [], [], 60)
        os.close(heard)
        (lock,) = project.json("lock", "list")["locks"]
        refused = project.ramify("apply", "-y", "/site")
        back = project.ramify("rollback", "/site/room1/sensor2", "-y")
        beside = project.ramify("apply", "-y", "/site/room2")
        history = project.ramify("history", "-n", "2").stdout
        begun.unlink()
        go.write_text("")
        said, _ = first.communicate(timeout=120)

    assert ready, said
    assert first.returncode == 0, said
    assert (lock["pid"], lock["paths"], lock["held"]) == (first.pid, ["/site/room1"], True)
    for second in (refused, back):
        assert second.returncode == 3, second.stdout + second.stderr
        told = (
            rf"error\[locked\]: run {lock['run']} \(apply\) of .*, pid {first.pid} works on /site/room1 since"
        )
        assert re.search(told, second.stderr), second.stderr
    assert beside.returncode == 0, beside.stdout + beside.stderr
    assert re.search(rf"^{lock['run']} .* apply /site/room1 .*going on$", history, re.MULTILINE), history
    assert project.json("lock", "list")["locks"] == []
    assert project.ramify("plan", "--detailed-exitcode").returncode == 0
