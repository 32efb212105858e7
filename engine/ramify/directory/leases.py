"""Leases: which runs work on which subtrees now; nobody else does meanwhile."""

import sqlite3
from collections.abc import Callable

import msgspec

from ramify.directory.connection import transaction
from ramify.model.history import Lease, overlaps

_FIELDS = Lease.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_MARKS = ", ".join("?" for _ in _FIELDS)


class Leases:
    """The leases in a directory's file; taking one is atomic among all processes that use the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def take(self, wished: Lease, dead: Callable[[Lease], bool]) -> tuple[Lease, ...]:
        """Take a lease, unless others stand against it: those; leases of the `dead` are cleared away."""
        with transaction(self._connection) as connection:
            known = self._read()
            gone = {lease.run for lease in known if dead(lease)}
            connection.executemany("DELETE FROM leases WHERE run = ?", [(run,) for run in gone])
            held = (lease for lease in known if lease.run not in {*gone, wished.run})
            others = tuple(lease for lease in held if overlaps(lease.paths, wished.paths))
            if not others:
                self._put(wished)
        return others

    def renew(self, run: str, expires: float) -> bool:
        """Hold a lease for longer; whether it was still held."""
        with transaction(self._connection) as connection:
            done = connection.execute("UPDATE leases SET expires = ? WHERE run = ?", (expires, run))
            return done.rowcount > 0

    def wish(self, run: str, who: str) -> None:
        """Have the run that holds a lease let go of it."""
        with transaction(self._connection) as connection:
            connection.execute("UPDATE leases SET released = ? WHERE run = ?", (who, run))

    def released(self, run: str) -> str:
        """Who wants a lease to end; empty if nobody does."""
        row = self._connection.execute("SELECT released FROM leases WHERE run = ?", (run,)).fetchone()
        return str(row[0]) if row else ""

    def release(self, run: str) -> None:
        """Let go of a lease."""
        with transaction(self._connection) as connection:
            connection.execute("DELETE FROM leases WHERE run = ?", (run,))

    def all(self) -> tuple[Lease, ...]:
        """All leases, those of the dead, too; the oldest first."""
        return tuple(sorted(self._read(), key=lambda lease: (lease.started, lease.run)))

    def _read(self) -> list[Lease]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM leases").fetchall()  # noqa: S608
        return [_lease(row) for row in rows]

    def _put(self, lease: Lease) -> None:
        row = [getattr(lease, name) for name in _FIELDS]
        row[_FIELDS.index("paths")] = msgspec.json.encode(lease.paths).decode()
        self._connection.execute(f"INSERT OR REPLACE INTO leases ({_COLUMNS}) VALUES ({_MARKS})", row)  # noqa: S608


def _lease(row: tuple[object, ...]) -> Lease:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["paths"] = msgspec.json.decode(str(fields["paths"]))
    return msgspec.convert(fields, Lease)
