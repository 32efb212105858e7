"""Health checks on real services: what active means, what a failed start says, and what is seen later."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import health, orders
from ramify.stub.wire import StubError
from unit.stub.host import PATH, Host, order, pack, states

SERVER = """
import http.server, os, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(open(os.environ["RAMIFY_DATA"] + "/code").read()))
        self.end_headers()
        self.wfile.write(b"words of " + self.path.encode())
    def log_message(self, *words):
        pass
time.sleep(float(os.environ.get("LATE", 0)))
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
SOON = {"interval": 0.1, "timeout": 5, "retries": 3}
LONG = {"interval": 0.1, "timeout": 5, "retries": 3, "start_period": 30}


@pytest.fixture
def port() -> str:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def deploy(host: Host, script: str, said: dict[str, Any], **service: Any) -> dict[str, Any]:
    """Deploy a service that runs a script, with a health check."""
    digest, data = pack({"x": "", "server.py": SERVER})
    host.put((digest, data))
    start = service.pop("start", {"main": ["sh", "-c", script]})
    return host.commands("deploy", order=order(digest, service={"start": start, "health": said, **service}))


def serve(host: Host, port: str, **service: Any) -> dict[str, Any]:
    """Deploy a service that answers over HTTP with the status in its file `code`."""
    said = {"kind": "http", "port": "$PORT", "path": "/healthz?deep=1", **LONG, **service.pop("said", {})}
    env = {"PORT": port, **service.pop("env", {})}
    return deploy(host, "echo ${CODE:-200} > $RAMIFY_DATA/code; exec {python} server.py", said, env=env)


def answer(host: Host, code: int) -> None:
    (host.node() / "data" / "code").write_text(str(code))


def checked(host: Host) -> str:
    found = host.status()["health"]
    return str(found["state"])


def test_a_service_is_active_once_it_answers(host: Host, port: str) -> None:
    reply = serve(host, port, env={"LATE": "0.5"})

    assert reply["ok"], reply
    assert reply["state"]["health"]["state"] == "healthy"
    assert reply["state"]["health"]["output"] == ""
    assert (host.node() / "log" / "main.log").read_text() == "listening\n"


def test_a_service_that_answers_wrongly_is_not_started_and_says_its_last_words(host: Host, port: str) -> None:
    reply = serve(host, port, env={"CODE": "503"}, said={"start_period": 1, **SOON})

    assert reply["error"]["code"] == "failed"
    assert reply["error"]["message"] == (
        f"{PATH} did not become healthy within 1.3 s: 127.0.0.1:{port}/healthz?deep=1 answered "
        "503 Service Unavailable: words of /healthz?deep=1"
    )
    assert reply["error"]["detail"] == "listening"
    assert states(reply) == ("installed", "configured")
    assert host.processes() == host.stubs() == set()


def test_health_is_followed_while_the_service_runs(host: Host, port: str) -> None:
    first = serve(host, port)["state"]["health"]["since"]
    answer(host, 500)
    eventually(lambda: checked(host) == "unhealthy")
    state = host.status()
    answer(host, 204)
    eventually(lambda: checked(host) == "healthy")

    assert state["service"] == "active"
    assert "answered 500" in state["health"]["output"]
    assert first < state["health"]["since"] < host.status()["health"]["since"]


def test_failures_that_do_not_follow_each_other_do_not_count(host: Host) -> None:
    script = "n=$(cat {data}/n || echo 0); echo $((n+1)) > {data}/n; exit $((n % 2))"
    said = {"kind": "exec", "argv": ["sh", "-c", script], "interval": 0.1, "retries": 2, "start_period": 30}
    deploy(host, "exec sleep 1000", said)
    count = host.node() / "data" / "n"
    eventually(lambda: count.exists() and int(count.read_text() or 0) > 8)

    assert checked(host) == "healthy"


def test_a_connection_is_enough_for_tcp_and_a_closed_port_is_not(host: Host, port: str) -> None:
    with socket.create_server(("127.0.0.1", int(port))):
        good = deploy(host, "exec sleep 1000", {"kind": "tcp", "host": "localhost", "port": port, **SOON})
        host.commands("shutdown")
    bad = host.commands("start")

    assert good["ok"], good
    assert bad["error"]["message"].endswith(f": cannot connect to localhost:{port}: Connection refused")


def test_a_check_runs_as_its_service_does(host: Host) -> None:
    script = 'test -e x && test "$WHO" = me && test -n "$RAMIFY_RUN" && pwd && umask && exit 9'
    said = {"kind": "exec", "argv": ["sh", "-c", script], **SOON}
    reply = deploy(host, "exec sleep 1000", said, env={"WHO": "me"})
    umask = re.search(r"releases/1/code (\d+)$", reply["error"]["message"])

    assert "the check ended with exit code 9: /" in reply["error"]["message"]
    assert umask is not None
    assert umask[1] == "0022"


def test_a_check_that_hangs_is_ended_with_all_that_it_started(host: Host) -> None:
    said = {
        "kind": "exec",
        "argv": ["sh", "-c", "echo waiting; sleep 999 & sleep 999"],
        **SOON,
        "timeout": 0.1,
    }
    reply = deploy(host, "exec sleep 1000", said)

    assert "the check did not end within 0.1 s: waiting" in reply["error"]["message"]
    assert host.processes() == host.stubs() == set()


def test_a_server_that_says_nothing_is_not_waited_for(host: Host, port: str) -> None:
    with socket.create_server(("127.0.0.1", int(port))):
        said = {"kind": "http", "port": port, **SOON, "timeout": 0.1}
        reply = deploy(host, "exec sleep 1000", said)

    assert reply["error"]["message"].endswith(f": 127.0.0.1:{port} did not answer within 0.1 s")


