"""What nobody needs is found, and only that."""

import os
import time
from pathlib import Path

from ramify.documents.lock import Pin
from ramify.repository import garbage
from ramify.repository.garbage import Needed, waste
from ramify.repository.project import load
from unit.repository.projects import told, write

NOTHING = Needed(frozenset(), frozenset())


def put(cache: Path, name: str, size: int = 10, age: float = 1e6) -> Path:
    path = cache / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def names(cache: Path, needs: Needed = NOTHING) -> list[str]:
    return [f"{item.folder}/{item.name}" for item in waste(cache, needs)]


def test_what_is_needed_or_young_stays_and_the_longest_unused_goes_first(tmp_path: Path) -> None:
    put(tmp_path, "packs/needed")
    put(tmp_path, "packs/young", age=60)
    put(tmp_path, "packs/old", age=2e6)
    put(tmp_path, "http/blobs/locked")
    put(tmp_path, "http/blobs/gone", age=1e6)
    needs = Needed(frozenset({"needed"}), frozenset({"locked"}))

    assert names(tmp_path, needs) == ["packs/old", "http/blobs/gone"]


def test_transfers_that_broke_off_are_kept_for_a_week(tmp_path: Path) -> None:
    put(tmp_path, "http/partial/a", age=3 * 24 * 3600)
    put(tmp_path, "http/partial/b", age=8 * 24 * 3600)

    assert names(tmp_path) == ["http/partial/b"]


def test_trees_go_with_the_archive_that_they_were_unpacked_from(tmp_path: Path) -> None:
    put(tmp_path, "trees/a/file", size=100)
    os.utime(tmp_path / "trees/a", (0, 0))
    [item] = waste(tmp_path, NOTHING)
    assert (item.name, item.size) == ("a", 100)

    garbage.remove(tmp_path, [item])
    assert list((tmp_path / "trees").iterdir()) == []


def test_a_bound_takes_the_longest_unused_until_the_rest_fits(tmp_path: Path) -> None:
    for number in range(5):
        put(tmp_path, f"packs/{number}", size=100, age=1e6 - number)
    garbage.keep_within(tmp_path, NOTHING, 500)
    assert len(names(tmp_path)) == 5

    garbage.keep_within(tmp_path, NOTHING, 250)
    assert names(tmp_path) == ["packs/3", "packs/4"]


def test_runtimes_that_a_newer_engine_replaced_are_not_needed(tmp_path: Path) -> None:
    put(tmp_path, "packs/new")
    put(tmp_path, "packs/old")
    (tmp_path / "runtimes").mkdir()
    (tmp_path / "runtimes/cp311.json").write_text('{"artifact": "new", "engine": "e"}')
    (tmp_path / "runtimes/broken.json").write_text("{")
    loaded = load(write(tmp_path / "project"))
    assert loaded.bundle

    assert names(tmp_path, garbage.needed(loaded.bundle, [], tmp_path)) == ["packs/old"]


def test_what_a_project_uses_is_not_old(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))
    assert loaded.bundle
    for pack in (tmp_path / ".ramify/packs").iterdir():
        os.utime(pack, (0, 0))
    time.sleep(0)
    load(tmp_path)

    assert names(tmp_path / ".ramify") == []


def test_a_project_says_how_much_is_kept(tmp_path: Path) -> None:
    project = write(tmp_path)
    old = put(tmp_path, ".ramify/packs/" + "a" * 64, size=5000)
    assert told(load(project)) == []
    assert old.exists()

    with (project / "ramify.yml").open("a") as stream:
        stream.write("store: {size: 1 KiB}\n")
    loaded = load(project)

    assert told(loaded) == []
    assert loaded.bundle
    assert not old.exists()
    assert all(loaded.store.has(one.artifact) for one in loaded.bundle.components.values())
    assert Pin("", 0, "") not in loaded.pins.values()
