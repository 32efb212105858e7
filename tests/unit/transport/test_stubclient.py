"""Sessions with stubs: the real one over a local process, and impostors of all kinds."""

import asyncio
import hashlib
import json
import os
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ramify.model.inventory import Host
from ramify.stub import archive
from ramify.transport import frames
from ramify.transport.errors import (
    ConnectionLostError,
    StubNotStartedError,
    TransportError,
    UnusableReplyError,
)
from ramify.transport.local import LocalConnection
from ramify.transport.stubclient import StubClient, StubError
from unit.stub.host import interpreters

ECHO = """
import os, socket
with socket.socket(socket.AF_UNIX) as server:
    os.chdir(os.environ["RAMIFY_RUN"])
    server.bind("socket")
    server.listen()
    while True:
        peer, _ = server.accept()
        while data := peer.recv(65536):
            peer.sendall(data)
        peer.close()
"""


@asynccontextmanager
async def session(root: Path, *, cached: bool = False, **changes: Any) -> AsyncIterator[StubClient]:
    settings = {"python": sys.executable, "root": str(root), "transport": "local", **changes}
    host = Host("h1", "", **settings)
    stub = await StubClient.open(LocalConnection("h1"), host, cached=cached, patience=5)
    try:
        yield stub
    finally:
        await stub.close()


def pack(file: Path, **contents: bytes) -> str:
    """Write a pack; its digest."""
    entries = [
        [name, 0o644, len(data), hashlib.sha256(data).hexdigest()] for name, data in sorted(contents.items())
    ]
    manifest = json.dumps(entries, separators=(",", ":")).encode()
    body = zlib.compress(b"".join(contents[name] for name in sorted(contents)), 0)
    file.write_bytes(len(manifest).to_bytes(4, "big") + manifest + body)
    return hashlib.sha256(manifest).hexdigest()


async def test_a_host_that_never_had_the_stub_gets_it_with_the_first_request(tmp_path: Path) -> None:
    async with session(tmp_path) as stub:
        reply = await stub.request("status", paths=["/a"])

        assert [(node.path, node.service) for node in reply.nodes] == [("/a", "non-existent")]
        assert stub.hello.python == sys.version_info[:3]
        assert stub.hello.stub == archive.build().digest


@pytest.mark.parametrize("lost", [False, True])
async def test_a_host_that_should_have_the_stub_says_when_it_has_not(tmp_path: Path, lost: bool) -> None:
    async with session(tmp_path) as stub:
        await stub.greeted()
    if lost:
        (tmp_path / "stub" / archive.build().digest).unlink()
    async with session(tmp_path, cached=True) as stub:
        assert stub.hello.root == str(tmp_path)
        assert (await stub.request("facts")).facts["uid"] == os.getuid()


@pytest.mark.parametrize("python", interpreters())
async def test_a_stub_gets_the_parts_that_it_asks_for_while_requests_are_under_way(
    tmp_path: Path, python: str
) -> None:
    async with session(tmp_path, python=python) as stub:
        seen, refused = await asyncio.gather(
            stub.request("status", paths=["/a"]),
            stub.request("trust", policy="none", signatures=[]),
            return_exceptions=True,
        )

    kept = {file.name for file in (tmp_path / "stub").iterdir()}
    assert not isinstance(seen, BaseException)
    assert isinstance(refused, StubError)
    assert refused.code == "untrusted"
    assert len(kept & archive.build().parts.keys()) == 1


async def test_requests_are_under_way_together_and_a_refused_one_harms_no_other(tmp_path: Path) -> None:
    async with session(tmp_path) as stub:
        results = await asyncio.gather(
            stub.request("status", paths=["/a"]),
            stub.request("dance"),
            stub.request("have", artifacts=["0" * 64]),
            return_exceptions=True,
        )

    assert isinstance(results[1], StubError)
    assert results[1].code == "unsupported"
    assert not isinstance(results[2], BaseException)
    assert results[2].have == {"0" * 64: 0}


async def test_one_who_gives_up_waiting_leaves_the_session_whole(tmp_path: Path) -> None:
    async with session(tmp_path) as stub:
        waiting = asyncio.create_task(stub.request("facts"))
        await asyncio.sleep(0)
        waiting.cancel()

        assert (await stub.request("status", paths=[])).nodes == ()


