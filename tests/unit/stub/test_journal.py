"""A stub killed at any write of its journal leaves the old state or the new one, and nothing unknown."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import journal
from unit.stub.host import PATH, Host, commands, frame, order, pack, put

ENGINE = str(Path(journal.__file__).parents[2])
# The stub from its sources, but it kills itself at the nth write of the journal: before it or after it.
DRIVER = f"""
import os, sys
sys.path.insert(0, {ENGINE!r})
from ramify.stub import journal, session
left, when = int(sys.argv[2]), sys.argv[3]
write = journal.write
def killing(folder, record):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), 9)
    write(folder, record)
    if left == 0:
        os.kill(os.getpid(), 9)
journal.write = killing
session.main(sys.argv[1], "0" * 64, bytearray())
"""
MAX_WRITES = 40
UPGRADE = ["shutdown", "configure-env", "configure", "start"]


def killed(host: Host, number: int, when: str, *names: str, order: object) -> bool:
    """Carry out commands in a stub that dies at a write; whether there was that write."""
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", DRIVER, str(host.root), str(number), when],
        input=frame({"id": 1, **commands(*names, order=order)}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode in (0, -9), result.stderr
    return result.returncode == -9


def repair(host: Host, wanted: dict[str, Any]) -> dict[str, Any]:
    """What a planner does with the state that it finds: the rest of the way up."""
    state = host.status()
    if state["environment"] == "non-existent":
        names = ["deploy"]
    elif state["environment"] != "installed" or state["environment_digest"] != wanted["environment_digest"]:
        names = ["configure-env", "configure", "start"]
        if state["service"] in ("active", "passive"):
            names.insert(0, "shutdown")
    elif state["service"] in ("active", "passive"):
        names = []
    else:
        names = ["configure", "start"]
    if names:
        reply = host.commands(*names, order=wanted)
        assert reply["ok"], reply
    return host.status()


def accounted(host: Host, state: dict[str, Any]) -> None:
    """Every process of the root is one that the state names, each with one supervisor."""
    assert host.processes() == set(state["pids"].values())
    assert len(host.stubs()) == (1 if state["pids"] else 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deployment_killed_at_any_write_is_completed_by_the_next_session(tmp_path: Path, when: str) -> None:
    artifact = pack({"install.sh": "echo ran >> made; sleep 0.01"})
    wanted = order(artifact[0], install={"argv": ["sh", "install.sh"]})
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            host.put(artifact)
            if not killed(host, number, when, "deploy", order=wanted):
                break
            assert number == 1 or when == "after" or host.status()["open"]
            state = repair(host, wanted)
            accounted(host, state)

            assert (state["environment"], state["service"]) == ("installed", "active")
            assert state["open"] is None
            assert (host.node() / "current" / "code" / "made").read_text() == "ran\n"
        finally:
            host.clean()
    assert 6 < number < MAX_WRITES - 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_upgrade_killed_at_any_write_is_completed_by_the_next_session(tmp_path: Path, when: str) -> None:
    old, new = pack({"version": "1"}), pack({"version": "2"})
    install = {"argv": ["sh", "-c", "cp version made"]}
    first = order(old[0], install=install)
    second = order(new[0], install=install, environment_digest="e2", digest="d2")
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            host.session(put(*old), put(*new), commands("deploy", order=first))
            if not killed(host, number, when, *UPGRADE, order=second):
                break
            made = (host.node() / "current" / "code" / "made").read_text()
            state = repair(host, second)
            accounted(host, state)

            assert made in "12"
            assert (state["service"], state["digest"]) == ("active", "d2")
            assert (host.node() / "current" / "code" / "made").read_text() == "2"
        finally:
            host.clean()
    assert 8 < number < MAX_WRITES - 1


def test_an_uninstallation_killed_at_any_write_is_completed_by_the_next_session(tmp_path: Path) -> None:
    artifact = pack({"x": ""})
    wanted = order(artifact[0], uninstall={"argv": ["true"]})
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            host.session(put(*artifact), commands("deploy", order=wanted))
            if not killed(host, number, "after", "shutdown", "uninstall", order=None):
                break
            service = host.status()["service"]
            names = ["shutdown", "uninstall"] if service == "active" else ["uninstall"]
            reply = host.commands(*names)

            assert reply["ok"], reply
            assert not host.root.exists()
            assert host.processes() == host.stubs() == set()
        finally:
            host.clean()
    assert 3 < number < MAX_WRITES - 1


def test_a_stub_killed_during_an_installer_leaves_its_process_on_record(host: Host) -> None:
    artifact = pack({"x": ""})
    host.put(artifact)
    wanted = order(artifact[0], install={"argv": ["sh", "-c", "test -e {data}/again || sleep 1000"]})
    # The fourth write is the one that lets the installer go.
    killed(host, 4, "after", "deploy", order=wanted)
    found = host.status()
    (host.node() / "data" / "again").touch()
    reply = host.commands("configure-env", "configure", "start", order=wanted)

    assert found["open"] == {"command": "deploy", "step": "install"}
    assert reply["ok"]
    accounted(host, reply["state"])


def test_status_names_the_step_that_is_open(host: Host) -> None:
    artifact = pack({"x": ""})
    host.put(artifact)
    killed(host, 2, "after", "deploy", order=order(artifact[0]))
    state = host.status()

    assert (state["environment"], state["open"]) == (
        "code-loaded",
        {"command": "deploy", "step": "configure"},
    )


def test_a_journal_that_cannot_be_read_is_named_and_not_taken_for_nothing(host: Host) -> None:
    artifact = pack({"x": ""})
    host.put(artifact)
    host.commands("deploy", order=order(artifact[0]))
    (host.node() / "node.json").write_text('{"format": 99, "path": "/x"}')
    reply = host.commands("shutdown")

    assert reply["error"]["code"] == "internal"
    assert "node.json has format 99" in reply["error"]["message"]


def test_the_record_holds_json_only() -> None:
    assert json.loads(json.dumps(journal.blank(PATH))) == journal.blank(PATH)