def test_a_service_that_ends_while_it_is_waited_for_fails_at_once(host: Host, port: str) -> None:
    said = {"kind": "tcp", "port": port, **LONG}
    reply = deploy(host, "sleep 0.3; echo reason; exit 4", said)

    assert (
        reply["error"]["message"]
        == f"process main of {PATH} ended with exit code 4 as soon as it was started"
    )
    assert reply["error"]["detail"] == "reason"
    assert states(reply) == ("installed", "configured")


def test_a_check_that_cannot_be_run_is_named(host: Host) -> None:
    reply = deploy(host, "exec sleep 1000", {"kind": "exec", "argv": ["no-such-check"], **SOON})

    assert "cannot run no-such-check: no program no-such-check in " in reply["error"]["message"]


def test_every_process_has_its_last_words(host: Host, port: str) -> None:
    start = {name: ["sh", "-c", f"echo {name} speaks; exec sleep 1000"] for name in ("one", "two")}
    reply = deploy(host, "", {"kind": "tcp", "port": port, **SOON}, start=start)

    assert reply["error"]["detail"] == "==> one <==\none speaks\n==> two <==\ntwo speaks"


def test_last_words_are_those_of_this_start(host: Host) -> None:
    said = {"kind": "exec", "argv": ["test", "-e", "x"], **LONG}
    deploy(host, "test -e {data}/again && exit 3; echo first; exec sleep 1000", said)
    (host.node() / "data" / "again").touch()
    reply = host.commands("restart")

    assert reply["error"]["message"].startswith("process main")
    assert reply["error"]["detail"] == ""


def test_a_passive_service_is_asked_nothing_and_an_active_one_again(host: Host, port: str) -> None:
    control = {"deactivate": {"signal": "STOP"}, "activate": {"signal": "CONT"}}
    digest, data = pack({"server.py": SERVER})
    host.put((digest, data))
    service = {
        "start": {"main": ["sh", "-c", "echo 200 > $RAMIFY_DATA/code; exec {python} server.py"]},
        "health": {"kind": "http", "port": "$PORT", **LONG, "timeout": 0.2},
        "env": {"PORT": port},
        "control": control,
    }
    host.commands("deploy", order=order(digest, service=service))
    passive = host.commands("deactivate")
    file = host.node() / "run" / "health"
    eventually(lambda: '"passive"' in file.read_text())
    active = host.commands("activate")

    assert states(passive) == ("installed", "passive")
    assert "health" not in passive["state"]
    assert active["ok"], active
    assert active["state"]["health"]["state"] == "healthy"


def test_a_service_that_does_not_become_healthy_again_pauses_on(host: Host) -> None:
    said = {"kind": "exec", "argv": ["sh", "-c", "! test -e {data}/ill"], **SOON}
    control = {"deactivate": {"signal": "STOP"}, "activate": {"signal": "CONT"}}
    deploy(host, "exec sleep 1000", said, control=control)
    host.commands("deactivate")
    (host.node() / "data" / "ill").touch()
    reply = host.commands("activate")

    assert reply["error"]["message"].startswith(f"{PATH} did not become healthy within 0.3 s")
    assert states(reply) == ("installed", "passive")


def test_nothing_is_checked_any_more_while_a_service_stops(host: Host) -> None:
    said = {"kind": "exec", "argv": ["sh", "-c", "echo asked >> {data}/asked"], **LONG}
    script = (
        "trap 'cp $RAMIFY_DATA/asked $RAMIFY_DATA/then; sleep 0.5; exit 0' TERM; while :; do sleep 0.02; done"
    )
    deploy(host, script, said)
    host.commands("shutdown")
    data = host.node() / "data"

    assert (data / "asked").read_text() == (data / "then").read_text()
    assert host.stubs() == set()


def test_a_supervisor_that_is_killed_leaves_no_word_that_anybody_could_mistake(host: Host) -> None:
    said = {"kind": "exec", "argv": ["true"], **LONG}
    deploy(host, "exec sleep 1000", said)
    (supervisor,) = host.stubs()
    os.kill(supervisor, signal.SIGKILL)
    host.commands("shutdown")

    assert "health" not in host.status()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "guess"},
        {"kind": "exec"},
        {"kind": "exec", "argv": []},
        {"kind": "http", "path": "no/slash"},
        {"kind": "http", "path": "/a b"},
        {"kind": "http", "path": "/\r\nX: y"},
        {"kind": "tcp", "port": 80},
        {"kind": "tcp", "retries": 0},
        {"kind": "tcp", "retries": True},
        {"kind": "tcp", "interval": 0},
        {"kind": "tcp", "timeout": -1},
        "true",
    ],
)
def test_an_order_with_another_check_is_refused(wrong: object) -> None:
    with pytest.raises(StubError) as error:
        orders.check(order(None, service={"health": wrong}), PATH)

    assert error.value.code == "malformed"
    assert "order.service.health" in error.value.message


@pytest.mark.parametrize(
    ("port", "why"), [("$NONE", "no variable NONE"), ("$WORD", "is not a port"), ("0", "not a port")]
)
def test_a_port_that_is_none_is_told_when_it_is_used(port: str, why: str) -> None:
    said = health.check({"kind": "tcp", "port": port})

    with pytest.raises(StubError, match=re.escape(why)):
        health.told(said, {"WORD": "eighty"})


def test_what_a_service_writes_there_itself_is_no_health(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", '{"state": "great", "since": 1, "output": ""}', '{"state": "healthy"}'):
        (tmp_path / "health").write_text(text)

        assert health.state(str(tmp_path)) is None
