"""Bundles of past runs: kept small, believed only as what they are named, forgotten with their packs."""

from pathlib import Path

from ramify.directory.bundles import Bundles, folder_of
from ramify.model import bundle as bundles
from ramify.repository.garbage import _named

DATA = b'{"a":"bundle"}' * 1000
DIGEST = bundles.digest(DATA)


def test_a_bundle_is_kept_compressed_and_read_again(tmp_path: Path) -> None:
    kept = Bundles(tmp_path)
    kept.keep(DIGEST, DATA, ["p1", "p2"])

    assert kept.get(DIGEST) == DATA
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < len(DATA) / 10


def test_a_bundle_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    kept = Bundles(tmp_path)
    kept.keep(DIGEST, DATA, [])
    other = bundles.digest(b"other")
    (tmp_path / f"{DIGEST}.z").rename(tmp_path / f"{other}.z")

    assert kept.get(other) is None
    (tmp_path / f"{DIGEST}.z").write_bytes(b"no archive")
    assert kept.get(DIGEST) is None
    assert kept.get("f" * 64) is None


def test_what_is_not_retained_is_forgotten_with_the_packs_it_named(tmp_path: Path) -> None:
    file = tmp_path / "directory.db"
    kept = Bundles(folder_of(file))
    kept.keep(DIGEST, DATA, ["p1", "p2"])
    other = bundles.digest(b"other")
    kept.keep(other, b"other", ["p2", "p3"])

    assert _named(folder_of(file)) == {"p1", "p2", "p3"}
    kept.retain({DIGEST})
    assert (kept.get(other), kept.get(DIGEST)) == (None, DATA)
    assert _named(folder_of(file)) == {"p1", "p2"}
