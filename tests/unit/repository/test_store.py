import os
import threading
from pathlib import Path

import pytest

from ramify.repository.artifacts import PLAIN, ArtifactError, ArtifactFile, build
from ramify.repository.store import Store
from unit.repository import packs

ARTIFACT = build([ArtifactFile("a", PLAIN, b"x" * 100), ArtifactFile("b/c", PLAIN, os.urandom(5000))])


def test_what_is_added_is_found_under_its_digest(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "packs")
    assert not store.has(ARTIFACT.digest)
    assert store.find(ARTIFACT.digest) is None

    stored = store.add(ARTIFACT)

    assert store.has(stored.digest)
    assert store.size(stored.digest) == stored.size == store.path(stored.digest).stat().st_size
    assert packs.read(store.path(stored.digest).read_bytes(), stored.digest)["a"] == (PLAIN, b"x" * 100)


def test_chunks_are_the_pack_from_the_offset_on_and_never_larger_than_asked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.add(ARTIFACT).digest
    whole = store.path(digest).read_bytes()

    chunks = list(store.chunks(digest, 17, 1000))

    assert b"".join(chunks) == whole[17:]
    assert max(map(len, chunks)) <= 1000


def test_adding_again_leaves_the_pack_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(ARTIFACT)
    before = store.path(ARTIFACT.digest).stat().st_ino

    store.add(ARTIFACT)

    assert store.path(ARTIFACT.digest).stat().st_ino == before


def test_a_pack_that_failed_leaves_nothing_behind(tmp_path: Path) -> None:
    source, store = tmp_path / "x", Store(tmp_path / "packs")
    source.write_bytes(b"one")
    artifact = build([ArtifactFile("x", PLAIN, source)])
    source.write_bytes(b"two")

    with pytest.raises(ArtifactError):
        store.add(artifact)

    assert list(store.folder.iterdir()) == []


def test_what_a_killed_process_left_long_ago_is_swept(tmp_path: Path) -> None:
    old, young = tmp_path / "aa.1.tmp", tmp_path / "bb.2.tmp"
    for left in (old, young):
        left.write_bytes(b"")
    os.utime(old, (0, 0))

    Store(tmp_path).add(ARTIFACT)

    assert not old.exists()
    assert young.exists()


def test_many_that_add_the_same_at_once_all_succeed(tmp_path: Path) -> None:
    found: list[int] = []
    workers = [
        threading.Thread(target=lambda: found.append(Store(tmp_path).add(ARTIFACT).size)) for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(found) == 8
    assert packs.read(Store(tmp_path).path(ARTIFACT.digest).read_bytes(), ARTIFACT.digest)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "g" * 64])
def test_only_a_digest_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="expected a sha256"):
        Store(tmp_path).has(digest)
