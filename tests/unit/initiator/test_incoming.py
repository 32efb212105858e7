"""What arrives in pieces gets its name when it is whole and what its digest says; what broke off goes on."""

from hashlib import sha256
from pathlib import Path

import pytest

from ramify.initiator.incoming import Incoming, part, sweep
from ramify.initiator.messages import Chunk, UnusableMessageError
from ramify.model import bundle as bundles
from ramify.repository.artifacts import ArtifactFile, build
from ramify.repository.store import Store


@pytest.fixture
def pack(tmp_path: Path) -> tuple[str, bytes]:
    artifact = build([ArtifactFile("run", 0o755, b"#!/bin/sh\n" * 500)])
    store = Store(tmp_path / "store")
    store.add(artifact)
    return artifact.digest, store.path(artifact.digest).read_bytes()


def pieces(digest: str, data: bytes, size: int = 30) -> list[tuple[Chunk, bytes]]:
    return [(Chunk("pack", digest, at, len(data)), data[at : at + size]) for at in range(0, len(data), size)]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_whole_pack_is_kept_under_its_name(tmp_path: Path, pack: tuple[str, bytes]) -> None:
    digest, data = pack
    incoming = Incoming("pack", digest, tmp_path)

    complete = [incoming.take(chunk, body) for chunk, body in pieces(digest, data)]
    kept = await incoming.keep(tmp_path / digest)
    incoming.leave()

    assert complete == [False] * (len(complete) - 1) + [True]
    assert kept == tmp_path / digest
    assert names(tmp_path) == sorted([digest, "store"])


@pytest.mark.parametrize("at", [0, 3, 10, 60, -30, -1])
async def test_a_changed_byte_anywhere_is_found(tmp_path: Path, pack: tuple[str, bytes], at: int) -> None:
    digest, data = pack
    damaged = bytearray(data)
    damaged[at] ^= 1
    incoming = Incoming("pack", digest, tmp_path)
    for chunk, body in pieces(digest, bytes(damaged)):
        incoming.take(chunk, body)

    with pytest.raises(UnusableMessageError):
        await incoming.keep(tmp_path / digest)

    incoming.restart()
    incoming.leave()
    assert names(tmp_path) == ["store"]


async def test_a_bundle_that_is_not_its_digest_is_not_kept(tmp_path: Path) -> None:
    digest = sha256(b"something").hexdigest()
    incoming = Incoming("bundle", digest, tmp_path)
    assert incoming.take(Chunk("bundle", digest, 0, 5), b"other")

    with pytest.raises(UnusableMessageError, match="arrived as"):
        await incoming.keep(tmp_path / "kept")

    assert bundles.digest(b"something") == digest
    incoming.restart()
    incoming.leave()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "order",
    [
        [(10, 100)],
        [(0, 100), (0, 100)],
        [(0, 100), (20, 100)],
        [(0, 100), (10, 90)],
        [(0, 5)],
    ],
)
def test_pieces_that_do_not_follow_each_other_are_refused(
    tmp_path: Path, order: list[tuple[int, int]]
) -> None:
    incoming = Incoming("pack", "d" * 64, tmp_path)
    for offset, size in order[:-1]:
        incoming.take(Chunk("pack", "d" * 64, offset, size), bytes(10))

    with pytest.raises(UnusableMessageError):
        incoming.take(Chunk("pack", "d" * 64, *order[-1]), bytes(10))
    incoming.leave()


def test_a_piece_of_nothing_is_refused(tmp_path: Path) -> None:
    incoming = Incoming("pack", "d" * 64, tmp_path)

    with pytest.raises(UnusableMessageError):
        incoming.take(Chunk("pack", "d" * 64, 0, 0), b"")
    incoming.leave()
    assert names(tmp_path) == []


async def test_what_broke_off_is_gone_on_with_wherever_it_broke(
    tmp_path: Path, pack: tuple[str, bytes]
) -> None:
    digest, data = pack
    all_pieces = pieces(digest, data)
    for at, (chunk, body) in enumerate(all_pieces):
        incoming = Incoming("pack", digest, tmp_path)
        assert incoming.received == chunk.offset
        assert incoming.take(chunk, body) == (at + 1 == len(all_pieces))
        incoming.leave()
    complete = Incoming("pack", digest, tmp_path)

    assert complete.received == len(data)
    assert complete.take(Chunk("pack", digest, len(data), len(data)), b"")
    assert (await complete.keep(tmp_path / digest)).read_bytes() == data
    complete.leave()
    assert names(tmp_path) == sorted([digest, "store"])


def test_a_parent_may_begin_anew(tmp_path: Path, pack: tuple[str, bytes]) -> None:
    digest, data = pack
    first = Incoming("pack", digest, tmp_path)
    first.take(Chunk("pack", digest, 0, 99), b"something else")
    first.leave()
    second = Incoming("pack", digest, tmp_path)

    assert second.take(Chunk("pack", digest, 0, len(data)), data)
    second.leave()
    assert (tmp_path / part(digest)).read_bytes() == data


def test_two_that_are_sent_the_same_are_kept_apart(tmp_path: Path, pack: tuple[str, bytes]) -> None:
    digest, data = pack
    first, second = Incoming("pack", digest, tmp_path), Incoming("pack", digest, tmp_path)

    for chunk, body in pieces(digest, data):
        assert first.take(chunk, body) == second.take(chunk, body)
    second.leave()
    first.leave()

    assert names(tmp_path) == [part(digest), "store"]
    assert (tmp_path / part(digest)).read_bytes() == data


def test_what_a_killed_process_left_is_swept_but_what_can_be_gone_on_with(tmp_path: Path) -> None:
    going_on, other = (Incoming("pack", "d" * 64, tmp_path) for _ in range(2))
    for one in (going_on, other):
        one.take(Chunk("pack", "d" * 64, 0, 20), bytes(10))
    assert len(names(tmp_path)) == 2
    (tmp_path / ("e" * 64)).write_bytes(b"kept")

    sweep(tmp_path)
    going_on.leave()
    other.leave()

    assert names(tmp_path) == ["d" * 64 + ".part", "e" * 64]
