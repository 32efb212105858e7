"""History in a directory: runs and their changes, the oldest forgotten; earlier files are migrated."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from ramify.directory import schema
from ramify.directory.sqlite import Directory
from ramify.model.history import NodeChange, Ran
from ramify.model.record import NodeRecord, Outcome


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path / "directory.db")
    yield made
    made.close()


def ran(number: int, kind: str = "apply") -> Ran:
    return Ran(
        run=f"r{number}", kind=kind, path="/", bundle=f"b{number}", started="2026-01-01", who="me@here",
        selection=("/a!/a/b",), back_to="r0",
    )  # fmt: skip


def run(directory: Directory, number: int, kind: str = "apply") -> None:
    directory.history.begin(ran(number, kind))
    directory.history.finish(f"r{number}", "2026-01-02", {"done": 2})


def test_runs_are_told_newest_first_with_their_ends(directory: Directory) -> None:
    run(directory, 1)
    directory.history.begin(ran(2))

    second, first = directory.history.runs()
    assert first == structs.replace(ran(1), finished="2026-01-02", counts={"done": 2})
    assert second == ran(2)


def test_changes_are_told_of_a_path_and_all_below_it(directory: Directory) -> None:
    done = [
        NodeChange(path, Outcome.DONE, "h", "m", 1, "d1", 2, "d2") for path in ("/a", "/a/b", "/a0", "/b")
    ]
    run(directory, 1)
    directory.write([], (), "r1", done)

    assert directory.history.changes("r1") == done
    assert [one.path for one in directory.history.changes("r1", "/a")] == ["/a", "/a/b"]
    assert directory.history.changes("r2") == []


def test_the_last_runs_are_kept_with_their_changes_and_bundles(directory: Directory) -> None:
    for number in range(1, 6):
        run(directory, number)
        directory.write([], (), f"r{number}", [NodeChange("/a", Outcome.DONE)])

    assert directory.history.forget(2) == {"b4", "b5"}
    assert [one.run for one in directory.history.runs()] == ["r5", "r4"]
    assert [len(directory.history.changes(f"r{number}")) for number in (3, 4)] == [0, 1]


def test_runs_that_only_looked_push_no_others_out(directory: Directory) -> None:
    run(directory, 1)
    for number in range(2, 9):
        run(directory, number, "refresh")

    directory.history.forget(2)
    assert [one.run for one in directory.history.runs()] == ["r8", "r1"]


def test_a_run_that_goes_on_is_not_forgotten(directory: Directory) -> None:
    directory.history.begin(ran(1))
    for number in range(2, 6):
        run(directory, number)

    assert directory.history.forget(1, {"r1"}) == {"b1", "b5"}


def test_a_run_that_was_killed_is_forgotten_as_the_others_are(directory: Directory) -> None:
    directory.history.begin(ran(1))
    for number in range(2, 6):
        run(directory, number)

    assert directory.history.forget(1) == {"b5"}


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_file_of_an_earlier_version_is_brought_to_this_one(tmp_path: Path, version: int) -> None:
    file = tmp_path / "old.db"
    old = sqlite3.connect(file)
    for steps in schema.STEPS[:version]:
        for statement in steps:
            old.execute(statement)
    old.execute(f"PRAGMA user_version = {version}")
    names = [row[1] for row in old.execute("PRAGMA table_info(nodes)")]
    special = {"path": "/a", "values": "{}", "drift": "[]"}
    values = [special.get(name, 0) for name in names]
    old.execute(f"INSERT INTO nodes VALUES ({', '.join('?' for _ in values)})", values)
    old.execute("INSERT INTO runs (run, path, bundle, started) VALUES ('r1', '/', 'b', 't')")
    old.commit()
    old.close()

    directory = Directory(file)
    assert [isinstance(one, NodeRecord) for one in directory.records().values()] == [True]
    (kept,) = directory.history.runs()
    assert kept == Ran(run="r1", kind="apply", path="/", bundle="b", started="t")
    run(directory, 2)
    directory.close()


def test_two_processes_make_one_file_together(tmp_path: Path) -> None:
    one, other = (Directory(tmp_path / "directory.db") for _ in range(2))
    run(one, 1)

    assert [found.run for found in other.history.runs()] == ["r1"]
    one.close()
    other.close()
