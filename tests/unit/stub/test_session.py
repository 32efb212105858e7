"""A session: greeting, requests in order, polite refusals."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import archive
from unit.stub.host import (
    PATH,
    Host,
    commands,
    frame,
    frames,
    interpreters,
    order,
    pack,
    parts,
    put,
    replies,
    states,
)

SERVICE = {
    "install.sh": "echo installed > made; echo $RAMIFY_CODE",
    "run.sh": "#!/bin/sh\nexec sleep 1000",
}
# What a deployment must never import: each of these costs every contact milliseconds.
HEAVY = [
    "subprocess",
    "tarfile",
    "zipfile",
    "tempfile",
    "asyncio",
    "re",
    "json",
    "socket",
    "logging",
    "argparse",
]
HEAVY += [
    "typing",
    "dataclasses",
    "pathlib",
    "shutil",
    "enum",
    "collections",
    "functools",
    "contextlib",
    "signal",
]
HEAVY += ["hashlib", "inspect", "threading", "warnings", "importlib", "site"]


def deployment(digest: str) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "install": {"argv": ["sh", "install.sh"]},
        "service": {"start": {"main": ["run.sh"]}},
    }
    return order(digest, **parts)


@pytest.mark.parametrize("python", interpreters())
def test_a_service_is_deployed_seen_and_taken_away_on_every_python(tmp_path: Path, python: str) -> None:
    host = Host(tmp_path, python)
    digest, data = pack(SERVICE)
    try:
        sent, deployed = host.session(put(digest, data), commands("deploy", order=deployment(digest)))
        seen = host.status()
        running = host.processes()
        gone = host.commands("shutdown", "uninstall")

        assert sent["received"] == len(data)
        assert states(deployed) == ("installed", "active")
        assert seen == deployed["state"]
        assert running == set(seen["pids"].values())
        assert states(gone) == ("non-existent", "non-existent")
        assert host.processes() == host.stubs() == set()
        assert not host.root.exists()
    finally:
        host.clean()


@pytest.mark.parametrize("python", interpreters())
def test_a_deployment_imports_nothing_that_is_slow(tmp_path: Path, python: str) -> None:
    """Asked of the stub's own process: what `-X importtime` reports on its standard error."""
    host = Host(tmp_path, python)
    digest, data = pack(SERVICE)
    stub = archive.build()
    argv = archive.arguments(python, str(host.root), stub.digest, len(stub.data))
    requests = [put(digest, data), (commands("deploy", order=deployment(digest)), b"")]
    stream = b"".join(frame({"id": number, **item[0]}, item[1]) for number, item in enumerate(requests))
    try:
        result = subprocess.run(
            [argv[0], "-X", "importtime", *argv[1:]],
            input=stub.data + stream + parts(),
            capture_output=True,
            check=True,
        )
        imported = {line.split(b"|")[-1].strip().decode() for line in result.stderr.splitlines()}

        assert [reply["ok"] for reply in replies(result.stdout)] == [True, True]
        assert "ramify.stub.supervisor" in imported
        assert imported & set(HEAVY) == set()
    finally:
        host.clean()


def test_the_greeting_says_what_a_parent_must_know(host: Host) -> None:
    stub = archive.build()
    (hello,) = frames(host.run(stub.data, len(stub.data)).stdout)

    assert hello["hello"] == 1
    assert hello["protocol"] == [1]
    assert hello["stub"] == stub.digest
    assert hello["root"] == str(host.root)
    assert hello["implementation"] == "cpython"
    assert set(hello) >= {"python", "platform", "machine", "libc", "agent"}


def test_a_stub_without_archive_asks_for_it_once_and_keeps_it(host: Host) -> None:
    stub = archive.build()
    sent = len(stub.data).to_bytes(8, "big") + stub.data
    first = host.run(sent)
    second = host.run(b"")

    assert first.stdout.startswith(archive.NEED)
    assert frames(first.stdout[len(archive.NEED) :])[0]["hello"] == 1
    assert frames(second.stdout)[0]["hello"] == 1


def test_an_archive_that_is_not_its_digest_is_not_run(host: Host) -> None:
    stub = archive.build()
    damaged = stub.data[:-1] + bytes([stub.data[-1] ^ 1])
    result = host.run(damaged, len(damaged))

    assert result.returncode == 1
    assert result.stdout == b""
    assert b"not what its digest says" in result.stderr
    assert not host.root.exists()


def test_a_cached_archive_that_was_damaged_is_asked_for_again(host: Host) -> None:
    stub = archive.build()
    host.run(stub.data, len(stub.data))
    (host.root / "stub" / stub.digest).write_bytes(b"damaged")

    assert host.run(b"").stdout == archive.NEED


@pytest.mark.parametrize(
    "asked",
    [
        {"op": "dance"},
        {"op": 7},
        {},
        {"op": "facts", "protocol": 2},
    ],
)
def test_what_is_unknown_is_refused_and_the_session_goes_on(host: Host, asked: dict[str, Any]) -> None:
    refused, facts = host.session(asked, {"op": "facts", "unheard_of": True})

    assert refused["error"]["code"] == "unsupported"
    assert facts["facts"]["cpus"] >= 1


