"""The operation `attach`: the session becomes a pipe to the unix socket of a running service."""

from __future__ import annotations

import os
import select
import time

from ramify.stub import files, journal, layout, status, tables
from ramify.stub.wire import MALFORMED, NOT_ACTIVE, TIMEOUT, StubError, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ramify.stub.wire import Header

_WAIT = 10.0
_POLL = 0.02
_SOCKET = "socket"


def connect(root: layout.Root, header: Header) -> Any:
    """A connection to the service of a node, as soon as it listens.

    Raises:
        StubError: the service does not run, or did not listen in time.
    """
    path = layout.check_path(header.get("path"))
    wait = header.get("wait", _WAIT)
    if isinstance(wait, bool) or not isinstance(wait, (int, float)):
        raise StubError(MALFORMED, "wait is not a number of seconds")
    deadline = time.monotonic() + wait
    while True:
        _require_running(root, path)
        connection = _try(f"{root.node(path)}/run")
        if connection is not None:
            return connection
        if time.monotonic() >= deadline:
            raise StubError(TIMEOUT, f"the service of {path} does not listen at run/{_SOCKET}")
        # That a socket begins to listen is no event for anybody but its owner.
        time.sleep(_POLL)


def _require_running(root: layout.Root, path: str) -> None:
    node = root.node(path)
    record = journal.read(node) or journal.blank(path)
    status.observe(record)
    if record["service"] not in tables.RUNNING:
        found = status.describe(record, node)
        message = f"the service of {path} does not run: found {record['service']}"
        raise StubError(NOT_ACTIVE, message, found=found)


def _try(folder: str) -> Any:
    """Connect by a name relative to the folder: addresses of sockets have at most 107 bytes."""
    c: Any = __import__("_socket")
    connection = c.socket(c.AF_UNIX, c.SOCK_STREAM)
    try:
        os.chdir(folder)
        connection.connect(_SOCKET)
    except OSError:
        connection.close()
        return None
    finally:
        os.chdir("/")
    return connection


def relay(connection: Any, rest: bytes) -> None:
    """Carry bytes both ways until the service closes; `rest` came before and goes first."""
    if rest:
        connection.sendall(rest)
    socket = connection.fileno()
    sources = [0, socket]
    while socket in sources:
        for source in select.select(sources, [], [])[0]:
            data = os.read(source, files.CHUNK) if source == 0 else _receive(connection)
            if data and source == 0:
                connection.sendall(data)
            elif data:
                write_all(1, data)
            else:
                sources.remove(source)
                if source == 0:
                    _end_of_input(connection)


def _receive(connection: Any) -> bytes:
    try:
        data: bytes = connection.recv(files.CHUNK)
    except OSError:  # reset by the service: its end
        return b""
    return data


def _end_of_input(connection: Any) -> None:
    c: Any = __import__("_socket")
    try:
        connection.shutdown(c.SHUT_WR)
    except OSError:  # the service has gone first
        pass
