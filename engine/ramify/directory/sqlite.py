"""A directory in one SQLite file: the operator's, and every initiator's own."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ramify.model import paths
from ramify.model.record import NodeRecord

VERSION = 1

_SCHEMA = """
CREATE TABLE nodes (
    path TEXT PRIMARY KEY, host TEXT NOT NULL, initiator TEXT NOT NULL,
    environment TEXT NOT NULL, service TEXT NOT NULL,
    digest TEXT NOT NULL, environment_digest TEXT NOT NULL, service_digest TEXT NOT NULL,
    binding TEXT NOT NULL, release INTEGER NOT NULL, open TEXT NOT NULL, problem TEXT NOT NULL,
    "values" TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE hosts (
    name TEXT PRIMARY KEY, stub TEXT NOT NULL, kind TEXT NOT NULL, root TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE runs (
    run TEXT PRIMARY KEY, path TEXT NOT NULL, bundle TEXT NOT NULL, started TEXT NOT NULL,
    finished TEXT, counts TEXT
);
"""
_NODE_FIELDS = NodeRecord.__struct_fields__
_COLUMNS = ", ".join(f'"{name}"' for name in _NODE_FIELDS)
_MARKS = ", ".join("?" for _ in _NODE_FIELDS)


class DirectoryError(Exception):
    """The directory's file cannot be used; the sentence says which and why."""


class KnownHost(Struct, frozen=True):
    """What was learned of a host: the stub that it has cached, and which runtimes fit it."""

    name: str
    stub: str
    kind: str
    root: str


class Directory:
    """Recorded state in SQLite; every method is one transaction."""

    def __init__(self, file: Path) -> None:
        """Open or make the file.

        Raises:
            DirectoryError: it is no directory, or one of another version.
        """
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, timeout=30, isolation_level=None)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise DirectoryError(f"cannot open the directory {file}: {error}") from error

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with self._transaction():
                for statement in _SCHEMA.strip().split(";\n"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise DirectoryError(f"directory {self._file} has version {version}, expected {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # Nodes.

    def records(self, path: str = paths.ROOT) -> dict[str, NodeRecord]:
        """Records of a path and of all below it."""
        query = f"SELECT {_COLUMNS} FROM nodes"  # noqa: S608 - column names of our own
        arguments: tuple[str, ...] = ()
        if path != paths.ROOT:
            # "0" is the character after "/": the range holds exactly what is below.
            query += " WHERE path = ? OR (path > ? AND path < ?)"
            arguments = (path, f"{path}/", f"{path}0")
        rows = self._connection.execute(query, arguments).fetchall()
        return {row[0]: _record(row) for row in rows}

    def write(self, records: Iterable[NodeRecord], gone: Iterable[str] = ()) -> None:
        """Put records, forget what is gone."""
        rows = [_row(record) for record in records]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM nodes WHERE path = ?", [(path,) for path in gone])
            connection.executemany(f"INSERT OR REPLACE INTO nodes ({_COLUMNS}) VALUES ({_MARKS})", rows)  # noqa: S608

    def replace_below(self, path: str, records: Iterable[NodeRecord]) -> None:
        """Forget all that is strictly below a path, and put these records."""
        rows = [_row(record) for record in records]
        low, high = ("/", "0") if path == paths.ROOT else (f"{path}/", f"{path}0")
        with self._transaction() as connection:
            connection.execute("DELETE FROM nodes WHERE path > ? AND path < ?", (low, high))
            connection.executemany(f"INSERT OR REPLACE INTO nodes ({_COLUMNS}) VALUES ({_MARKS})", rows)  # noqa: S608

    # Runs.

    def begin(self, run: str, path: str, bundle: str, now: str) -> None:
        """Note that a run begins: written before anything happens."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO runs (run, path, bundle, started) VALUES (?, ?, ?, ?)",
                (run, path, bundle, now),
            )

    def finish(self, run: str, now: str, counts: Mapping[str, int]) -> None:
        """Note how a run ended."""
        with self._transaction() as connection:
            text = msgspec.json.encode(dict(counts)).decode()
            connection.execute("UPDATE runs SET finished = ?, counts = ? WHERE run = ?", (now, text, run))

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first."""
        rows = self._connection.execute(
            "SELECT run, path, bundle, started, finished, counts FROM runs ORDER BY started"
        ).fetchall()
        names = ("run", "path", "bundle", "started", "finished", "counts")
        return [dict(zip(names, row, strict=True)) for row in rows]

    # Hosts.

    def host(self, name: str) -> KnownHost | None:
        """What is known of a host."""
        row = self._connection.execute(
            "SELECT name, stub, kind, root FROM hosts WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else KnownHost(*row)

    def learn_host(self, host: KnownHost) -> None:
        """Remember what a host told."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO hosts (name, stub, kind, root) VALUES (?, ?, ?, ?)",
                (host.name, host.stub, host.kind, host.root),
            )

    def forget_host(self, name: str) -> None:
        """A host has lost what it had."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM hosts WHERE name = ?", (name,))


_DECODER = msgspec.json.Decoder(dict[str, str])


def _record(row: tuple[Any, ...]) -> NodeRecord:
    fields = dict(zip(_NODE_FIELDS, row, strict=True))
    return NodeRecord(**{**fields, "values": _DECODER.decode(row[-1])})


def _row(record: NodeRecord) -> tuple[Any, ...]:
    fields = [getattr(record, name) for name in _NODE_FIELDS]
    fields[-1] = msgspec.json.encode(record.values).decode()
    return tuple(fields)
