"""How the rollouts of a directory's runs stand, and what somebody at another terminal wishes of them."""

import sqlite3
from collections.abc import Iterable

import msgspec
from msgspec import structs

from ramify.directory.connection import transaction
from ramify.model.record import Outcome
from ramify.model.standing import NOT_BEGUN, RESUMABLE, Standing, State

_DECODER = msgspec.json.Decoder(Standing)
_NODES = msgspec.json.Decoder(tuple[str, ...])


class Rollouts:
    """Standings by run; every method is one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self, standing: Standing, planned: Iterable[str]) -> None:
        """One begins, for these nodes; those of runs that are forgotten go."""
        nodes = msgspec.json.encode(tuple(planned)).decode()
        with transaction(self._connection) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO rollouts (run, standing, planned) VALUES (?, ?, ?)",
                (standing.run, _text(standing), nodes),
            )
            connection.execute("DELETE FROM rollouts WHERE run != ? AND run NOT IN (SELECT run FROM runs)",
                               (standing.run,))  # fmt: skip

    def put(self, standing: Standing) -> None:
        """Remember how one stands that has begun; what is wished of it stays."""
        with transaction(self._connection) as connection:
            _put(connection, standing)

    def interrupt(self, run: str, why: str) -> None:
        """One that was running has nobody any more who carries it out: all is left that it has not ended."""
        with transaction(self._connection) as connection:
            query = "SELECT standing, planned FROM rollouts WHERE run = ?"
            text, planned = connection.execute(query, (run,)).fetchone()
            standing = _DECODER.decode(text)
            if standing.state is not State.RUNNING:
                return
            rows = connection.execute("SELECT path, outcome FROM changes WHERE run = ?", (run,))
            ended = {path for path, outcome in rows if Outcome(outcome) not in NOT_BEGUN}
            left = tuple(path for path in _NODES.decode(planned) if path not in ended)
            _put(connection, structs.replace(standing, state=State.INTERRUPTED, reason=why, left=left))

    def get(self, run: str) -> Standing | None:
        """How one stands."""
        row = self._connection.execute("SELECT standing FROM rollouts WHERE run = ?", (run,)).fetchone()
        return None if row is None else _DECODER.decode(row[0])

    def all(self) -> list[Standing]:
        """All of them, newest first."""
        rows = self._connection.execute("SELECT standing FROM rollouts ORDER BY rowid DESC")
        return [_DECODER.decode(row[0]) for row in rows]

    def wish(self, run: str, word: str, who: str) -> None:
        """Have whoever carries a run out hear a word."""
        with transaction(self._connection) as connection:
            connection.execute("UPDATE rollouts SET wish = ?, who = ? WHERE run = ?", (word, who, run))

    def wished(self, run: str) -> tuple[str, str]:
        """The last word that was said of a run, and by whom; empty if none was."""
        row = self._connection.execute("SELECT wish, who FROM rollouts WHERE run = ?", (run,)).fetchone()
        return ("", "") if row is None else (row[0], row[1])

    def supersede(self, run: str, nodes: Iterable[str], state: State = State.SUPERSEDED) -> None:
        """A run takes the place of those that stopped before some of its nodes."""
        touched = frozenset(nodes)
        for standing in self.all():
            if standing.run != run and standing.state in RESUMABLE and touched.intersection(standing.left):
                self.put(structs.replace(standing, state=state, next=run))


def _put(connection: sqlite3.Connection, standing: Standing) -> None:
    connection.execute("UPDATE rollouts SET standing = ? WHERE run = ?", (_text(standing), standing.run))


def _text(standing: Standing) -> str:
    return msgspec.json.encode(standing).decode()
