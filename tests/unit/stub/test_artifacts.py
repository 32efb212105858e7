"""Packs are believed only when every byte and every name has been checked."""

import hashlib
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import artifacts, layout, manifests, packs
from ramify.stub.wire import StubError
from unit.stub.host import Host, order, pack, put, raw_pack

ATTACKS = [
    "",
    ".",
    "..",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a/..",
    "a//b",
    "a/",
    "./a",
    "a\nb",
    "a\0b",
    "a\x7f",
    "\ud800",
    "x" * 256,
    "a/" * 600 + "a",
    None,
    7,
]


def row(name: object, content: bytes = b"x", mode: object = 0o644) -> list[object]:
    return [name, mode, len(content), hashlib.sha256(content).hexdigest()]


def check(host: Host, digest: str, data: bytes) -> None:
    """Have a pack checked, as the last chunk does."""
    root = layout.Root(str(host.root))
    Path(root.packs).mkdir(parents=True, exist_ok=True)
    Path(root.packs, digest).write_bytes(data)
    artifacts.verify(root, digest)


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_a_name_that_could_leave_its_folder_is_refused(host: Host, name: object) -> None:
    with pytest.raises(StubError, match=r"refused name"):
        check(host, *raw_pack([row(name)], b"x"))


@given(st.text(max_size=30))
def test_a_name_is_accepted_only_if_it_stays_in_its_folder(name: str) -> None:
    if packs.is_name(name):
        assert os.path.normpath(f"/base/{name}") == f"/base/{name}"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("b"), row("a")], "out of order"),
        ([row("a"), row("a")], "out of order"),
        ([row("a"), row("a/b")], "a file and a folder"),
        ([row("a", mode=0o4755)], "refused mode"),
        ([row("a", mode=True)], "refused mode"),
        ([["a", 0o644, -1, "0" * 64]], "bad size"),
        ([["a", 0o644, 1, "0" * 63 + "G"]], "bad size"),
        ([["a", 0o644, 1 << 60, "0" * 64]], "bytes unpacked"),
        ([["a", 0o644]], "a manifest row"),
        ({"a": 1}, "not a list"),
    ],
)
def test_a_manifest_that_is_not_sound_is_refused(host: Host, rows: Any, message: str) -> None:
    with pytest.raises(StubError, match=message):
        check(host, *raw_pack(rows, b"x" * len(rows)))


def test_bytes_that_are_not_what_their_digest_says_are_refused(host: Host) -> None:
    with pytest.raises(StubError, match="not what its digest says"):
        check(host, *raw_pack([row("a", b"x")], b"y"))


@pytest.mark.parametrize(
    ("contents", "message"),
    [(b"", "ends early"), (b"xx", "does not end where"), (b"x" * 1_000_000, "does not end")],
)
def test_a_stream_of_another_length_is_refused(host: Host, contents: bytes, message: str) -> None:
    with pytest.raises(StubError, match=message):
        check(host, *raw_pack([row("a", b"x")], contents))


def test_anything_after_the_end_is_refused(host: Host) -> None:
    digest, data = raw_pack([row("a")], b"x")
    with pytest.raises(StubError, match="after its end"):
        check(host, digest, data + b"z")
    with pytest.raises(StubError, match=r"ends early|does not end"):
        check(host, digest, data[:-1])
    with pytest.raises(StubError, match="another one"):
        check(host, "0" * 64, data)


def test_an_empty_artifact_and_empty_files_are_artifacts(host: Host) -> None:
    check(host, *pack({}))
    check(host, *pack({"a": b"", "b/c": b""}))


def test_what_was_packed_is_what_is_unpacked(host: Host) -> None:
    files = {"a.sh": b"#!/bin/sh\n", "lib/x/y": os.urandom(300_000), "umlaut-\u00fc": b"1", "z": b""}
    digest, data = pack(files)
    check(host, digest, data)
    root = layout.Root(str(host.root))
    artifacts.unpack(root, digest, f"{root.path}/out")

    assert {name: Path(root.path, "out", name).read_bytes() for name in files} == files
    assert Path(root.path, "out", "a.sh").stat().st_mode & 0o777 == 0o755
    assert Path(root.path, "out", "z").stat().st_mode & 0o777 == 0o644
    manifest = manifests.read(root, digest)
    assert manifest is not None
    assert list(manifests.differing(manifest, f"{root.path}/out", {})) == []


def test_a_pack_that_was_damaged_on_the_disk_is_found_before_its_files_are_used(host: Host) -> None:
    digest, data = pack({"a": os.urandom(5000)})
    host.put((digest, data))
    place = host.root / "packs" / digest
    place.write_bytes(data[:-20] + bytes(20))
    reply = host.commands("deploy", order=order(digest))

    assert reply["error"]["code"] == "corrupt"
    assert host.commands("deploy", order=order(digest))["error"]["code"] == "missing"
    host.put((digest, data))
    assert host.commands("deploy", order=order(digest))["ok"]


def test_chunks_are_put_together_and_a_part_is_taken_up_again(host: Host) -> None:
    digest, data = pack({"a": os.urandom(3000)})
    ask = {"op": "have", "artifacts": [digest]}
    part = {"op": "put", "artifact": digest, "size": len(data)}
    first = host.session(ask, ({**part, "offset": 0}, data[:1000]), ask)
    second = host.session(
        ask, ({**part, "offset": 500}, data[500:]), ({**part, "offset": 1000}, data[1000:]), ask
    )

    assert [first[0]["have"][digest], first[1]["received"], first[2]["have"][digest]] == [0, 1000, 1000]
    assert second[0]["have"] == {digest: 1000}
    assert second[1]["error"]["code"] == "offset"
    assert second[1]["error"]["received"] == 1000
    assert second[2]["received"] == len(data)
    assert second[3]["have"] == {digest: -1}


def test_what_arrives_corrupt_is_thrown_away(host: Host) -> None:
    digest, data = pack({"a": b"content"})
    replies = host.session(
        put(digest, data[:-6] + bytes(6)), {"op": "have", "artifacts": [digest]}, put(digest, data)
    )

    assert replies[0]["error"]["code"] == "corrupt"
    assert replies[1]["have"] == {digest: 0}
    assert replies[2]["ok"]


def test_an_artifact_is_sent_once(host: Host) -> None:
    digest, data = pack({"a": b"content"})
    host.put((digest, data))
    (reply,) = host.session(({"op": "put", "artifact": digest, "size": len(data), "offset": 0}, b"any"))

    assert reply["received"] == len(data)
    assert zlib.decompress((host.root / "packs" / digest).read_bytes()[-15:]) == b"content"
