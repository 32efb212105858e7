"""A directory in one SQLite file: the operator's, and every initiator's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ramify.directory.bundles import Bundles, folder_of
from ramify.directory.connection import DirectoryError as DirectoryError  # noqa: PLC0414 - what opening one raises
from ramify.directory.connection import opened, transaction
from ramify.directory.history import History, put
from ramify.directory.leases import Leases
from ramify.directory.rollouts import Rollouts
from ramify.model import paths
from ramify.model.drift import Drift
from ramify.model.history import NodeChange
from ramify.model.record import NodeRecord

_NODE_FIELDS = NodeRecord.__struct_fields__
_COLUMNS = ", ".join(f'"{name}"' for name in _NODE_FIELDS)
_MARKS = ", ".join("?" for _ in _NODE_FIELDS)


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
        self._connection = opened(file)
        self.history = History(self._connection)
        self.leases = Leases(self._connection)
        self.rollouts = Rollouts(self._connection)
        self.bundles = Bundles(folder_of(file))

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

    def write(
        self,
        records: Iterable[NodeRecord],
        gone: Iterable[str] = (),
        run: str = "",
        changes: Iterable[NodeChange] = (),
    ) -> None:
        """Put records, forget what is gone, and remember what a run did."""
        rows = [_row(record) for record in records]
        with transaction(self._connection) as connection:
            connection.executemany("DELETE FROM nodes WHERE path = ?", [(path,) for path in gone])
            connection.executemany(f"INSERT OR REPLACE INTO nodes ({_COLUMNS}) VALUES ({_MARKS})", rows)  # noqa: S608
            put(connection, run, changes)

    def replace_below(self, path: str, records: Iterable[NodeRecord]) -> None:
        """Forget all that is strictly below a path, and put these records."""
        rows = [_row(record) for record in records]
        low, high = ("/", "0") if path == paths.ROOT else (f"{path}/", f"{path}0")
        with transaction(self._connection) as connection:
            connection.execute("DELETE FROM nodes WHERE path > ? AND path < ?", (low, high))
            connection.executemany(f"INSERT OR REPLACE INTO nodes ({_COLUMNS}) VALUES ({_MARKS})", rows)  # noqa: S608

    # Hosts.

    def host(self, name: str) -> KnownHost | None:
        """What is known of a host."""
        row = self._connection.execute(
            "SELECT name, stub, kind, root FROM hosts WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else KnownHost(*row)

    def learn_host(self, host: KnownHost) -> None:
        """Remember what a host told."""
        with transaction(self._connection) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO hosts (name, stub, kind, root) VALUES (?, ?, ?, ?)",
                (host.name, host.stub, host.kind, host.root),
            )

    def forget_host(self, name: str) -> None:
        """A host has lost what it had."""
        with transaction(self._connection) as connection:
            connection.execute("DELETE FROM hosts WHERE name = ?", (name,))


_JSON = {
    name: msgspec.json.Decoder(kind)
    for name, kind in (("values", dict[str, str]), ("drift", tuple[Drift, ...]))
}
"""Fields that are kept as text."""


def _record(row: tuple[Any, ...]) -> NodeRecord:
    fields = dict(zip(_NODE_FIELDS, row, strict=True))
    return NodeRecord(**fields | {name: decoder.decode(fields[name]) for name, decoder in _JSON.items()})


def _row(record: NodeRecord) -> tuple[Any, ...]:
    fields = ((name, getattr(record, name)) for name in _NODE_FIELDS)
    return tuple(msgspec.json.encode(value).decode() if name in _JSON else value for name, value in fields)
