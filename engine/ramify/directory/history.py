"""The runs that a directory remembers, and what each changed."""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from ramify.directory.connection import transaction
from ramify.model import paths
from ramify.model.history import NodeChange, Ran

_RAN = Ran.__struct_fields__
_RAN_COLUMNS = ", ".join(_RAN)
_CHANGE = NodeChange.__struct_fields__
_CHANGE_COLUMNS = ", ".join(f'"{name}"' for name in _CHANGE)
_CHANGE_MARKS = ", ".join("?" for _ in ("run", *_CHANGE))


class History:
    """Runs, and the changes of each; every method is one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self, ran: Ran) -> None:
        """Note that a run begins: written before anything happens."""
        with transaction(self._connection) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO runs"
                " (run, kind, path, bundle, started, who, selection, back_to, saved, signers)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (ran.run, ran.kind, ran.path, ran.bundle, ran.started, ran.who,
                 msgspec.json.encode(ran.selection).decode(), ran.back_to, ran.saved,
                 msgspec.json.encode(ran.signers).decode()),
            )  # fmt: skip

    def finish(self, run: str, now: str, counts: Mapping[str, int]) -> None:
        """Note how a run ended."""
        with transaction(self._connection) as connection:
            text = msgspec.json.encode(dict(counts)).decode()
            connection.execute("UPDATE runs SET finished = ?, counts = ? WHERE run = ?", (now, text, run))

    def runs(self) -> list[Ran]:
        """All runs, newest first."""
        rows = self._connection.execute(f"SELECT {_RAN_COLUMNS} FROM runs ORDER BY rowid DESC")  # noqa: S608
        return [_ran(row) for row in rows]

    def changes(self, run: str, path: str = paths.ROOT) -> list[NodeChange]:
        """What a run did to a path and all below it, by path."""
        low, high = ("/", "0") if path == paths.ROOT else (f"{path}/", f"{path}0")
        rows = self._connection.execute(
            f"SELECT {_CHANGE_COLUMNS} FROM changes"  # noqa: S608 - column names of our own
            " WHERE run = ? AND (path = ? OR (path > ? AND path < ?)) ORDER BY path",
            (run, path, low, high),
        )
        return [msgspec.convert(dict(zip(_CHANGE, row, strict=True)), NodeChange) for row in rows]

    def forget(self, keep: int, going_on: Iterable[str] = ()) -> frozenset[str]:
        """Forget all but the last runs, and those that go on; the bundles of those that are left.

        A run that was killed has no end, and is forgotten as the others are.
        """
        with transaction(self._connection) as connection:
            connection.execute(
                "DELETE FROM runs WHERE run NOT IN (SELECT value FROM json_each(?)) AND rowid NOT IN"
                " (SELECT rowid FROM runs WHERE kind != 'refresh' ORDER BY rowid DESC LIMIT ?)"
                " AND rowid NOT IN (SELECT rowid FROM runs ORDER BY rowid DESC LIMIT 1)",
                (msgspec.json.encode(tuple(going_on)).decode(), max(1, keep)),
            )
            connection.execute("DELETE FROM changes WHERE run NOT IN (SELECT run FROM runs)")
            return frozenset(row[0] for row in connection.execute("SELECT DISTINCT bundle FROM runs"))


def put(connection: sqlite3.Connection, run: str, changes: Iterable[NodeChange]) -> None:
    """Write what a run did to nodes, in somebody's transaction."""
    rows = [(run, *msgspec.to_builtins(change).values()) for change in changes]
    connection.executemany(
        f"INSERT OR REPLACE INTO changes (run, {_CHANGE_COLUMNS}) VALUES ({_CHANGE_MARKS})",  # noqa: S608
        rows,
    )


def _ran(row: tuple[object, ...]) -> Ran:
    fields = dict(zip(_RAN, row, strict=True))
    fields["selection"] = msgspec.json.decode(str(fields["selection"]))
    fields["signers"] = msgspec.json.decode(str(fields["signers"]))
    fields["counts"] = msgspec.json.decode(str(fields["counts"] or "{}"))
    fields["finished"] = fields["finished"] or ""
    return msgspec.convert(fields, Ran)
