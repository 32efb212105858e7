"""Commands on a real node: what each leaves on the host, and what a refusal or a failure says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import wire
from unit.stub.host import PATH, Host, commands, order, pack, put, states

CODE = {"install.sh": 'echo "$1 $MODE" > made; cat version >> made', "version": "1"}
INSTALL = {"argv": ["sh", "install.sh"], "args": ["arg"], "env": {"MODE": "fast"}}


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def prepared(host: Host, version: str = "1", **parts: Any) -> dict[str, Any]:
    """An order whose artifact has been sent."""
    digest, data = pack({**CODE, "version": version})
    host.put((digest, data))
    return order(digest, **{"install": INSTALL, **parts})


def test_the_installer_runs_in_the_code_with_its_configuration(host: Host) -> None:
    host.commands("deploy", order=prepared(host))

    assert (host.node() / "current" / "code" / "made").read_text() == "arg fast\n1"


def test_a_deployed_node_reports_its_digests(host: Host) -> None:
    reply = host.commands("deploy", order=prepared(host))
    state = reply["state"]

    assert reply["done"] == ["deploy"]
    assert [state[name] for name in ("digest", "environment_digest", "service_digest", "binding")] == [
        "d1", "e1", "s1", "b1",
    ]  # fmt: skip
    assert state["release"] == 1
    assert state["open"] is None


@pytest.mark.parametrize(
    ("command", "before"),
    [
        ("deploy", ["deploy"]),
        ("start", ["deploy"]),
        ("shutdown", []),
        ("restart", []),
        ("activate", ["deploy"]),
        ("deactivate", []),
        ("configure", ["deploy"]),
        ("configure-env", []),
        ("uninstall", ["deploy"]),
        ("reload", []),
    ],
)
def test_a_command_out_of_place_is_refused_with_the_state_found(
    host: Host, command: str, before: list[str]
) -> None:
    wanted = prepared(host)
    if before:
        host.commands(*before, order=wanted)
    found = host.status()
    reply = host.commands(command, order=wanted)

    assert reply["error"]["code"] == "refused"
    assert reply["error"]["command"] == command
    assert reply["error"]["found"] == reply["state"] == found
    assert reply["done"] == []
    assert host.status() == found


def test_commands_stop_at_the_first_that_is_refused(host: Host) -> None:
    wanted = prepared(host)
    reply = host.commands("deploy", "activate", "shutdown", order=wanted)

    assert reply["done"] == ["deploy"]
    assert reply["error"]["command"] == "activate"
    assert states(reply) == ("installed", "active")


def test_a_missing_artifact_is_told_before_a_running_service_is_touched(host: Host) -> None:
    host.commands("deploy", order=prepared(host))
    before = host.status()
    new = order("0" * 64)
    reply = host.commands("shutdown", "configure-env", "configure", "start", order=new)

    assert reply["error"]["code"] == "missing"
    assert reply["error"]["detail"] == "0" * 64
    assert host.status() == before


def test_a_failed_installer_leaves_the_new_node_configured_and_can_be_retried(host: Host) -> None:
    wanted = prepared(host, install={"argv": ["sh", "-c", "seq 30; test -e {data}/ready"]})
    failed = host.commands("deploy", order=wanted)
    (host.node() / "data" / "ready").touch()
    retried = host.commands("configure-env", "configure", "start", order=wanted)

    assert states(failed) == ("configured", "non-existent")
    assert failed["error"]["code"] == "failed"
    assert failed["error"]["message"] == f"install of {PATH} ended with exit code 1"
    assert failed["error"]["detail"].split() == [wire.CUT, *map(str, range(11, 31))]
    assert failed["state"]["release"] == 0
    assert failed["state"]["digest"] == failed["state"]["environment_digest"] == ""
    assert states(retried) == ("installed", "active")
    assert retried["state"]["digest"] == "d1"


def test_a_failed_upgrade_keeps_the_old_release_current(host: Host) -> None:
    host.commands("deploy", order=prepared(host))
    bad = prepared(host, "2", install={"argv": ["false"]})
    failed = host.commands("shutdown", "configure-env", order=bad)
    code = host.node() / "current" / "code"

    assert failed["done"] == ["shutdown"]
    assert states(failed) == ("configured", "non-existent")
    assert failed["state"]["release"] == 1
    assert (code / "version").read_text() == "1"
    assert states(host.commands("configure-env", "configure", "start", order=prepared(host))) == (
        "installed", "active",
    )  # fmt: skip


def test_new_code_becomes_a_new_release_and_the_last_three_are_kept(host: Host) -> None:
    host.commands("deploy", order=prepared(host))
    for version in "2345":
        new = prepared(host, version)
        host.commands("shutdown", "configure-env", "configure", "start", order=new)
    releases = host.node() / "releases"

    assert names(releases) == ["3", "4", "5"]
    assert (host.node() / "current").readlink() == Path("releases/5")
    assert [(releases / number / "code" / "version").read_text() for number in "345"] == ["3", "4", "5"]
    assert host.status()["release"] == 5
    assert len(names(host.root / "packs")) == 3


def test_a_rollback_moves_no_bytes(host: Host) -> None:
    first = prepared(host)
    host.commands("deploy", order=first)
    host.commands("shutdown", "configure-env", "configure", "start", order=prepared(host, "2"))
    have, back = host.session(
        {"op": "have", "artifacts": [first["code"]["artifact"]]},
        commands("shutdown", "configure-env", "configure", "start", order=first),
    )

    assert set(have["have"].values()) == {-1}
    assert states(back) == ("installed", "active")
    assert (host.node() / "current" / "code" / "version").read_text() == "1"


def test_a_new_configuration_keeps_what_the_installer_made(host: Host) -> None:
    wanted = prepared(host, service={"files": [{"name": "app.conf", "content": "one"}]})
    host.commands("deploy", order=wanted)
    made = (host.node() / "current" / "code" / "made").stat()
    new = prepared(
        host, service={"files": [{"name": "app.conf", "content": "two"}]}, service_digest="s2", digest="d2"
    )
    reply = host.commands("shutdown", "configure", "start", order=new)
    release = host.node() / "current"

    assert states(reply) == ("installed", "active")
    assert (release / "config" / "app.conf").read_text() == "two"
    assert (release / "code" / "made").stat().st_mtime_ns == made.st_mtime_ns
    assert json.loads((release / "order.json").read_text())["service_digest"] == "s2"
    assert [reply["state"][name] for name in ("digest", "service_digest", "release")] == ["d2", "s2", 1]


def test_a_new_installation_without_new_code_runs_in_fresh_code(host: Host) -> None:
    host.commands("deploy", order=prepared(host))
    (host.node() / "current" / "code" / "litter").touch()
    new = prepared(host, install={**INSTALL, "env": {"MODE": "slow"}}, environment_digest="e2")
    reply = host.commands("shutdown", "configure-env", "configure", "start", order=new)
    code = host.node() / "current" / "code"

    assert (code / "made").read_text() == "arg slow\n1"
    assert not (code / "litter").exists()
    assert reply["state"]["environment_digest"] == "e2"


def test_uninstall_reverses_the_installation_and_leaves_nothing(host: Host, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    wanted = prepared(
        host,
        install={"argv": ["sh", "-c", f"echo $MODE > {outside}"], "env": {"MODE": "fast"}},
        uninstall={"argv": ["sh", "-c", f"test $MODE = fast && test -e version && rm {outside}"]},
    )
    host.commands("deploy", order=wanted)
    existed = outside.exists()
    reply = host.commands("shutdown", "uninstall")

    assert existed
    assert reply["ok"]
    assert not outside.exists()
    assert not host.root.exists()


def test_uninstall_of_a_failed_deployment_reverses_it_too(host: Host, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    install = {"argv": ["sh", "-c", f"touch {outside}; false"]}
    wanted = prepared(host, install=install, uninstall={"argv": ["rm", str(outside)]})
    host.commands("deploy", order=wanted)
    reply = host.commands("uninstall")

    assert states(reply) == ("non-existent", "non-existent")
    assert not outside.exists()


def test_a_broken_uninstaller_fails_and_an_order_without_one_is_the_way_out(host: Host) -> None:
    wanted = prepared(host, uninstall={"argv": ["false"]})
    host.commands("deploy", "shutdown", order=wanted)
    failed = host.commands("uninstall")
    reply = host.commands("uninstall", order={**wanted, "uninstall": {"argv": None}})

    assert failed["error"]["code"] == "failed"
    assert states(failed) == ("installed", "configured")
    assert states(reply) == ("non-existent", "non-existent")


def test_uninstall_leaves_the_other_nodes_what_they_need(host: Host) -> None:
    wanted = prepared(host)
    other = {**wanted, "path": "/other"}
    host.commands("deploy", order=wanted)
    host.commands("deploy", order=other, path="/other")
    host.commands("shutdown", "uninstall")

    assert not host.node().exists()
    assert names(host.root / "packs") == [wanted["code"]["artifact"]]
    assert host.status("/other")["service"] == "active"


def test_files_that_others_keep_under_the_root_stay(host: Host) -> None:
    host.commands("deploy", order=prepared(host))
    (host.root / "precious").touch()
    host.commands("shutdown", "uninstall")

    assert names(host.root) == ["precious"]


def test_a_node_can_be_taken_away_and_deployed_anew_in_one_request(host: Host) -> None:
    wanted = prepared(host)
    host.commands("deploy", "shutdown", order=wanted)
    reply = host.commands("uninstall", "deploy", order=wanted)

    assert reply["done"] == ["uninstall", "deploy"]
    assert states(reply) == ("installed", "active")
    assert reply["state"]["release"] == 1


def test_a_shared_artifact_is_unpacked_once_for_all_nodes(host: Host) -> None:
    runtime = pack({"lib.sh": "echo from runtime"})
    host.put(runtime)
    service = {"start": {"main": ["sh", "-c", ". {runtime}/lib.sh; echo $RAMIFY_RUNTIME; exec sleep 1000"]}}
    wanted = prepared(host, shared={"runtime": runtime[0]}, service=service)
    host.commands("deploy", order=wanted)
    host.commands("deploy", order={**wanted, "path": "/other"}, path="/other")
    tree = host.root / "trees" / runtime[0]

    assert (host.node() / "log" / "main.log").read_text() == f"from runtime\n{tree}\n"
    assert names(host.root / "trees") == [runtime[0]]
    host.commands("shutdown", "uninstall")
    assert tree.exists()
    host.commands("shutdown", "uninstall", path="/other")
    assert not host.root.exists()


def test_what_is_around_a_node_is_only_stated_of_one_that_has_what_comes_with_it(host: Host) -> None:
    runtimes = [pack({"lib.sh": f"echo {number}"}) for number in (1, 2)]
    host.put(*runtimes)
    first, second = (
        {**prepared(host, shared={"runtime": digest}), "binding": digest[:6]} for digest, _ in runtimes
    )
    host.commands("deploy", order=first)
    again = host.commands("shutdown", "configure", order={**first, "binding": "moved"})["state"]

    configured = host.commands("configure", order=second)["state"]
    installed = host.commands("configure-env", "configure", order=second)["state"]

    assert again["binding"] == "moved"
    assert (configured["binding"], configured["digest"]) == ("", "d1")
    assert installed["binding"] == second["binding"]


def test_status_without_paths_tells_of_all_nodes_and_unknown_ones_do_not_exist(host: Host) -> None:
    wanted = prepared(host)
    host.commands("deploy", order=wanted)
    host.commands("deploy", order={**wanted, "path": "/other"}, path="/other")
    every, asked = host.session(
        {"op": "status", "paths": None}, {"op": "status", "paths": ["/other", "/never/seen"]}
    )

    assert [state["path"] for state in every["nodes"]] == ["/other", PATH]
    assert [state["environment"] for state in asked["nodes"]] == ["installed", "non-existent"]
    assert not (host.root / "nodes" / "never+seen").exists()


def test_a_long_path_has_a_short_folder(host: Host) -> None:
    path = "/" + "/".join(["segment-of-a-path"] * 12)
    wanted = order(prepared(host)["code"]["artifact"], path=path)
    reply = host.commands("deploy", order=wanted, path=path)
    (folder,) = (host.root / "nodes").iterdir()

    assert reply["ok"]
    assert len(folder.name) == 80 + 1 + 16
    assert host.status(path)["service"] == "active"


def test_what_an_installer_leaves_running_is_ended(host: Host) -> None:
    wanted = prepared(host, install={"argv": ["sh", "-c", "sleep 1000 & echo started"]})
    host.commands("deploy", "shutdown", order=wanted)

    assert host.processes() == set()


def test_an_installer_that_takes_too_long_is_ended(host: Host) -> None:
    wanted = prepared(host, install={"argv": ["sh", "-c", "echo begun; sleep 1000"], "timeout": 0.3})
    reply = host.commands("deploy", order=wanted)

    assert reply["error"]["message"] == f"install of {PATH} ran out of time and was ended"
    assert reply["error"]["detail"] == "begun"
    assert host.processes() == set()


def test_an_installer_sees_only_what_it_should_of_the_session(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SESSION", "x")
    host.commands("deploy", order=prepared(host, install={"argv": ["sh", "-c", "env > {data}/env"]}))
    names = {line.partition("=")[0] for line in (host.node() / "data" / "env").read_text().splitlines()}

    assert "SECRET_OF_THE_SESSION" not in names
    assert names >= {"PATH", "RAMIFY_CODE", "RAMIFY_CONFIG", "RAMIFY_DATA", "RAMIFY_RUN", "RAMIFY_LOG"}


def test_a_second_session_waits_for_the_node(host: Host) -> None:
    wanted = prepared(host, install={"argv": ["sh", "-c", "echo x >> {data}/runs; sleep 0.5"]})
    host.commands("deploy", "shutdown", order=wanted)
    again = commands("configure-env", order=wanted)
    entry, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        replies = host.session(again)
        os.write(writer, json.dumps(replies).encode())
        os._exit(0)
    os.close(writer)
    (mine,) = host.session(again)
    with os.fdopen(entry, "rb") as stream:
        (other,) = json.loads(stream.read())
    os.waitpid(pid, 0)

    assert mine["ok"]
    assert other["ok"]
    assert {mine["state"]["release"], other["state"]["release"]} == {2, 3}


def test_a_component_without_a_service_is_active_without_processes(host: Host) -> None:
    reply = host.commands("deploy", order=prepared(host, service={"start": None}))

    assert states(reply) == ("installed", "active")
    assert reply["state"]["pids"] == {}
    assert states(host.commands("restart", "shutdown")) == ("installed", "configured")


def test_placeholders_are_replaced_and_other_braces_stay(host: Host) -> None:
    words = "{code} {config} {data} {run} {log} {node} {x} {} {{code}}"
    argv = ["sh", "-c", f"echo {words} > {{data}}/said"]
    host.commands("deploy", order=prepared(host, install={"argv": argv}))
    node = host.node()
    said = (node / "data" / "said").read_text().split()

    assert said[:6] == [
        f"{node}/releases/1/code",
        f"{node}/releases/1/config",
        f"{node}/data",
        f"{node}/run",
        f"{node}/log",
        f"{node}",
    ]
    assert said[6:9] == ["{x}", "{}", "{" + f"{node}/releases/1/code" + "}"]


def test_put_and_deploy_travel_in_one_go(host: Host) -> None:
    digest, data = pack(CODE)
    replies = host.session(put(digest, data), commands("deploy", order=order(digest)))

    assert [reply["ok"] for reply in replies] == [True, True]
    assert Path(host.node(), "current").is_symlink()


def held(host: Host, *names: str, held: str) -> dict[str, Any]:
    """The reply to commands after which a node is held, or not any more."""
    (reply,) = host.session({**commands(*names), "held": held})
    return reply


def test_what_was_stopped_on_purpose_is_told_apart_from_what_ended_by_itself(host: Host) -> None:
    host.commands("deploy", order=prepared(host))

    stopped = held(host, "shutdown", held="stopped")

    assert stopped["state"]["held"] == host.status()["held"] == "stopped"
    assert host.commands("start")["state"]["held"] == "stopped"  # nobody said anything of it
    assert held(host, held="")["state"]["held"] == host.status()["held"] == ""


def test_only_what_was_done_holds_a_node_and_whoever_fails_to_start_is_not_held(host: Host) -> None:
    host.commands("deploy", order=prepared(host))
    refused = held(host, "start", held="stopped")
    held(host, "shutdown", held="stopped")

    failed = held(host, "activate", held="")

    assert refused["error"]["code"] == "refused"
    assert refused["state"]["held"] == ""
    assert failed["error"]["code"] == "refused"
    assert failed["state"]["held"] == host.status()["held"] == ""


def test_nothing_is_held_where_nothing_is_installed(host: Host) -> None:
    reply = held(host, held="stopped")

    assert reply["error"]["code"] == "refused"
    assert "nothing is installed" in reply["error"]["message"]
    assert host.status()["held"] == ""
    assert not host.node().exists()


def test_a_node_that_is_taken_away_and_deployed_again_is_not_held(host: Host) -> None:
    wanted = prepared(host)
    host.commands("deploy", order=wanted)
    held(host, "shutdown", held="stopped")
    host.commands("uninstall")

    assert host.commands("deploy", order=prepared(host))["state"]["held"] == ""


def test_what_is_deployed_to_be_held_as_stopped_is_never_started_also_when_that_takes_two_tries(
    host: Host,
) -> None:
    service = {"start": {"main": ["sh", "-c", "echo > started; sleep 60"]}}
    good = prepared(host, service=service)
    bad = prepared(host, service=service, install={**INSTALL, "argv": ["false"]})

    def stopped(*names: str, wish: dict[str, Any]) -> dict[str, Any]:
        return host.session({**commands(*names, order=wish), "held": "stopped"})[0]

    failed = stopped("deploy", wish=bad)["state"]
    again = stopped("configure-env", "configure", wish=good)["state"]

    assert (failed["environment"], failed["held"]) == ("configured", "stopped")
    assert (again["environment"], again["service"], again["held"]) == ("installed", "configured", "stopped")
    assert again["pids"] == {}
    host.commands("uninstall")
    first = stopped("deploy", wish=prepared(host, service=service))
    assert (first["done"], first["state"]["service"], first["state"]["held"]) == (
        ["deploy"], "configured", "stopped",
    )  # fmt: skip
    assert not (host.node() / "current" / "code" / "started").exists()
    assert host.commands("start")["state"]["service"] == "active"


@pytest.mark.parametrize("value", ["asleep", 1, [], {}], ids=str)
def test_a_way_to_hold_that_nobody_knows_is_malformed(host: Host, value: object) -> None:
    (reply,) = host.session({**commands("start"), "held": value})

    assert reply["error"]["code"] == "malformed"
