"""Transfers that broke off: their bytes, and what they are bytes of, so that the next attempt goes on."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from ramify.repository.transfers import Validators


class Partial:
    """The bytes of one URL that have arrived so far; held by one process at a time."""

    def __init__(self, stream: BinaryIO, note: Path) -> None:
        self.stream = stream
        self._note = note

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.stream.seek(0, 2)

    def validators(self) -> Validators:
        """What they are bytes of; empty when nobody knows."""
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Validators)
        except (OSError, msgspec.MsgspecError):
            return Validators()

    def restart(self, of: Validators = Validators()) -> None:  # noqa: B008 - frozen
        """Forget all bytes; those that come next are of this version."""
        self.stream.seek(0)
        self.stream.truncate()
        self._note.write_bytes(msgspec.json.encode(of))

    def hashed(self) -> "hashlib._Hash":
        """The hash of the bytes so far; the stream is left at their end."""
        self.stream.seek(0)
        found = hashlib.sha256()
        while block := self.stream.read(1 << 20):
            found.update(block)
        return found


@contextmanager
def held(file: Path) -> Iterator[Partial]:
    """The partial transfer kept in a file; waits while another process has it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with file.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _is(file, stream):
                note = file.with_suffix(".json")
                try:
                    yield Partial(stream, note)
                finally:
                    _forget(file, stream, note)
                return
        # Whoever had it is through, and has moved the file away: begin a new one.


def _forget(file: Path, stream: BinaryIO, note: Path) -> None:
    """Leave nothing behind of what was taken, or never began."""
    if not _is(file, stream):
        note.unlink(missing_ok=True)
    elif os.fstat(stream.fileno()).st_size == 0:
        file.unlink(missing_ok=True)
        note.unlink(missing_ok=True)


def _is(file: Path, stream: BinaryIO) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False
