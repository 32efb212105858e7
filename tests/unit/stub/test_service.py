"""Supervision: real processes, their groups, their logs, and their ends."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import logs, process, wire
from unit.stub.host import PATH, Host, order, pack, states


def deploy(host: Host, script: str, files: dict[str, str] | None = None, **service: Any) -> dict[str, Any]:
    """Deploy a service that runs a script."""
    digest, data = pack(files or {"x": ""})
    host.put((digest, data))
    start = {"main": ["sh", "-c", script]}
    return host.commands("deploy", order=order(digest, service={"start": start, **service}))


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def log(host: Host, name: str = "main") -> str:
    return (host.node() / "log" / f"{name}.log").read_text()


def test_a_session_ends_while_its_service_runs_on(host: Host) -> None:
    reply = deploy(host, "exec sleep 1000")

    assert host.processes() == {reply["state"]["pids"]["main"]}
    assert len(host.stubs()) == 1  # the supervisor


def test_nothing_of_the_group_survives_a_shutdown(host: Host) -> None:
    deploy(host, "sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & exec sleep 1000")
    eventually(lambda: len(host.processes()) == 5)
    reply = host.commands("shutdown")

    assert states(reply) == ("installed", "configured")
    assert reply["state"]["pids"] == {}
    assert host.processes() == host.stubs() == set()


def test_a_service_that_ignores_the_signal_is_killed_when_its_time_is_over(host: Host) -> None:
    deploy(host, "trap '' TERM; while :; do sleep 1; done", stop={"signal": "TERM", "timeout": 0.2})
    reply = host.commands("shutdown")

    assert reply["ok"]
    assert reply["state"]["exits"]["main"]["code"] == -signal.SIGKILL
    assert host.processes() == set()


def test_a_service_has_its_time_to_stop_and_gets_the_signal_that_it_wants(host: Host) -> None:
    deploy(
        host,
        "trap 'echo bye; exit 7' INT; while :; do sleep 0.02; done",
        stop={"signal": "INT", "timeout": 5},
    )
    reply = host.commands("shutdown")

    assert reply["state"]["exits"]["main"]["code"] == 7
    assert log(host) == "bye\n"


def test_a_process_that_ends_at_once_is_a_failed_start(host: Host) -> None:
    reply = deploy(host, "seq 30; echo reason >&2; exit 3", grace=5)

    assert reply["error"]["code"] == "failed"
    assert (
        reply["error"]["message"]
        == f"process main of {PATH} ended with exit code 3 as soon as it was started"
    )
    assert reply["error"]["detail"].split() == [wire.CUT, *map(str, range(12, 31)), "reason"]
    assert states(reply) == ("installed", "configured")
    assert host.processes() == host.stubs() == set()


def test_a_program_that_is_not_there_is_named(host: Host) -> None:
    digest, data = pack({"x": ""})
    host.put((digest, data))
    reply = host.commands(
        "deploy", order=order(digest, service={"start": {"main": ["no-such-program"]}, "grace": 5})
    )

    assert "no program no-such-program in " in reply["error"]["detail"]
    assert states(reply) == ("installed", "configured")


def test_when_one_process_fails_to_start_none_is_left(host: Host) -> None:
    digest, data = pack({"x": ""})
    host.put((digest, data))
    start = {"good": ["sleep", "1000"], "bad": ["false"]}
    reply = host.commands("deploy", order=order(digest, service={"start": start, "grace": 5}))

    assert reply["error"]["message"].startswith("process bad of ")
    assert host.processes() == host.stubs() == set()


def test_a_service_that_ended_is_found_configured_with_its_exit(host: Host) -> None:
    reply = deploy(host, "exec sleep 1000")
    os.kill(reply["state"]["pids"]["main"], signal.SIGKILL)
    eventually(lambda: host.stubs() == set())
    found = host.status()

    assert (found["environment"], found["service"]) == ("installed", "configured")
    assert found["exits"]["main"]["code"] == -9
    assert abs(found["exits"]["main"]["at"] - time.time()) < 60
    assert '"service":"configured"' in (host.node() / "node.json").read_text()
    assert states(host.commands("start")) == ("installed", "active")


def test_when_one_process_ends_the_others_are_stopped(host: Host) -> None:
    digest, data = pack({"x": ""})
    host.put((digest, data))
    start = {"one": ["sleep", "1000"], "two": ["sleep", "1000"]}
    reply = host.commands("deploy", order=order(digest, service={"start": start}))
    os.kill(reply["state"]["pids"]["two"], signal.SIGKILL)
    eventually(lambda: host.stubs() == set())

    assert host.processes() == set()
    assert {name: end["code"] for name, end in host.status()["exits"].items()} == {"one": -15, "two": -9}


def test_a_service_whose_supervisor_was_killed_can_still_be_stopped(host: Host) -> None:
    deploy(host, "sleep 1000 & exec sleep 1000")
    eventually(lambda: len(host.processes()) == 2)
    (supervisor,) = host.stubs()
    os.kill(supervisor, signal.SIGKILL)
    running = host.status()["service"]
    reply = host.commands("shutdown")

    assert running == "active"
    assert reply["ok"]
    assert host.processes() == set()


def test_a_pid_that_belongs_to_another_process_is_never_signalled(host: Host) -> None:
    """The journal's pid is given to a bystander, as a reboot could."""
    reply = deploy(host, "exec sleep 1000")
    (supervisor,) = host.stubs()
    os.kill(supervisor, signal.SIGKILL)
    os.kill(reply["state"]["pids"]["main"], signal.SIGKILL)
    eventually(lambda: host.processes() == set())
    bystander = os.fork()
    if bystander == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", "1000"])
    journal = host.node() / "node.json"
    old = f'"main":[{reply["state"]["pids"]["main"]},'
    text = journal.read_text()
    journal.write_text(text.replace(old, f'"main":[{bystander},'))
    found = host.status()["service"]
    started = host.commands("start")
    alive = os.waitpid(bystander, os.WNOHANG) == (0, 0)
    os.kill(bystander, signal.SIGKILL)
    os.waitpid(bystander, 0)

    assert old in text
    assert found == "configured"
    assert started["ok"]
    assert alive


