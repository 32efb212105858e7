"""Going back to a kept release: one rename, no bytes and no installer; never one that is not what it was."""

from pathlib import Path
from typing import Any

import pytest

from unit.stub.host import Host, order, pack
from unit.stub.test_journal import MAX_WRITES, UPGRADE, accounted, killed, repair

INSTALL = {"argv": ["sh", "-c", "echo ran >> {data}/ran; cp version made; echo sleep 100$(cat version)"]}


def version(host: Host, number: int, **parts: Any) -> dict[str, Any]:
    """An order for a version of the code, which has been sent."""
    digest, data = pack({"version": str(number)})
    host.put((digest, data))
    own = {"install": INSTALL, "environment_digest": f"e{number}", "digest": f"d{number}", **parts}
    return order(digest, **own)


def upgraded(host: Host, *wished: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for number, one in enumerate(wished):
        reply = host.commands(*(UPGRADE if number else ["deploy"]), order=one)
        assert reply["ok"], reply
        state = reply["state"]
    return state


def ran(host: Host) -> int:
    """How often an installer has run."""
    return len((host.node() / "data" / "ran").read_text().splitlines())


def current(host: Host) -> str:
    return (host.node() / "current").readlink().name


def test_going_back_to_a_kept_release_runs_no_installer(host: Host) -> None:
    first, second = version(host, 1), version(host, 2)
    state = upgraded(host, first, second, first)

    assert (ran(host), current(host)) == (2, "1")
    assert [state[name] for name in ("environment_digest", "digest", "release")] == ["e1", "d1", 1]
    assert (host.node() / "current" / "code" / "made").read_text() == "1"
    state = host.commands(*UPGRADE, order=second)["state"]
    assert (ran(host), state["release"]) == (2, 2)


def test_a_service_that_its_installer_told_how_to_start_starts_as_that_one_said(host: Host) -> None:
    told = {"service": {"start": None, "start_from": "installer", "grace": 0.02}}
    first, second = version(host, 1, **told), version(host, 2, **told)
    state = upgraded(host, first, second, first)

    (pid,) = state["pids"].values()
    assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:2] == [b"sleep", b"1001"]


def test_another_service_configuration_comes_with_the_kept_release(host: Host) -> None:
    first, second = version(host, 1), version(host, 2)
    upgraded(host, first, second)
    third = {**first, "digest": "d3", "service_digest": "s3"}
    third["service"] = {**first["service"], "files": [{"name": "c", "content": "new"}]}
    state = host.commands(*UPGRADE, order=third)["state"]

    assert (state["release"], state["digest"], ran(host)) == (1, "d3", 2)
    assert (host.node() / "current" / "config" / "c").read_text() == "new"


def test_the_releases_that_were_used_last_are_kept(host: Host) -> None:
    made = [version(host, number) for number in range(1, 6)]
    upgraded(host, made[0], made[1], made[2], made[0], made[3])

    assert sorted(item.name for item in (host.node() / "releases").iterdir()) == ["1", "3", "4"]
    state = host.commands(*UPGRADE, order=made[0])["state"]
    assert (state["release"], ran(host)) == (1, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"environment_digest": "e9"},
        {"install": {**INSTALL, "env": {"MODE": "other"}}},
        {"install": {**INSTALL, "files": [{"name": "f", "content": "x"}]}},
    ],
)
def test_what_an_installer_would_see_differently_is_installed_anew(
    host: Host, change: dict[str, Any]
) -> None:
    first, second = version(host, 1), version(host, 2)
    state = upgraded(host, first, second, {**first, **change})

    assert (state["release"], ran(host)) == (3, 3)


def test_a_kept_release_whose_files_were_changed_is_not_switched_to(host: Host) -> None:
    first, second = version(host, 1), version(host, 2)
    upgraded(host, first, second)
    (host.node() / "releases" / "1" / "code" / "version").write_text("forged")
    state = host.commands(*UPGRADE, order=first)["state"]

    assert (state["release"], ran(host)) == (3, 3)
    assert (host.node() / "current" / "code" / "version").read_text() == "1"


def test_whoever_asks_for_the_environment_that_is_there_gets_it_installed_anew(host: Host) -> None:
    first, second = version(host, 1), version(host, 2)
    state = upgraded(host, first, second, first, first)

    assert (state["release"], ran(host)) == (3, 3)


def test_a_failed_upgrade_is_gone_back_on_without_an_installer(host: Host) -> None:
    first = version(host, 1)
    upgraded(host, first)
    broken = version(host, 2, install={"argv": ["false"]})
    assert not host.commands(*UPGRADE, order=broken)["ok"]
    reply = host.commands("configure-env", "configure", "start", order=first)

    assert reply["ok"], reply
    assert (reply["state"]["release"], reply["state"]["digest"], ran(host)) == (1, "d1", 1)
    assert sorted(item.name for item in (host.node() / "releases").iterdir()) == ["1"]


def test_only_what_installers_have_touched_is_uninstalled(host: Host) -> None:
    undo = {"uninstall": {"argv": ["sh", "-c", f"echo $RAMIFY_CODE >> {host.root.parent}/undone"]}}
    first, second = version(host, 1, **undo), version(host, 2, **undo)
    upgraded(host, first, second, first)
    host.commands("shutdown", "uninstall")

    told = (host.root.parent / "undone").read_text().split()
    assert [Path(line).parent.name for line in told] == ["1"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_going_back_killed_at_any_write_is_completed_by_the_next_session(tmp_path: Path, when: str) -> None:
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            first, second = version(host, 1), version(host, 2)
            upgraded(host, first, second)
            if not killed(host, number, when, *UPGRADE, order=first):
                break
            made = (host.node() / "current" / "code" / "made").read_text()
            state = repair(host, first)
            accounted(host, state)

            assert made in "12"
            assert (state["service"], state["digest"], state["release"]) == ("active", "d1", 1)
            assert (host.node() / "current" / "code" / "made").read_text() == "1"
            assert ran(host) == 2
        finally:
            host.clean()
    assert 8 < number < MAX_WRITES - 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_going_back_killed_at_any_write_can_be_left_for_the_newer_release(tmp_path: Path, when: str) -> None:
    for number in range(1, MAX_WRITES):
        host = Host(tmp_path / str(number))
        try:
            first, second = version(host, 1), version(host, 2)
            upgraded(host, first, second)
            if not killed(host, number, when, *UPGRADE, order=first):
                break
            state = repair(host, second)
            accounted(host, state)

            assert (state["service"], state["digest"]) == ("active", "d2")
            assert (host.node() / "current" / "code" / "made").read_text() == "2"
            assert (host.node() / "releases" / "1" / "code" / "made").read_text() == "1"
        finally:
            host.clean()
    assert 8 < number < MAX_WRITES - 1


def test_packs_of_kept_releases_stay_on_the_host(host: Host) -> None:
    first, second = version(host, 1), version(host, 2)
    upgraded(host, first, second)
    reply = host.session({"op": "have", "artifacts": [first["code"]["artifact"]]})[-1]

    assert reply["have"] == {first["code"]["artifact"]: -1}
