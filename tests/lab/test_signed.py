"""A signed project on the lab: what was signed runs, and nothing else, whoever on the way is hostile."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

PATCHED = """
import sys
from ramify.model.diagnostics import Diagnostics
from ramify.repository import seals
seals.check = lambda *_, **__: Diagnostics()
from ramify.__main__ import main
sys.argv = ["ramify", *sys.argv[1:]]
main()
"""
"""A copy of Ramify whose owner has taken the operator's own check out."""


def ramify(project: Path, *words: str, hostile: bool = False) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-c", PATCHED] if hostile else [sys.executable, "-m", "ramify"]
    line = [*start, "-C", str(project), *words]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=300)


def done(told: subprocess.CompletedProcess[str]) -> str:
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def key(folder: Path, name: str) -> str:
    """A new key; the line of it in an allowed_signers file."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True
    )
    return f"{name}@acme {(folder / f'{name}.pub').read_text()}"


def put(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Path]:
    """A project that ops may sign, and west for one of its two rooms; applied."""
    folder = tmp_path_factory.mktemp("signed")
    project = folder / "p"
    done(ramify(folder, "init", str(project)))
    built(project)
    (project / "allowed_signers").write_text(key(folder, "ops") + key(folder, "west"))
    (project / "trust.yml").write_text(
        "signers: allowed_signers\nrules:\n"
        "  - {paths: ['/**'], signers: [ops@acme]}\n"
        "  - {paths: ['/site/room1', '/site/room1/**'], signers: [west@acme]}\n"
    )
    with (project / "ramify.yml").open("a") as file:
        file.write("trust: trust.yml\nsecrets:\n  token: {file: ../token}\n")
    (folder / "token").write_text("token-that-was-first")
    put(project, "config/sensor.yml", "env:", "env:\n  TOKEN: '{{ secrets.token }}'\n ")
    try:
        done(ramify(project, "lab", "up"))
        sign(project, "ops")
        done(ramify(project, "apply", "-y"))
        yield project
    finally:
        ramify(project, "lab", "down")


def sign(project: Path, name: str) -> None:
    done(ramify(project, "sign", "--key", str(project.parent / name)))


def home(project: Path, host: str) -> Path:
    return project / ".ramify/lab/hosts" / host / "home/.ramify"


def outcomes(told: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    assert told.stdout, told.stderr
    results = json.loads(told.stdout)["results"]
    return {one["path"]: (one["outcome"], one["message"] + one["detail"]) for one in results}


def test_what_was_signed_runs_and_every_host_has_the_policy(signed: Path) -> None:
    assert "No changes" in done(ramify(signed, "apply", "-y"))
    assert json.loads(done(ramify(signed, "history", "--json")))["runs"][-1]["signers"] == ["ops@acme"]
    for host in ("center", "gateway1", "box1"):
        assert "ops@acme" in (home(signed, host) / "trust.json").read_text()


def test_a_secret_is_rotated_without_a_new_signature(signed: Path) -> None:
    assert "token-that-was-first" in orders(signed, "box1")
    (signed.parent / "token").write_text("token-that-came-next")

    assert "4 to change" in done(ramify(signed, "plan"))
    done(ramify(signed, "apply", "-y"))

    assert "token-that-came-next" in orders(signed, "box1")
    assert "token-that" not in (signed / "ramify.sig").read_text()


def test_what_was_changed_after_it_was_signed_is_refused_by_the_operator_and_by_initiators(
    signed: Path,
) -> None:
    put(signed, "config/sensor.yml", "env:", "env:\n  EVIL: 'yes'")
    try:
        assert "error[signed-otherwise]" in ramify(signed, "plan").stderr
        told = outcomes(ramify(signed, "apply", "-y", "--json", hostile=True))
        skipped = told["/site/room1/sensor1"]
        assert skipped[0] != "done"
        assert "what was signed is not what is here" in " ".join(words for _, words in told.values())
        for box in ("box1", "box2", "box3", "box4"):
            assert "EVIL" not in orders(signed, box)
    finally:
        put(signed, "config/sensor.yml", "env:\n  EVIL: 'yes'", "env:")
    done(ramify(signed, "apply", "-y"))


def orders(project: Path, host: str) -> str:
    return "".join(file.read_text() for file in home(project, host).glob("nodes/*/current/order.json"))


def test_a_signer_who_may_speak_for_one_room_cannot_reach_the_other(signed: Path) -> None:
    before = (signed / "ramify.sig").read_text()
    put(signed, "config/sensor.yml", "env:", "env:\n  REACH: 'far'")
    try:
        (signed / "ramify.sig").unlink()
        sign(signed, "west")
        refused = ramify(signed, "plan").stderr
        assert "error[untrusted]" in refused
        assert "west@acme" in refused
        assert "rule 1" in refused
        told = outcomes(ramify(signed, "apply", "-y", "--json", hostile=True))
        assert "west@acme" in " ".join(words for _, words in told.values())
        assert "REACH" not in "".join(orders(signed, f"box{at}") for at in range(1, 5))
    finally:
        put(signed, "config/sensor.yml", "env:\n  REACH: 'far'", "env:")
        (signed / "ramify.sig").write_text(before)
    done(ramify(signed, "apply", "-y"))


def test_a_hostile_initiator_changes_nothing_on_the_hosts_below_it(signed: Path) -> None:
    turn_hostile(home(signed, "gateway1"))
    put(signed, "hierarchy.yml", "interval: 2", "interval: 3")
    try:
        sign(signed, "ops")
        told = outcomes(ramify(signed, "apply", "-y", "--json"))
        assert told["/site/room2/sensor1"][0] == "done", "the other gateway is an honest one"
        outcome, words = told["/site/room1/sensor1"]
        assert outcome == "failed"
        assert "ops@acme" in words
        assert "FORGED" not in orders(signed, "box1") + orders(signed, "box2")
        assert "FORGED" not in orders(signed, "box3")
    finally:
        put(signed, "hierarchy.yml", "interval: 3", "interval: 2")


def turn_hostile(root: Path) -> None:
    """An intruder on the host patches the initiator's code, and has it start again."""
    (order,) = root.glob("trees/*/ramify/initiator/order.py")
    text = order.read_text()
    forged = text.replace(
        '"env": {**_env(made.service), ', '"env": {"FORGED": "1", **_env(made.service), ', 1
    )
    assert forged != text
    order.chmod(0o644)
    order.write_text(forged)
    for cached in order.parent.glob("__pycache__/order.*"):
        cached.unlink()
    (journal,) = root.glob("nodes/*/node.json")
    pid = re.search(r'"initiator":\s*\[(\d+)', journal.read_text())
    assert pid is not None, journal.read_text()
    os.kill(int(pid[1]), signal.SIGKILL)
