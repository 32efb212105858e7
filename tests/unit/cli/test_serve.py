"""`ramify repo serve` as a process: what it says, what it refuses, how it ends."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unit.repository import projects

RAMIFY = [sys.executable, "-m", "ramify", "-C"]


@contextmanager
def process(folder: Path, *argv: str) -> Iterator[subprocess.Popen[str]]:
    line = [*RAMIFY, str(folder), "repo", "serve", "--port", "0", *argv]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def said(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_well_with_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    with process(projects.write(tmp_path), "--json", "-v") as started:
        told = json.loads(said(started))
        assert told["pid"] == started.pid
        host, _, port = told["urls"][0].removeprefix("http://").rstrip("/").rpartition(":")
        assert host == "127.0.0.1"
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("GET", "/healthz")
        assert json.load(connection.getresponse())["status"] == "ok"
        started.send_signal(number)
        out, err = started.communicate(timeout=20)
        connection.close()

    assert (started.returncode, out) == (0, "")
    assert '"GET /healthz" 200' in err


def test_it_says_so_in_words_too(tmp_path: Path) -> None:
    with process(projects.write(tmp_path)) as started:
        assert said(started).startswith("Serving the repository on http://127.0.0.1:")


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process(projects.write(tmp_path), "--port", port) as started:
            _, err = started.communicate(timeout=20)

    assert started.returncode == 1
    assert f"cannot listen to 127.0.0.1 port {port}: Address already in use" in err


def test_a_broken_repository_is_told_and_not_served(tmp_path: Path) -> None:
    projects.write(tmp_path, repositories__repository_yml="code: [")
    with process(tmp_path) as started:
        _, err = started.communicate(timeout=20)

    assert started.returncode == 1
    assert "[syntax]" in err


def test_who_may_read_beyond_loopback_is_told(tmp_path: Path) -> None:
    with process(projects.write(tmp_path), "--host", "0.0.0.0") as started:
        said(started)
        started.terminate()
        _, err = started.communicate(timeout=20)

    assert "Everybody who reaches 0.0.0.0 can read this repository." in err


def test_a_snapshot_says_what_it_holds(tmp_path: Path) -> None:
    target = tmp_path / "snapshot"
    line = [*RAMIFY, str(projects.write(tmp_path / "p")), "repo", "snapshot", str(target), "--json"]

    made = subprocess.run(line, capture_output=True, text=True, check=True)

    assert json.loads(made.stdout) == {"folder": str(target), "files": 4, "blobs": 6}
    assert (target / "lib/h11/__init__.py").is_file()
