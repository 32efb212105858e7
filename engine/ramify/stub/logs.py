"""Logs of installers and services: rotated, and read back from their end."""

from __future__ import annotations

import os

from ramify.stub import files
from ramify.stub.wire import CUT, decode, encode, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

LIMIT = 1 << 20
KEPT = 3  # files in all: NAME.log, NAME.log.1, NAME.log.2
TAIL_LINES = 20
_TAIL_BYTES = 8 << 10


class Log:
    """A log file that never grows beyond LIMIT by more than one write; where each run begins is noted."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open()
        self._note([os.fstat(self._descriptor).st_ino, self._size])

    def _open(self) -> None:
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _note(self, *new: List[int]) -> None:
        try:
            there = {os.stat(name).st_ino for name in self._names() if os.path.exists(name)}
            known = [place if place[0] in there else [0, 0] for place in runs(self._file)]
            files.replace(f"{self._file[:-4]}.runs", encode([*new, *known][:2]), last=False)
        except OSError:  # as in `write`
            pass

    def _names(self) -> List[str]:
        return [f"{self._file}.{number}" if number else self._file for number in range(KEPT)]

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
        names = self._names()
        for number in range(KEPT - 1, 0, -1):
            if os.path.exists(names[number - 1]):
                os.rename(names[number - 1], names[number])
        self._note()  # before the number of the file that went is used again
        self._open()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


def runs(file: str) -> List[List[int]]:
    """The places, [inode, offset], where the last run and the one before it begin; known or not."""
    try:
        value = decode(files.read(f"{file[:-4]}.runs"))
        return [[int(inode), int(offset)] for inode, offset in value]
    except (OSError, ValueError, TypeError):
        return []


def lines(data: bytes) -> List[str]:
    """Lines of output, whatever bytes it has."""
    return data.decode("utf-8", "replace").splitlines()


def size(file: str) -> int:
    """Bytes of a log; none if there is none."""
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0


def ending(data: bytes, before: bytes) -> str:
    """The last lines of output, of which `before` is the byte that was left out last, if any was."""
    said = lines(data)
    text = "\n".join(said[-TAIL_LINES:])
    if text and (len(said) > TAIL_LINES or before == b"\n"):
        return f"{CUT}\n{text}"
    # What is left of a character that was torn, too, is none.
    return CUT + text.lstrip("\ufffd") if text and before else text


def tail(file: str, since: int = 0, most: int = _TAIL_BYTES) -> str:
    """The last lines of a log after its first `since` bytes, or nothing if there are none."""
    try:
        with open(file, "rb", 0) as stream:
            end = os.fstat(stream.fileno()).st_size
            begin = max(0, end - most, since if since <= end else 0)
            stream.seek(max(0, begin - 1))
            before = stream.read(1) if begin else _last(f"{file}.1")
            # Where a process began that line is its first.
            return ending(stream.readall(), b"" if begin == since and before == b"\n" else before)
    except OSError:
        return ""


def _last(file: str) -> bytes:
    """The last byte of a file, if there is one."""
    try:
        with open(file, "rb", 0) as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1)
    except OSError:
        return b""


def tails(folder: str, since: Dict[str, int]) -> str:
    """The same of several processes by name; where more than one wrote something, each under its name."""
    said = {name: tail(f"{folder}/{name}.log", start) for name, start in since.items()}
    wrote = {name: text for name, text in said.items() if text}
    if len(wrote) == 1:
        return next(iter(wrote.values()))
    return "\n".join(f"==> {name} <==\n{text}" for name, text in wrote.items())
