"""A stop, heard while a command is under way."""

import subprocess
from pathlib import Path

import pytest

from ramify.stub import archive, wire
from unit.stub.host import PATH, Host, commands, frame, interpreters, order, pack, put, states
from unit.stub.test_reading import one


@pytest.mark.parametrize("python", interpreters())
def test_an_installer_is_ended_when_the_peer_says_stop(tmp_path: Path, python: str) -> None:
    host = Host(tmp_path, python)
    digest, data = pack({})
    install = {"argv": ["sh", "-c", "trap '' TERM; mkfifo never; echo up; read line < never; sleep 1000"]}
    try:
        host.put((digest, data))
        stub = archive.build()
        argv = archive.arguments(python, str(host.root), stub.digest, 0)
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            one(process.stdout)
            wish = order(digest, install=install)
            process.stdin.write(frame({"id": 1, **commands("deploy", order=wish)}))
            log = host.node() / "log/install.log"
            while not (log.exists() and log.read_text()):
                pass
            process.stdin.write(frame({"id": 2, "op": "stop"}))
            ended, stopped = one(process.stdout), one(process.stdout)
            process.stdin.write(frame({"id": 3, **commands("configure-env", order=wish)}))
            again = one(process.stdout)
            process.stdin.close()
            process.stdout.close()
        assert ended["error"]["code"] == wire.STOPPED
        assert "install of /region1/zone1/app1 was stopped, as asked" in ended["error"]["message"]
        assert ended["error"]["detail"] == "up"
        assert stopped["ok"]
        assert again["error"]["code"] == wire.STOPPED
        assert states(ended) == ("configured", "non-existent")
        assert ended["state"]["open"] is None
        assert host.processes() == host.stubs() == set()
        assert host.status() == again["state"] == ended["state"]
        redone = host.commands("configure-env", order=order(digest))
        assert states(redone)[0] == "installed"
    finally:
        host.clean()


def test_a_peer_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    digest, data = pack({})
    try:
        sent, done = host.session(put(digest, data), commands("deploy", order=order(digest)))
        assert sent["ok"]
        assert states(done) == ("installed", "active")
    finally:
        host.clean()


def test_what_was_asked_before_a_stop_is_answered_before_it(tmp_path: Path) -> None:
    host = Host(tmp_path)
    digest, data = pack({})
    try:
        replies = host.session(
            put(digest, data),
            commands("deploy", order=order(digest)),
            {"op": "status", "paths": [PATH]},
            {"op": "stop"},
            commands("shutdown"),
        )
        assert [reply["ok"] for reply in replies] == [True, True, True, True, False]
        assert host.status()["service"] == "active"
    finally:
        host.clean()
