"""The operation `attach`: the session becomes a pipe to the unix socket of a running service."""

from __future__ import annotations

import os
import select
import time

from ramify.stub import files, journal, layout, status, tables
from ramify.stub.wire import MALFORMED, NOT_ACTIVE, TIMEOUT, StubError

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
    """Carry bytes both ways until the service closes; `rest` came before and goes first.

    Nothing here blocks on one direction: the peer may not read before we have read what it writes.
    """
    os.set_blocking(connection.fileno(), False)
    os.set_blocking(1, False)
    try:
        _Relay(connection, rest).run()
    except ConnectionError:  # the peer has gone
        pass
    finally:
        os.set_blocking(1, True)


class _Relay:
    def __init__(self, connection: Any, rest: bytes) -> None:
        self._socket = connection.fileno()
        self._connection = connection
        self._down = rest  # read from the session, not yet taken by the service
        self._up = b""  # read from the service, not yet taken by the session
        self._input_open = True
        self._service_open = True

    def run(self) -> None:
        """Read a direction only when what was read before has been passed on."""
        while self._service_open or self._up:
            readable = [0] if self._input_open and not self._down else []
            readable += [self._socket] if self._service_open and not self._up else []
            writable = ([self._socket] if self._down else []) + ([1] if self._up else [])
            ready, free, _ = select.select(readable, writable, [])
            if 1 in free:
                self._up = self._up[os.write(1, self._up) :]
            if self._socket in free:
                self._pass_down()
            if self._socket in ready:
                self._read_service()
            if 0 in ready:
                self._down = os.read(0, files.CHUNK)
                if not self._down:
                    self._end_input()

    def _pass_down(self) -> None:
        try:
            self._down = self._down[os.write(self._socket, self._down) :]
        except ConnectionError:  # it takes no more; what it said last is still to be read
            self._down = b""
            self._input_open = False

    def _read_service(self) -> None:
        try:
            self._up = os.read(self._socket, files.CHUNK)
        except ConnectionError:
            self._up = b""
        if not self._up:
            self._service_open = self._input_open = False
            self._down = b""

    def _end_input(self) -> None:
        """Tell the service that no more will come, and go on carrying what it says."""
        self._input_open = False
        c: Any = __import__("_socket")
        try:
            self._connection.shutdown(c.SHUT_WR)
        except OSError:  # it has gone first, which is read next
            pass
