"""Saved plans on the lab: of every command, of a signed project, with secrets; done once, and just so."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

NOTHING = "Nothing to do. All that this plan says is done."
ROOM1, ROOM2 = ({f"/site/{room}/sensor{n}" for n in (1, 2)} for room in ("room1", "room2"))


class Project:
    """A project on its lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ramify(self, *words: str, said: str = "", status: int = 0) -> str:
        line = [sys.executable, "-m", "ramify", *words]
        done = subprocess.run(
            line, cwd=self.folder, input=said, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr if "--json" not in words else done.stdout

    def outcomes(self, *words: str, status: int = 0) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for result in json.loads(self.ramify(*words, "--json", status=status))["results"]:
            found.setdefault("stale" if result["stale"] else result["outcome"], set()).add(result["path"])
        return found

    def put(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))

    def sign(self) -> None:
        self.ramify("sign", "--key", str(self.folder.parent / "ops"))

    def pids(self) -> dict[str, object]:
        """What every node's processes are now."""
        journals = self.folder.glob(".ramify/lab/hosts/*/home/.ramify/nodes/*/node.json")
        return {one["path"]: one["pids"] for one in (json.loads(file.read_text()) for file in journals)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Project]:
    """A signed project; the sensors of one room are given a secret. Applied."""
    top = tmp_path_factory.mktemp("saved")
    made = Project(top / "p")
    subprocess.run([sys.executable, "-m", "ramify", "init", str(made.folder)], check=True, timeout=60)
    built(made.folder)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", top / "ops"], check=True
    )
    (made.folder / "allowed_signers").write_text(f"ops@acme {(top / 'ops.pub').read_text()}")
    (made.folder / "trust.yml").write_text(
        "signers: allowed_signers\nrules:\n  - {paths: ['/**'], signers: [ops@acme]}\n"
    )
    (top / "private").write_text("one\n")
    with (made.folder / "ramify.yml").open("a") as file:
        file.write("trust: trust.yml\nsecrets: {word: {file: ../private}}\n")
    (made.folder / "config/secret.yml").write_text('env: {WORD: "{{ secrets.word }}"}\n')
    with (made.folder / "repository.yml").open("a") as file:
        file.write('  - {match: "/site/room1/sensor*", ref: config/secret.yml}\n')
    try:
        made.ramify("lab", "up")
        made.sign()
        made.ramify("apply", "-y")
        yield made
    finally:
        made.ramify("lab", "down")


def test_what_was_signed_and_saved_is_done_whatever_the_files_say_but_with_no_other_secret(
    project: Project,
) -> None:
    secret = project.folder.parent / "private"
    project.put("hierarchy.yml", "interval: 2", "interval: 3")
    project.sign()
    project.ramify("plan", "-o", "change.plan")
    project.put("hierarchy.yml", "interval: 3", "interval: 4")
    project.ramify("plan", status=1)  # nobody has signed that

    secret.write_text("two\n")
    strict = project.outcomes("apply", "change.plan", "--strict", status=3)
    told = project.ramify("apply", "change.plan", status=3)
    assert strict["stale"] == ROOM1
    assert "skipped" in strict
    assert "changed after this was planned: /site/room1/sensor[1-2]." in told
    assert "2 done, 3 unchanged" in told

    secret.write_text("one\n")
    assert project.outcomes("apply", "change.plan")["done"] == ROOM1
    assert NOTHING in project.ramify("apply", "change.plan")
    secret.write_text("three\n")
    assert NOTHING in project.ramify("apply", "change.plan")  # it hands out nothing

    project.put("hierarchy.yml", "interval: 4", "interval: 5")
    project.sign()
    project.ramify("plan", "-o", "change.plan")
    (project.folder / ".ramify/secrets.key").unlink()
    told = project.ramify("apply", "change.plan")
    assert "told apart with another key" in told
    assert "4 done" in told


def test_every_command_saves_its_plan_and_a_saved_one_is_done_once(project: Project) -> None:
    before = project.pids()
    project.ramify("restart", "/site/room2", "-o", "restart.plan")
    assert project.pids() == before
    assert project.outcomes("apply", "restart.plan") == {"done": {"/site/room2", *ROOM2}}
    after = project.pids()
    assert {path for path in after if after[path] != before[path]} == {"/site/room2", *ROOM2}
    assert NOTHING in project.ramify("apply", "restart.plan")
    assert project.pids() == after

    project.ramify("stop", "/site/room1", "-o", "stop.plan")
    project.ramify("stop", "-y", "/site/room1/sensor2")
    assert project.outcomes("apply", "stop.plan") == {
        "done": {"/site/room1", "/site/room1/sensor1"},
        "unchanged": {"/site/room1/sensor2"},
    }
    project.ramify("start", "/site/room1", "-o", "start.plan")
    project.ramify("start", "-y", "/site/room1/.")
    project.ramify("deactivate", "-y", "/site/room1/sensor1")
    assert "Start complete! 3 nodes planned: 2 done, 1 unchanged" in project.ramify("apply", "start.plan")

    project.ramify("rollback", "/site/room2", "-o", "back.plan")
    assert "Rollback complete!" in project.ramify("apply", "back.plan")
    (run, *_) = json.loads(project.ramify("history", "--json"))["runs"]
    assert (run["kind"], bool(run["back_to"]), bool(run["saved"])) == ("rollback", True, True)
    assert NOTHING in project.ramify("apply", "back.plan")

    project.ramify("uninstall", "/", "-o", "gone.plan")
    assert "Uninstall cancelled" in project.ramify("apply", "gone.plan", status=1)
    assert "7 done" in project.ramify("apply", "gone.plan", said="yes\n")
    assert NOTHING in project.ramify("apply", "gone.plan")
    assert project.pids() == {}