def test_activate_and_deactivate_by_signal(host: Host) -> None:
    script = "trap 'echo passive' USR1; trap 'echo again' USR2; echo up; while :; do sleep 0.02; done"
    control = {"deactivate": {"signal": "USR1"}, "activate": {"signal": "USR2"}}
    deploy(host, script, control=control)
    eventually(lambda: log(host) == "up\n")
    passive = host.commands("deactivate")
    eventually(lambda: "passive\n" in log(host))
    active = host.commands("activate")
    eventually(lambda: "again\n" in log(host))

    assert states(passive) == ("installed", "passive")
    assert states(active) == ("installed", "active")


def test_activate_and_deactivate_by_command(host: Host) -> None:
    control = {
        "deactivate": {"argv": ["sh", "-c", "echo $WHO > {run}/passive"]},
        "activate": {"argv": ["sh", "-c", "echo no way; exit 4"]},
    }
    deploy(host, "exec sleep 1000", control=control, env={"WHO": "me"})
    passive = host.commands("deactivate")
    failed = host.commands("activate")

    assert states(passive) == ("installed", "passive")
    assert (host.node() / "run" / "passive").read_text() == "me\n"
    assert failed["error"]["message"] == f"activate of {PATH} ended with exit code 4"
    assert failed["error"]["detail"] == "no way"
    assert states(failed) == ("installed", "passive")
    assert states(host.commands("shutdown")) == ("installed", "configured")


RELOADING = """
trap 'cat $RAMIFY_CONFIG/word' HUP
echo up
while :; do sleep 0.02; done
"""


def configured(host: Host, word: str, **service: Any) -> dict[str, Any]:
    """An order whose service reads a word from a file when it is told to."""
    digest, data = pack({"x": ""})
    host.put((digest, data))
    file = {"name": "word", "mode": 0o600, "content": f"{word}\n"}
    start, control = {"main": ["sh", "-c", RELOADING]}, {"reload": {"signal": "HUP"}}
    told = {"start": start, "control": control, "files": [file], **service}
    return order(digest, service_digest=word, service=told)


