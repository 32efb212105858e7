"""A stop, heard while a command is under way."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import archive, wire
from unit.stub.host import PATH, Host, commands, frame, interpreters, order, pack, put, states
from unit.stub.test_reading import one

OTHER = "/region1/zone1/app2"


class Talk:
    """A session that is talked to request by request."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._number = 0
        one(self._from)

    def say(self, request: dict[str, Any]) -> None:
        self._number += 1
        self._to.write(frame({"id": self._number, **request}))

    def hear(self) -> dict[str, Any]:
        """The next reply; wishes for parts, and what is said of unwanted ones, are none."""
        while (heard := one(self._from)).get("id") is None:
            pass
        return heard


@contextmanager
def talk(host: Host) -> Iterator[Talk]:
    stub = archive.build()
    host.session()
    argv = archive.arguments(host.python, str(host.root), stub.digest, 0)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        yield Talk(process)


def until(host: Host, log: str) -> None:
    """Wait until something has been said."""
    file = host.node() / "log" / log
    while not (file.exists() and file.read_text()):
        pass


@pytest.mark.parametrize("python", interpreters())
def test_an_installer_is_ended_when_the_peer_says_stop(tmp_path: Path, python: str) -> None:
    host = Host(tmp_path, python)
    digest, data = pack({})
    install = {"argv": ["sh", "-c", "trap '' TERM; mkfifo never; echo up; read line < never; sleep 1000"]}
    try:
        host.put((digest, data))
        wish = order(digest, install=install)
        with talk(host) as session:
            session.say(commands("deploy", order=wish))
            until(host, "install.log")
            session.say({"op": "stop"})
            ended, stopped = session.hear(), session.hear()
            session.say(commands("configure-env", order=wish))
            again = session.hear()
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


def test_a_service_that_is_waited_for_is_ended_when_the_peer_says_stop(tmp_path: Path) -> None:
    host = Host(tmp_path)
    digest, data = pack({})
    never = {"kind": "exec", "argv": ["false"], "interval": 60, "retries": 1000}
    try:
        host.put((digest, data))
        # A session of its own has the part of the stub that looks after health kept: nobody is asked for it.
        well = {"health": {"kind": "exec", "argv": ["true"]}}
        assert host.commands("deploy", order=order(digest, OTHER, service=well), path=OTHER)["ok"]
        with talk(host) as session:
            session.say(commands("deploy", order=order(digest, service={"health": never})))
            until(host, "main.log")
            session.say({"op": "stop"})
            ended = session.hear()
        assert ended["error"]["code"] == wire.STOPPED
        assert states(ended) == ("installed", "configured")
        assert host.commands("shutdown", "uninstall", path=OTHER)["ok"]
        assert host.processes() == host.stubs() == set()
    finally:
        host.clean()
