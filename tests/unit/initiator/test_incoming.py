"""What arrives in pieces gets its name when it is whole and what its digest says, and else leaves nothing."""

from hashlib import sha256
from pathlib import Path

import pytest

from ramify.initiator.incoming import Incoming, sweep
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
    incoming.discard()

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

    incoming.discard()
    assert names(tmp_path) == ["store"]


async def test_a_bundle_that_is_not_its_digest_is_not_kept(tmp_path: Path) -> None:
    digest = sha256(b"something").hexdigest()
    incoming = Incoming("bundle", digest, tmp_path)
    assert incoming.take(Chunk("bundle", digest, 0, 5), b"other")

    with pytest.raises(UnusableMessageError, match="arrived as"):
        await incoming.keep(tmp_path / "kept")

    assert bundles.digest(b"something") == digest
    incoming.discard()
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


def test_a_piece_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableMessageError):
        Incoming("pack", "d" * 64, tmp_path).take(Chunk("pack", "d" * 64, 0, 0), b"")


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    Incoming("pack", "d" * 64, tmp_path).take(Chunk("pack", "d" * 64, 0, 20), bytes(10))
    (tmp_path / ("e" * 64)).write_bytes(b"kept")

    sweep(tmp_path)

    assert [file.name for file in tmp_path.iterdir()] == ["e" * 64]
