"""Logs of installers and services: rotated, and read back from their end."""

from __future__ import annotations

import os

from ramify.stub.wire import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

LIMIT = 1 << 20
KEPT = 3  # files in all: NAME.log, NAME.log.1, NAME.log.2
TAIL_LINES = 20
_TAIL_BYTES = 8 << 10


class Log:
    """A log file that never grows beyond LIMIT by more than one write."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open()

    def _open(self) -> None:
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def write(self, data: bytes) -> None:
        """Append; what a full disk refuses is lost, for the service matters more than its log."""
        if self._size >= LIMIT:
            self._rotate()
        try:
            write_all(self._descriptor, data)
        except OSError:
            return
        self._size += len(data)

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(KEPT - 1, 0, -1):
            older = f"{self._file}.{number}"
            newer = f"{self._file}.{number - 1}" if number > 1 else self._file
            try:
                os.rename(newer, older)
            except FileNotFoundError:
                pass
        self._open()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


def lines(data: bytes) -> List[str]:
    """Lines of output, whatever bytes it has."""
    return data.decode("utf-8", "replace").splitlines()


def size(file: str) -> int:
    """Bytes of a log; none if there is none."""
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0


def tail(file: str, since: int = 0) -> str:
    """The last lines of a log after its first `since` bytes, or nothing if there are none."""
    try:
        with open(file, "rb", 0) as stream:
            end = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, end - _TAIL_BYTES, since if since <= end else 0))
            return "\n".join(lines(stream.readall())[-TAIL_LINES:])
    except OSError:
        return ""


def tails(folder: str, since: Dict[str, int]) -> str:
    """The same of several processes by name; where more than one wrote something, each under its name."""
    said = {name: tail(f"{folder}/{name}.log", start) for name, start in since.items()}
    wrote = {name: text for name, text in said.items() if text}
    if len(wrote) == 1:
        return next(iter(wrote.values()))
    return "\n".join(f"==> {name} <==\n{text}" for name, text in wrote.items())
