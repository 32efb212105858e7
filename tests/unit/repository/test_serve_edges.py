"""The server against peers that are slow, greedy, many, or speak something else; and how it ends."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ramify.repository.serve_limits import Limits
from unit.repository import projects
from unit.repository.serving import PATIENCE, Serving, serving

QUICK = Limits(head=0.4, body=0.4, send=0.6, linger=0.3, connections=40, grace=1.0)
GOOD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 27\r\n\r\n" + b'{"type": "all", "id": "/a"}'


PIECES = [
    *(b"GET ", b"POST ", b"/", b" HTTP/1.1\r\n", b"Host: h\r\n", b"\r\n", b"Connection: close\r\n"),
    *(b"Range: bytes=", b"0-", b"-", b",", b"If-None-Match: ", b'"', b"Accept: q=;", b"http://"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n"),
    *(b"%00", b"%", b"..", b"blobs/", b"{", b"<request>"),
]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The small project with a large file, served by a server of little patience."""
    folder = projects.write(tmp_path_factory.mktemp("quick"))
    lists = projects.FILES["repositories/repository.yml"]
    (folder / "repositories/repository.yml").write_text(
        lists.replace("install-config:", "  - {match: '/b', ref: big.sh}\ninstall-config:")
    )
    (folder / "repositories/big.sh").write_bytes(b"#!/bin/sh\n" + bytes(32 << 20))
    with serving(folder, QUICK) as running:
        yield running


def peer(running: Serving, receive: int = 0) -> socket.socket:
    made = socket.socket()
    if receive:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    made.settimeout(PATIENCE)
    try:
        made.connect((running.host, running.port))
    except OSError:
        made.close()
        raise
    return made


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    found = bytearray()
    try:
        while data := connection.recv(1 << 16):
            found += data
    except ConnectionResetError:
        pass
    return bytes(found)


def told(running: Serving, *pieces: bytes, pause: float = 0.0) -> bytes:
    with peer(running) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except OSError:
                break
            time.sleep(pause)
        return rest(connection)


def test_a_head_that_trickles_is_cut(quick: Serving) -> None:
    begun = time.monotonic()

    answer = told(quick, *([b"GET / HTTP/1.1\r\n"] + [b"X: y\r\n"] * 40), pause=0.1)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 3


def test_a_body_that_trickles_is_cut(quick: Serving) -> None:
    head, _, body = GOOD.partition(b"\r\n\r\n")

    answer = told(quick, head + b"\r\n\r\n", *[body[at : at + 1] for at in range(15)], pause=0.1)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_whoever_says_nothing_is_left_without_a_word(quick: Serving) -> None:
    assert told(quick) == b""


def test_whoever_does_not_take_what_it_asked_for_is_cut(quick: Serving) -> None:
    with peer(quick, receive=4096) as connection:
        connection.sendall(b"GET /big.sh HTTP/1.1\r\nHost: h\r\n\r\n")
        time.sleep(1.5)
        answer = rest(connection)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(answer) < 32 << 20


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 5_000 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/9.1\r\nHost: h\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    ],
)
def test_a_head_out_of_bounds_is_refused_and_the_connection_ends(
    head: bytes, status: int, quick: Serving
) -> None:
    assert int(told(quick, head).split()[1]) == status


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_out_of_bounds_is_refused_while_it_is_sent(chunked: bool, quick: Serving) -> None:
    size = 1 << 20
    head = b"Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}".encode()
    body = b"%x\r\n%s\r\n" % (size, bytes(size)) if chunked else bytes(size)

    answer = told(quick, b"POST / HTTP/1.1\r\nHost: h\r\n" + head + b"\r\n\r\n" + body)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_whoever_waits_to_be_asked_on_is_asked_on(quick: Serving) -> None:
    head, _, body = GOOD.partition(b"\r\n\r\n")
    with peer(quick) as connection:
        connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_requests_sent_at_once_are_answered_in_order(quick: Serving) -> None:
    gets = [f"GET /{name} HTTP/1.1\r\nHost: h\r\n".encode() for name in ("config/install.yml", "none")]

    answer = told(quick, b"\r\n".join(gets) + b"\r\n" + GOOD + gets[0] + b"Connection: close\r\n\r\n")

    statuses = [line.split()[1] for line in answer.split(b"\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses == [b"200", b"404", b"200", b"200"]


def test_http_1_0_is_answered_and_ended(quick: Serving) -> None:
    answer = told(quick, b"GET /config/install.yml HTTP/1.0\r\n\r\n")

    assert answer.endswith(projects.FILES["repositories/config/install.yml"].encode())


def test_a_peer_that_leaves_in_the_middle_disturbs_nobody(quick: Serving) -> None:
    for _ in range(20):
        with peer(quick) as connection:
            connection.sendall(b"GET /big.sh HTTP/1.1\r\nHost: h\r\n\r\n")
            connection.recv(10)

    assert quick.get("/healthz").json["status"] == "ok"
    assert not [line for line in quick.log if "Error" in line]


def test_more_connections_than_there_may_be_are_told_so(tmp_path: Path) -> None:
    # Patient with those who are silent: held connections must still be held when one more comes.
    few = Limits(head=PATIENCE, connections=3)
    with serving(projects.write(tmp_path / "few"), few) as running:
        held = [peer(running) for _ in range(few.connections)]
        try:
            assert told(running).startswith(b"HTTP/1.1 503 ")
        finally:
            for connection in held:
                connection.close()
        once = GOOD.replace(b"Host: h\r\n", b"Host: h\r\nConnection: close\r\n")
        deadline = time.monotonic() + PATIENCE
        while told(running, once).split()[1:2] != [b"200"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_leave_the_server_well(quick: Serving, data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=12))
    with peer(quick) as connection:
        connection.sendall(b"".join(pieces))
        connection.shutdown(socket.SHUT_WR)
        answer = rest(connection)

    assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert not [line for line in quick.log if "cannot answer" in line or "connection ended" in line]


def test_many_clients_at_once_get_their_own_answers(tmp_path: Path) -> None:
    lists = "service-config:\n" + "".join(
        f"  - {{match: '/r{number}/**', ref: 'http://host/{number}'}}\n" for number in range(200)
    )
    folder = projects.write(tmp_path, repositories__repository_yml=lists)

    def ask(number: int) -> list[str]:
        return running.brp("all", f"/r{number % 200}/x{number}")

    with serving(folder) as running, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(600)))

    assert answers == [[f"http://host/{number % 200}"] for number in range(600)]


def test_a_request_under_way_is_finished_before_the_server_ends(tmp_path: Path) -> None:
    with serving(projects.write(tmp_path), Limits(grace=5)) as running, peer(running) as connection:
        idle = peer(running)
        connection.sendall(GOOD[:-1])
        time.sleep(0.2)
        running.end()
        time.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            peer(running)
        connection.sendall(GOOD[-1:])
        answer = rest(connection)
        with idle:
            assert rest(idle) == b""

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["id"] == "/a"
    assert b"\r\nConnection: close\r\n" in answer


def test_the_server_ends_though_a_peer_does_not(tmp_path: Path) -> None:
    with serving(projects.write(tmp_path), Limits(grace=0.3)) as running, peer(running) as stuck:
        stuck.sendall(GOOD[:-1])
        time.sleep(0.2)
        begun = time.monotonic()
        running.end()
        rest(stuck)

    assert time.monotonic() - begun < 3