@pytest.mark.parametrize(
    "asked",
    [
        {"op": "have"},
        {"op": "have", "artifacts": ["../x"]},
        {"op": "put", "artifact": "0" * 64, "size": "1", "offset": 0},
        {"op": "put", "artifact": "0" * 64, "size": 1, "offset": 2},
        {"op": "put", "artifact": "0" * 64, "size": 1, "offset": True},
        {"op": "status", "paths": "x"},
        {"op": "status", "paths": ["relative"]},
        {"op": "status", "paths": ["/a/../b"]},
        {"op": "commands", "path": "/a/.b", "commands": ["start"]},
        {"op": "commands", "path": "/" + "x" * 65, "commands": ["start"]},
        {"op": "commands", "path": "/a" * 33, "commands": ["start"]},
        {"op": "commands", "path": PATH, "commands": ["jump"]},
        {"op": "commands", "path": PATH, "commands": []},
        {"op": "commands", "path": PATH, "commands": ["deploy"]},
        {"op": "commands", "path": PATH, "commands": ["deploy"], "order": order(None, path="/b")},
        {"op": "commands", "path": PATH, "commands": ["deploy"], "order": order("x")},
        {"op": "attach", "path": PATH, "wait": "long"},
    ],
    ids=lambda asked: json.dumps(asked)[:60],
)
def test_a_field_of_the_wrong_kind_is_malformed_and_the_rest_is_served(
    host: Host, asked: dict[str, Any]
) -> None:
    refused, facts = host.session(asked, {"op": "facts"})

    assert refused["error"]["code"] == "malformed"
    assert refused["error"]["message"]
    assert facts["ok"]
    assert not (host.root / "nodes").exists()


BROKEN_PARTS: list[dict[str, Any]] = [
    {"install": {"argv": "sh"}},
    {"install": {"argv": []}},
    {"install": {"env": {"A=B": "x"}}},
    {"install": {"env": {"A": 1}}},
    {"install": {"timeout": -1}},
    {"install": {"files": [{"name": "../x", "content": ""}]}},
    {"install": {"files": [{"name": "x", "mode": "0600", "content": ""}]}},
    {"install": {"files": [{"name": "x"}]}},
    {"install": {"files": [{"name": "x", "base64": "a"}]}},
    {"service": {"start": {"../x": ["true"]}}},
    {"service": {"start": {"x": [""]}}},
    {"service": {"start_from": "magic"}},
    {"service": {"stop": {"signal": "NOPE"}}},
    {"service": {"control": {"activate": {}}}},
    {"service": {"args": [1]}},
    {"service": {"args": ["a\0b"]}},
    {"service": {"grace": True}},
    {"shared": {"code": "0" * 64}},
    {"shared": {"run time": "0" * 64}},
    {"shared": {"runtime": "x"}},
    {"digest": 7},
]


@pytest.mark.parametrize("broken", BROKEN_PARTS, ids=json.dumps)
def test_an_order_is_checked_before_anything_is_touched(host: Host, broken: dict[str, Any]) -> None:
    reply = host.commands("deploy", order=order(None, **broken))

    assert reply["error"]["code"] == "malformed"
    assert reply["error"]["message"].startswith("order")
    assert not (host.root / "nodes").exists()


def test_a_request_that_comes_again_is_answered_again_and_not_done_again(host: Host) -> None:
    install = {"argv": ["sh", "-c", "echo ran >> {data}/runs"]}
    digest, data = pack({"a": "x"})
    host.put((digest, data))
    first, again, other = host.session(
        {**commands("deploy", order=order(digest, install=install)), "id": 5},
        {**commands("deploy", order=order(digest, install=install)), "id": 5},
        {**commands("deploy", order=order(digest, install=install)), "id": 6},
    )

    assert first == again
    assert other["error"]["code"] == "refused"
    assert (host.node() / "data" / "runs").read_text() == "ran\n"


def test_a_header_that_is_not_json_is_refused_and_the_session_goes_on(host: Host) -> None:
    stub = archive.build()
    data = stub.data + (1).to_bytes(4, "big") + bytes(4) + b"{" + frame({"id": 1, "op": "facts"})
    _, refused, facts = frames(host.run(data, len(stub.data)).stdout)

    assert refused["id"] is None
    assert refused["error"]["code"] == "malformed"
    assert facts["ok"]


def test_a_frame_too_large_ends_the_session_politely(host: Host) -> None:
    stub = archive.build()
    data = stub.data + (9 << 20).to_bytes(4, "big") + bytes(4) + frame({"id": 1, "op": "facts"})
    result = host.run(data, len(stub.data))
    _, refused = frames(result.stdout)

    assert refused["error"]["code"] == "malformed"
    assert result.returncode == 0


def test_secrets_are_private_files_and_never_arguments(host: Host) -> None:
    digest, data = pack({"run.sh": "#!/bin/sh\nexec sleep 1000"})
    host.put((digest, data))
    secret = {"env": {"PASSWORD": "hunter2"}, "files": [{"name": "etc/key", "content": "hunter2"}]}
    install = {**secret, "argv": ["sh", "-c", "exit 0"]}
    reply = host.commands("deploy", order=order(digest, install=install, service=secret))
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in host.processes() | host.stubs()]
    open_files = [file for file in host.root.rglob("*") if file.is_file() and file.stat().st_mode & 0o077]

    assert reply["ok"]
    assert not any(b"hunter2" in line for line in lines)
    assert [file.name for file in open_files if b"hunter2" in file.read_bytes()] == []
    assert host.root.stat().st_mode & 0o777 == 0o700
    assert not any(b"hunter2" in log.read_bytes() for log in host.node().joinpath("log").iterdir())


def test_facts_are_those_of_this_host(host: Host) -> None:
    (reply,) = host.session({"op": "facts"})
    facts = reply["facts"]

    assert set(facts) == {
        "hostname", "os", "kernel", "machine", "cpus", "memory_bytes", "python", "libc", "user", "uid",
    }  # fmt: skip
    assert facts["memory_bytes"] > 1 << 20
