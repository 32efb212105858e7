"""Changes that nobody confirms: whatever dies, the host ends with the new or with the old, and says which."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import journal
from unit.stub.host import PATH, Host, commands, frame, frames, order, pack, put, states
from unit.stub.test_journal import ENGINE, MAX_WRITES, UPGRADE, accounted

# The stub from its sources; itself or its watchdog dies at the nth write of the journal that it makes.
DRIVER = f"""
import os, sys
sys.path.insert(0, {ENGINE!r})
from ramify.stub import journal, session
left, when, mine = int(sys.argv[2]), sys.argv[3], sys.argv[4] == "stub"
main, write = os.getpid(), journal.write
def killing(folder, record):
    global left
    counts = (os.getpid() == main) == mine
    left -= counts
    if counts and left == 0 and when == "before":
        os.kill(os.getpid(), 9)
    write(folder, record)
    if counts and left == 0:
        os.kill(os.getpid(), 9)
journal.write = killing
session.main(sys.argv[1], "0" * 64, bytearray())
"""
INSTALL = {"argv": ["sh", "-c", "cp version made; cp version {data}/outside"]}
LONG = 1000


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def versions(**second: Any) -> tuple[list[tuple[str, bytes]], dict[str, Any], dict[str, Any]]:
    """Packs and orders of two versions, each with a file of its own."""
    packs = [pack({"version": number}) for number in "12"]
    files = [[{"name": "conf", "content": number}] for number in "12"]
    first = order(packs[0][0], install=INSTALL, service={"files": files[0]})
    service = {"files": files[1], **second.pop("service", {})}
    parts = {"environment_digest": "e2", "service_digest": "s2", "digest": "d2", "binding": "b2", **second}
    return packs, first, order(packs[1][0], **{"install": INSTALL, **parts, "service": service})


def change(
    host: Host, wanted: object, *names: str, seconds: float = LONG, token: str = "t1"
) -> dict[str, Any]:
    """Commands that are to be confirmed."""
    asked = commands(*(names or UPGRADE), order=wanted)
    (reply,) = host.session({**asked, "confirm": {"token": token, "seconds": seconds}})
    return reply


def confirm(host: Host, token: str = "t1") -> dict[str, Any]:
    (reply,) = host.session({"op": "confirm", "path": PATH, "token": token})
    return reply


def record(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((host.node() / "node.json").read_text())
    return found


def settled(host: Host) -> bool:
    """Whether the watchdog is gone; asked without a stub, which would look after that itself."""
    pending = record(host)["pending"]
    return pending is None or not Path(f"/proc/{pending['watchdog'][0]}").exists()


def is_at(host: Host, version: str) -> None:
    """Everything is of one version, and runs once."""
    state, node = host.status(), host.node()
    assert (state["environment"], state["service"]) == ("installed", "active")
    told = {"digest": f"d{version}", "environment_digest": f"e{version}", "service_digest": f"s{version}"}
    assert {name: state[name] for name in told} == told
    assert state["binding"] == f"b{version}"
    assert (node / "current" / "code" / "made").read_text() == version
    assert (node / "current" / "config" / "conf").read_text() == version
    assert (node / "data" / "outside").read_text() == version
    assert state["open"] is None
    accounted(host, state)


@pytest.fixture
def upgraded(host: Host) -> Host:
    """A host with the first version, and the pack of the second one."""
    packs, first, _ = versions()
    host.session(*(put(*one) for one in packs), commands("deploy", order=first))
    return host


def test_a_change_that_is_confirmed_stays(upgraded: Host) -> None:
    reply = change(upgraded, versions()[2])
    watched = len(upgraded.stubs())
    confirmed = confirm(upgraded)

    assert reply["state"]["pending"] == {"token": "t1", "seconds": LONG, "release": 1, "why": ""}
    assert watched == 2
    assert "pending" not in confirmed["state"]
    eventually(lambda: len(upgraded.stubs()) == 1)
    is_at(upgraded, "2")


def test_a_change_is_confirmed_as_often_as_one_likes(upgraded: Host) -> None:
    change(upgraded, versions()[2])

    assert confirm(upgraded)["ok"]
    assert confirm(upgraded)["ok"]


def test_a_change_that_nobody_confirms_is_taken_back(upgraded: Host) -> None:
    change(upgraded, versions()[2], seconds=0.1)
    eventually(lambda: record(upgraded)["pending"] is None)
    late = confirm(upgraded)

    is_at(upgraded, "1")
    reverted = upgraded.status()["reverted"]
    assert (reverted["why"], reverted["token"], reverted["problem"]) == (
        "not confirmed within 0.1 s",
        "t1",
        "",
    )
    assert late["error"]["code"] == "reverted"
    assert late["error"]["message"] == f"{PATH}: not confirmed within 0.1 s"
    assert late["error"]["found"]["reverted"] == reverted


def test_another_change_than_the_one_that_is_pending_cannot_be_confirmed(upgraded: Host) -> None:
    change(upgraded, versions()[2])
    reply = confirm(upgraded, "t2")

    assert (reply["error"]["code"], reply["error"]["message"]) == (
        "refused",
        f"{PATH}: no such change is pending",
    )
    assert upgraded.status()["pending"]["token"] == "t1"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"install": {"argv": ["sh", "-c", "echo 2 > {data}/outside; exit 3"]}}, "install of .* exit code 3"),
        (
            {"service": {"start": {"main": ["false"]}, "grace": 5}},
            "process main .* as soon as it was started",
        ),
        (
            {"service": {"health": {"kind": "exec", "argv": ["false"], "interval": 0.1, "retries": 1}}},
            "did not become healthy",
        ),
    ],
    ids=["install", "start", "health"],
)
def test_a_change_that_fails_is_taken_back_at_once(upgraded: Host, parts: dict[str, Any], why: str) -> None:
    reply = change(upgraded, versions(**parts)[2])

    assert reply["error"]["code"] == "reverted"
    assert re.search(why, reply["error"]["message"])
    assert states(reply) == ("installed", "active")
    assert reply["error"]["found"] == reply["state"]
    assert reply["state"]["reverted"]["why"] == reply["error"]["message"]
    is_at(upgraded, "1")


def test_a_change_of_configuration_alone_is_taken_back_without_another_installation(upgraded: Host) -> None:
    _, first, _ = versions()
    files = [{"name": "conf", "content": "2"}]
    wanted = {
        **first,
        "service_digest": "s2",
        "digest": "d2",
        "service": {**first["service"], "files": files},
    }
    change(upgraded, wanted, "shutdown", "configure", "start", token="t1")
    again = {**wanted, "service": {**wanted["service"], "args": ["x"]}}
    change(upgraded, again, "shutdown", "configure", "start", token="t2", seconds=0.1)
    eventually(lambda: record(upgraded)["pending"] is None)

    is_at(upgraded, "1")
    assert upgraded.status()["release"] == 1
    assert (upgraded.node() / "log" / "install.log").read_text() == ""


def test_a_later_change_goes_back_to_what_was_confirmed_last(upgraded: Host) -> None:
    packs, _, second = versions()
    third = {**second, "environment_digest": "e3"}
    change(upgraded, second, token="t1")
    change(upgraded, third, token="t2", seconds=0.1)
    eventually(lambda: record(upgraded)["pending"] is None)

    is_at(upgraded, "1")
    assert len(packs) == 2


def test_a_change_without_the_wish_to_confirm_it_ends_the_watch_over_the_one_before(upgraded: Host) -> None:
    change(upgraded, versions()[2])
    upgraded.commands("restart")

    eventually(lambda: len(upgraded.stubs()) == 1)
    is_at(upgraded, "2")


def test_what_cannot_be_installed_anew_runs_as_it_was_installed_before(upgraded: Host) -> None:
    (upgraded.root / "packs" / versions()[0][0][0]).unlink()
    reply = change(upgraded, versions(service={"start": {"main": ["false"]}, "grace": 5})[2])

    assert reply["error"]["code"] == "failed"
    assert (
        "; going back to what was there failed, too: the earlier release was not" in reply["error"]["message"]
    )
    assert states(reply) == ("installed", "active")
    assert upgraded.status()["release"] == 1
    assert (upgraded.node() / "current" / "code" / "made").read_text() == "1"


def test_a_way_back_that_fails_is_an_end_that_is_told(host: Host) -> None:
    packs, first, second = versions(service={"start": {"main": ["false"]}, "grace": 5})
    once = "test -e {data}/once && exit 1; touch {data}/once; exec sleep 1000"
    first["service"].update(start={"main": ["sh", "-c", once]}, grace=0.5)
    host.session(*(put(*one) for one in packs), commands("deploy", order=first))
    reply = change(host, second)

    assert reply["error"]["code"] == "failed"
    assert "going back to what was there failed, too: process main" in reply["error"]["message"]
    assert states(reply) == ("installed", "configured")
    assert reply["state"]["reverted"]["problem"]
    assert reply["state"]["digest"] == "d1"


def test_a_service_that_was_ill_before_the_change_runs_on_after_it(host: Host) -> None:
    check = {"kind": "exec", "argv": ["sh", "-c", "! test -e {data}/ill"], "interval": 0.1, "retries": 1}
    packs, first, second = versions(service={"health": check})
    first["service"]["health"] = check
    host.session(*(put(*one) for one in packs), commands("deploy", order=first))
    (host.node() / "data" / "ill").touch()
    reply = change(host, second)

    assert reply["error"]["code"] == "failed"
    assert "failed, too: /region1/zone1/app1 did not become healthy" in reply["error"]["message"]
    is_at(host, "1")


def test_a_first_deployment_has_nothing_to_go_back_to(host: Host) -> None:
    packs, first, _ = versions()
    host.put(packs[0])
    reply = change(host, first, "deploy")

    assert "pending" not in reply["state"]
    assert len(host.stubs()) == 1


def test_commands_that_are_refused_change_nothing_and_leave_no_watchdog(upgraded: Host) -> None:
    reply = change(upgraded, versions()[2], "activate")

    assert reply["error"]["code"] == "refused"
    assert "pending" not in reply["state"]
    eventually(lambda: len(upgraded.stubs()) == 1)
    is_at(upgraded, "1")


def test_commands_that_are_refused_neither_confirm_what_is_pending_nor_end_it(upgraded: Host) -> None:
    packs, _, second = versions()
    change(upgraded, second)
    (reply,) = upgraded.session(commands("deploy", order=second))
    pending = upgraded.status()["pending"]

    assert (reply["error"]["code"], pending["token"], len(packs)) == ("refused", "t1", 2)
    assert confirm(upgraded)["ok"]


def test_a_passive_service_is_passive_again(upgraded: Host) -> None:
    stop = {"deactivate": {"signal": "STOP"}, "activate": {"signal": "CONT"}}
    packs, first, second = versions(service={"start": {"main": ["false"]}, "grace": 5})
    first["service"]["control"] = stop
    upgraded.session(
        *(put(*one) for one in packs), commands("shutdown", "configure", "start", "deactivate", order=first)
    )
    reply = change(upgraded, second)

    assert states(reply) == ("installed", "passive")


@pytest.mark.parametrize(
    "wrong", [{}, {"token": "t"}, {"token": "../t", "seconds": 1}, {"token": "t", "seconds": 0}, 5]
)
def test_a_wish_to_confirm_that_is_none_is_refused(upgraded: Host, wrong: object) -> None:
    (reply,) = upgraded.session({**commands(*UPGRADE, order=versions()[2]), "confirm": wrong})

    assert reply["error"]["code"] == "malformed"
    is_at(upgraded, "1")


def killed(host: Host, number: int, when: str, who: str, wanted: object) -> tuple[bool, list[dict[str, Any]]]:
    """Change a node with a stub or a watchdog that dies; whether the stub did, and what it said."""
    asked = {**commands(*UPGRADE, order=wanted), "confirm": {"token": "t1", "seconds": 0.05}}
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", DRIVER, str(host.root), str(number), when, who],
        input=frame({"id": 1, **asked}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode in (0, -9), result.stderr
    return result.returncode == -9, frames(result.stdout)[1:]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stub_killed_at_any_write_has_its_watchdog_take_the_change_back(tmp_path: Path, when: str) -> None:
    packs, first, second = versions()
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            host.session(*(put(*one) for one in packs), commands("deploy", order=first))
            died, _ = killed(host, number, when, "stub", second)
            eventually(lambda host=host: settled(host))  # type: ignore[misc]
            said = record(host)["reverted"]

            is_at(host, "1")
            if not died:
                break
            # Before the journal names the change, nothing has been done yet.
            assert said is None if (number, when) == (1, "before") else said["why"].endswith("was killed")
        finally:
            host.clean()
    assert 8 < number < MAX_WRITES - 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_watchdog_killed_at_any_write_is_replaced_by_whoever_comes_next(tmp_path: Path, when: str) -> None:
    packs, first, second = versions()
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            host.session(*(put(*one) for one in packs), commands("deploy", order=first))
            killed(host, number, when, "watchdog", second)
            eventually(lambda host=host: settled(host))  # type: ignore[misc]
            left = record(host)["pending"]

            is_at(host, "1")
            assert host.status()["reverted"]["problem"] == ""
            if left is None and when == "before":
                break
            if left is None and record(host)["reverted"]["why"].startswith("not confirmed") and number > 8:
                break
        finally:
            host.clean()
    assert 5 < number < MAX_WRITES - 1


def test_a_host_that_was_started_anew_goes_back_when_it_is_looked_at(upgraded: Host) -> None:
    change(upgraded, versions()[2])
    for pid in upgraded.stubs() | upgraded.processes():
        os.kill(pid, signal.SIGKILL)
    found = upgraded.status()

    assert found["reverted"]["why"] == "its watchdog was killed, or the host rebooted"
    is_at(upgraded, "1")


def test_the_record_of_a_node_without_changes_says_nothing_of_them(upgraded: Host) -> None:
    assert not {"pending", "reverted", "health"} & set(upgraded.status())
    assert journal.blank(PATH)["pending"] is None
