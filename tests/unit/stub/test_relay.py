"""Attach: a session becomes a pipe to a service's unix socket."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import archive
from unit.stub.host import PATH, Host, frame, order, pack

SERVER = """
import os, socket, sys, time
time.sleep(float(sys.argv[1]))
os.chdir(os.environ["RAMIFY_RUN"])
server = socket.socket(socket.AF_UNIX)
server.bind("socket")
server.listen(5)
while True:
    connection = server.accept()[0]
    while True:
        data = connection.recv(65536)
        if not data:
            break
        connection.sendall(data.upper())
    connection.sendall(b"<end>")
    connection.close()
"""
# It does not read before it has written more than any buffer holds.
TALKER = SERVER.replace(
    "    while True:\n        data", "    connection.sendall(b'x' * 3000000)\n    while True:\n        data"
)


def serve(host: Host, server: str = SERVER, delay: str = "0") -> None:
    digest, data = pack({"server.py": server})
    host.put((digest, data))
    start = {"main": ["{python}", "server.py", delay]}
    reply = host.commands("deploy", order=order(digest, service={"start": start}))
    assert reply["ok"], reply


def attach(host: Host, data: bytes, **fields: Any) -> tuple[dict[str, Any], bytes]:
    """The reply to `attach`, and all that came after it."""
    stub = archive.build()
    sent = stub.data + frame({"id": 1, "op": "attach", "path": PATH, **fields}) + data
    output = host.run(sent, len(stub.data)).stdout
    parts = []
    for _ in range(2):
        size = int.from_bytes(output[:4], "big")
        parts.append(output[8 : 8 + size])
        output = output[8 + size :]
    reply: dict[str, Any] = json.loads(parts[1])
    return reply, output


def test_bytes_go_to_the_service_and_come_back(host: Host) -> None:
    serve(host)
    reply, output = attach(host, b"hello")

    assert reply == {"id": 1, "ok": True}
    assert output == b"HELLO<end>"


def test_attach_waits_for_a_service_that_is_about_to_listen(host: Host) -> None:
    serve(host, delay="0.4")
    reply, output = attach(host, b"hello")

    assert reply["ok"]
    assert output == b"HELLO<end>"


def test_more_than_any_buffer_goes_through_both_ways(host: Host) -> None:
    serve(host)
    data = os.urandom(3_000_000).hex().encode()
    _, output = attach(host, data)

    assert output == data.upper() + b"<end>"


def test_both_ends_may_write_before_they_read(host: Host) -> None:
    serve(host, TALKER)
    data = b"y" * 3_000_000
    _, output = attach(host, data)

    assert output == b"x" * 3_000_000 + data.upper() + b"<end>"


def test_a_service_that_does_not_run_is_told(host: Host) -> None:
    serve(host)
    host.commands("shutdown")
    reply, output = attach(host, b"")

    assert reply["error"]["code"] == "not-active"
    assert reply["error"]["found"]["service"] == "configured"
    assert output == b""


def test_a_service_that_never_listens_is_told_in_time(host: Host) -> None:
    digest, data = pack({"x": ""})
    host.put((digest, data))
    host.commands("deploy", order=order(digest))
    reply, _ = attach(host, b"", wait=0.2)

    assert reply["error"]["code"] == "timeout"
    assert "run/socket" in reply["error"]["message"]


def test_a_root_too_long_for_a_socket_address_does(tmp_path: Path) -> None:
    host = Host(tmp_path / ("x" * 100) / ("y" * 100))
    try:
        serve(host)
        assert attach(host, b"a")[1] == b"A<end>"
    finally:
        host.clean()


def test_the_session_ends_when_the_service_ends(host: Host) -> None:
    serve(host)
    stub = archive.build()
    argv = archive.arguments(host.python, str(host.root), stub.digest, 0)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        assert session.stdin
        assert session.stdout
        session.stdin.write(frame({"id": 1, "op": "attach", "path": PATH}) + b"a")
        session.stdin.flush()
        output = b""
        while not output.endswith(b"A"):
            output += os.read(session.stdout.fileno(), 1000)
        for pid in host.processes():
            os.kill(pid, 9)
        assert session.wait(10) == 0


@pytest.mark.parametrize("wait", [-1, 0])
def test_without_patience_one_attempt_is_made(host: Host, wait: int) -> None:
    serve(host, delay="5")

    assert attach(host, b"", wait=wait)[0]["error"]["code"] == "timeout"