async def test_a_pack_arrives_whole_in_pieces_and_is_sent_once(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    digest = pack(file, big=os.urandom(5 << 20))
    async with session(tmp_path / "root") as stub:
        await stub.put(digest, file)
        file.write_bytes(b"")
        await stub.put(digest, file)


async def test_a_pack_is_continued_where_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    digest = pack(file, big=os.urandom(3 << 20))
    data = file.read_bytes()
    async with session(tmp_path / "root") as stub:
        await stub.request("put", data[: 1 << 20], artifact=digest, size=len(data), offset=0)
    async with session(tmp_path / "root", cached=True) as stub:
        assert (await stub.request("have", artifacts=[digest])).have == {digest: 1 << 20}
        await stub.put(digest, file)
        assert (await stub.request("have", artifacts=[digest])).have == {digest: -1}


async def test_a_part_that_is_not_ours_is_sent_anew(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    digest = pack(file, big=os.urandom(2 << 20))
    size = file.stat().st_size
    async with session(tmp_path / "root") as stub:
        await stub.request("put", bytes(1000), artifact=digest, size=size, offset=0)
        await stub.put(digest, file)
        assert (await stub.request("have", artifacts=[digest])).have == {digest: -1}


async def test_a_part_that_has_all_bytes_and_was_never_checked_is_sent_anew(tmp_path: Path) -> None:
    """Another session may be about to check it, or was killed before it could."""
    file = tmp_path / "pack"
    digest = pack(file, big=os.urandom(2 << 20))
    part = tmp_path / "root" / "packs" / f"{digest}.part"
    part.parent.mkdir(parents=True, mode=0o700)
    part.write_bytes(file.read_bytes())
    async with session(tmp_path / "root") as stub:
        await stub.put(digest, file)
        assert (await stub.request("have", artifacts=[digest])).have == {digest: -1}


async def test_a_pack_that_is_not_what_its_digest_says_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    pack(file, some=b"thing")
    async with session(tmp_path / "root") as stub:
        with pytest.raises(StubError) as caught:
            await stub.put("0" * 64, file)

    assert caught.value.code == "corrupt"


async def test_a_session_becomes_a_pipe_to_a_running_service(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    digest = pack(file, **{"echo.py": ECHO.encode()})
    order = {
        "path": "/a",
        "code": {"artifact": digest, "share": False},
        "service": {"start": {"service": ["{python}", "echo.py"]}, "start_from": "manifest"},
    }
    async with session(tmp_path / "root") as stub:
        await stub.put(digest, file)
        await stub.request("commands", path="/a", commands=["deploy"], order=order)
    try:
        async with session(tmp_path / "root", cached=True) as stub:
            with pytest.raises(StubError, match="/b does not run"):
                await stub.attach("/b")
            channel = await stub.attach("/a")
            channel.write(bytes(range(256)) * 100)

            assert await channel.readexactly(25600) == bytes(range(256)) * 100
            with pytest.raises(RuntimeError, match="after the session was attached"):
                await stub.request("facts")
    finally:
        async with session(tmp_path / "root") as stub:
            reply = await stub.request("commands", path="/a", commands=["shutdown", "uninstall"], order=None)
    assert reply.state is not None
    assert reply.state.environment == "non-existent"


def impostor(folder: Path, *lines: str) -> str:
    """A `python` that does something else."""
    file = folder / "impostor"
    file.write_text("\n".join(("#!/bin/sh", *lines, "")))
    file.chmod(0o755)
    return str(file)


def frame(header: str) -> str:
    """What makes a shell write a frame."""
    data = frames.pack(header.encode())
    return "printf '%b' '" + "".join(f"\\0{byte:03o}" for byte in data) + "'"


GREETING = frame(
    json.dumps(
        {
            "hello": 1,
            "protocol": [1],
            "stub": archive.build().digest,
            "python": [3, 8, 0],
            "implementation": "cpython",
            "platform": "linux",
            "machine": "x86_64",
            "root": "/",
        }
    )
)


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (["echo no space left >&2; exit 1"], StubNotStartedError, "no space left"),
        (["exit 4"], StubNotStartedError, "exit status 4"),
        (["echo Welcome to h1", "cat"], UnusableReplyError, 'got "Welcome to h1"'),
        ([frame('{"hello":1}'), "cat"], UnusableReplyError, "greeting cannot be read"),
        ([frame('{"need":"0"}'), "cat"], UnusableReplyError, "a part of itself that there is not"),
        ([frame("not json"), "cat"], UnusableReplyError, "greeting cannot be read"),
        (
            [GREETING.replace("\\0133\\0061\\0135", "\\0133\\0062\\0135"), "cat"],
            UnusableReplyError,
            "protocol 1",
        ),
        ([GREETING, "sleep 0.05", "exit 0"], ConnectionLostError, "ended the session"),
        ([GREETING, frame('{"id":1,"ok":1}'), "cat"], UnusableReplyError, "cannot be read"),
        ([GREETING, frame('{"id":7,"ok":true}'), "cat"], UnusableReplyError, "request 7"),
        ([GREETING, frame('{"id":1,"ok":false}'), "cat"], UnusableReplyError, "neither success nor failure"),
        (
            [GREETING, frame('{"id":null,"ok":false,"error":{"code":"malformed","message":"eh"}}'), "cat"],
            UnusableReplyError,
            "could not follow: eh",
        ),
        (
            [GREETING, "printf '\\377\\377\\377\\377\\0\\0\\0\\0'", "cat"],
            UnusableReplyError,
            "announced a frame",
        ),
        ([GREETING, "printf '\\0\\0\\0\\7'; exit"], ConnectionLostError, "inside a frame"),
    ],
)
async def test_a_host_that_says_something_else_is_not_believed(
    tmp_path: Path, lines: list[str], kind: type[TransportError], words: str
) -> None:
    python = impostor(tmp_path, *lines)
    async with session(tmp_path, python=python) as stub:
        with pytest.raises(kind, match=words) as caught:
            await stub.request("facts")
        with pytest.raises(kind, match=words):
            await stub.request("facts")

    assert caught.value.host == "h1"


async def test_a_host_without_python_is_told_how_to_name_one(tmp_path: Path) -> None:
    for cached in (False, True):
        with pytest.raises(StubNotStartedError, match="not found") as caught:
            async with session(tmp_path, python="python9.9", cached=cached) as stub:
                await stub.request("facts")
        assert "`python:`" in caught.value.hint


async def test_a_stub_that_does_not_greet_meets_a_deadline(tmp_path: Path) -> None:
    host = Host("h1", "", transport="local", python=impostor(tmp_path, "cat >&2"), root=str(tmp_path))
    stub = await StubClient.open(LocalConnection("h1"), host, cached=False, patience=0.1)
    with pytest.raises(ConnectionLostError, match=r"not greeted within 0\.1 s"):
        await stub.request("facts")
    await stub.close()
