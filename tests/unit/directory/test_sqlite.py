"""The directory: what is written is read again, in its subtree and nowhere else, or not at all."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.directory.schema import STEPS, VERSION
from ramify.directory.sqlite import Directory, DirectoryError, KnownHost
from ramify.model import paths
from ramify.model.drift import Drift
from ramify.model.record import NodeRecord


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "directory.db"


@pytest.fixture
def directory(file: Path) -> Iterator[Directory]:
    made = Directory(file)
    yield made
    made.close()


def record(path: str, host: str = "h") -> NodeRecord:
    return NodeRecord(path, host, paths.parent(path))


FULL = NodeRecord(
    path="/a/b",
    host="h1",
    initiator="/a",
    environment="installed",
    service="active",
    digest="d",
    environment_digest="e",
    service_digest="s",
    binding="b",
    release=7,
    open="run",
    problem="p",
    values={"service.env.WORD": "grüß\n", "x": ""},
    drift=(Drift("config/a", "edited", "e", "a", "one\n", "two\n"), Drift("code/b", "removed", "e")),
)


def test_every_field_of_a_record_is_kept_by_the_file(directory: Directory, file: Path) -> None:
    directory.write([FULL])
    directory.close()
    again = Directory(file)

    assert again.records() == {FULL.path: FULL}
    again.close()


NAMES = st.text("aA0-._z", min_size=1, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))


@given(st.sets(PATHS, max_size=30), PATHS)
def test_a_subtree_is_read_and_replaced_and_nothing_else(known: set[str], path: str) -> None:
    directory = Directory(Path(":memory:"))
    directory.write([record(one) for one in known])

    assert set(directory.records(path)) == {one for one in known if paths.within(one, path)}
    assert set(directory.records("/")) == known
    directory.replace_below(path, [record(f"{path}/new")])

    kept = {one for one in known if one == path or not paths.within(one, path)}
    assert set(directory.records()) == kept | {f"{path}/new"}
    directory.replace_below("/", ())
    assert directory.records() == {}
    directory.close()


def test_writing_puts_and_forgets_in_one_go(directory: Directory) -> None:
    directory.write([record("/a"), record("/b")])

    directory.write([record("/a", "other")], ["/b"])

    assert directory.records() == {"/a": record("/a", "other")}


def test_a_write_that_fails_in_the_middle_leaves_everything_as_it_was(directory: Directory) -> None:
    directory.write([record("/a")])
    bad = NodeRecord("/b", None, "/")  # type: ignore[arg-type]

    with pytest.raises(sqlite3.IntegrityError):
        directory.write([record("/c"), bad], ["/a"])

    assert set(directory.records()) == {"/a"}


def test_hosts_are_learned_and_forgotten(directory: Directory) -> None:
    directory.learn_host(KnownHost("h", "old", "kind", "/root"))
    directory.learn_host(KnownHost("h", "new", "kind", "/root"))

    assert directory.host("h") == KnownHost("h", "new", "kind", "/root")
    directory.forget_host("h")
    assert directory.host("h") is None


def test_a_file_that_is_no_directory_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "directory.db"
    file.write_text("a letter to nobody" * 100)

    with pytest.raises(DirectoryError, match=f"cannot open the directory {file}"):
        Directory(file)


def test_a_directory_of_another_version_is_refused(directory: Directory, file: Path) -> None:
    directory.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 9")
    connection.close()

    with pytest.raises(DirectoryError, match=f"has version 9, expected {VERSION}"):
        Directory(file)


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_directory_of_an_earlier_version_is_taken_over(version: int, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file)
    for statement in (statement for steps in STEPS[:version] for statement in steps):
        connection.execute(statement)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(nodes)")]
    empty = {"path": "/a", "values": "{}", "drift": "[]"}
    values = [empty.get(name, "") for name in columns]
    connection.execute(f"INSERT INTO nodes VALUES ({', '.join('?' for _ in columns)})", values)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()

    taken = Directory(file)

    assert set(taken.records()) == {"/a"}
    assert taken.rollouts.all() == []
    taken.close()


def test_two_processes_read_what_the_other_wrote(directory: Directory, file: Path) -> None:
    other = Directory(file)
    directory.write([record("/a")])

    assert set(other.records()) == {"/a"}
    other.write((), ["/a"])
    assert directory.records() == {}
    other.close()
