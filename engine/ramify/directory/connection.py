"""The connection to a directory's file: opened, brought to the version of today, and its transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ramify.directory import schema


class DirectoryError(Exception):
    """The directory's file cannot be used; the sentence says which and why."""


def opened(file: Path) -> sqlite3.Connection:
    """The file, made if it is not there, of the version that is read here.

    Raises:
        DirectoryError: it is no directory, or one of a version that nobody here knows.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=30, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = _migrated(connection)
    except (sqlite3.Error, OSError) as error:
        raise DirectoryError(f"cannot open the directory {file}: {error}") from error
    if version != schema.VERSION:
        connection.close()
        raise DirectoryError(f"directory {file} has version {version}, expected {schema.VERSION}")
    return connection


def _migrated(connection: sqlite3.Connection) -> int:
    """Make the tables, or those that came after the version of the file; the version that it is of then."""
    if _version(connection) >= schema.VERSION:
        return _version(connection)
    with transaction(connection):
        # Whoever waited for another process to do it finds it done.
        for steps in schema.STEPS[_version(connection) :]:
            for statement in steps:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(schema.VERSION, _version(connection))}")
    return _version(connection)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, and nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