def test_a_service_reads_its_new_files_and_goes_on(host: Host) -> None:
    before = host.commands("deploy", order=configured(host, "one"))
    eventually(lambda: log(host) == "up\n")
    after = host.commands("reload", order=configured(host, "two"))
    eventually(lambda: log(host).endswith("two\n"))

    assert states(after) == ("installed", "active")
    assert after["state"]["service_digest"] == "two"
    assert after["state"]["pids"] == before["state"]["pids"]


def test_a_service_is_not_told_to_reload_what_only_a_new_process_can_see(host: Host) -> None:
    before = host.commands("deploy", order=configured(host, "one"))
    refused = host.commands("reload", order=configured(host, "two", env={"A": "1"}, args=["--more"]))

    assert refused["error"]["code"] == "refused"
    assert refused["error"]["message"] == f"{PATH} must be restarted to be given its env and args"
    assert refused["state"] == before["state"]
    assert (host.node() / "current" / "config" / "word").read_text() == "one\n"


def test_a_component_that_states_no_way_says_so(host: Host) -> None:
    deploy(host, "exec sleep 1000")

    assert "states no way to deactivate" in host.commands("deactivate")["error"]["message"]


def test_the_service_sees_its_configuration(host: Host) -> None:
    script = 'echo "$1 $WHO $RAMIFY_DATA $(cat $RAMIFY_CONFIG/etc/app.conf) $(pwd)"; exec sleep 1000'
    digest, data = pack({"run.sh": "#!/bin/sh\n" + script})
    host.put((digest, data))
    service = {
        "start": {"main": ["./run.sh"]},
        "args": ["{data}"],
        "env": {"WHO": "me"},
        "files": [{"name": "etc/app.conf", "base64": "Y29udGVudA=="}],
    }
    host.commands("deploy", order=order(digest, service=service))
    node = host.node()

    eventually(lambda: log(host) == f"{node}/data me {node}/data content {node}/releases/1/code\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("program", "#!/bin/sh\necho up; exec sleep 1000"),
        ("program.sh", "echo up; exec sleep 1000"),
        ("program.py", "import time; print('up', flush=True); time.sleep(1000)"),
    ],
)
def test_the_format_of_the_only_file_tells_how_to_start(host: Host, name: str, content: str) -> None:
    digest, data = pack({name: content}, modes={name: 0o644})
    host.put((digest, data))
    reply = host.commands("deploy", order=order(digest, service={"start": None, "start_from": "format"}))

    assert reply["ok"], reply
    eventually(lambda: log(host) == "up\n")


def test_the_installer_can_print_how_to_start(host: Host) -> None:
    digest, data = pack({"run.sh": "#!/bin/sh\necho $1 $2 $3; exec sleep 1000"})
    host.put((digest, data))
    install = {"argv": ["sh", "-c", "echo noise >&2; echo first; echo ./run.sh 'a  b' '\"c  d\"'; echo"]}
    service = {"start": None, "start_from": "installer", "args": ["last"]}
    host.commands("deploy", order=order(digest, install=install, service=service))

    eventually(lambda: log(host) == "a b last\n" or log(host) == "a b c d\n")


def test_logs_are_rotated_and_never_grow_without_end(host: Host) -> None:
    deploy(host, "head -c 5000000 /dev/zero | tr '\\0' x; echo done; exec sleep 1000")
    folder = host.node() / "log"
    eventually(lambda: logs.tail(str(folder / "main.log")).endswith("done"))
    sizes = {file.name: file.stat().st_size for file in folder.glob("main.log*")}

    assert set(sizes) == {"main.log", "main.log.1", "main.log.2"}
    assert max(sizes.values()) <= logs.LIMIT + (64 << 10)


def test_an_orphan_of_a_dead_leader_is_still_found_by_its_group(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork():
            os.execvp("sleep", ["sleep", "1000"])
        os.execvp("sleep", ["sleep", "1000"])
    eventually(lambda: len(process.members(pid)) == 2)
    known = process.identity(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    left = process.group_alive(known), process.alive(known)
    process.stop([known], signal.SIGTERM, 5)

    assert left == (True, False)
    assert not process.group_alive(known)
    assert Path(tmp_path).exists()
