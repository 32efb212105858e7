"""What a parent was asked for, on its way: pieces in order, believed once they are whole and checked.

A transfer that breaks off leaves its bytes behind, and the next one goes on behind them.
"""

import asyncio
import fcntl
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ramify.initiator.messages import Chunk, UnusableMessageError
from ramify.model import bundle as bundles
from ramify.stub import artifacts, layout
from ramify.stub.wire import StubError, write_all

PART = ".part"

_numbers = itertools.count()


class Incoming:
    """One file on its way into a folder; it gets its name when its bytes are what their digest says."""

    def __init__(self, what: str, digest: str, folder: Path) -> None:
        self._what = what
        self._digest = digest
        self._size: int | None = None
        self._part, self._stream = _opened(folder, digest)
        self._resumes = self._part.name == part(digest)
        self.received = os.fstat(self._stream.fileno()).st_size

    def take(self, chunk: Chunk, body: bytes) -> bool:
        """Append a piece; whether it was the last one.

        Raises:
            UnusableMessageError: it does not follow what is here.
        """
        if chunk.offset == 0 and self._size is None and self.received:
            self.restart()  # a parent may begin anew
        is_all = 0 < chunk.offset == chunk.size
        follows = chunk.offset == self.received and chunk.size == (self._size or chunk.size)
        if not follows or not (body or is_all):
            raise UnusableMessageError(f"a piece of {self._digest[:12]} that does not follow what is here")
        if self.received + len(body) > chunk.size:
            raise UnusableMessageError(f"{self._digest[:12]} is larger than was said")
        self._size = chunk.size
        write_all(self._stream.fileno(), body)
        self.received += len(body)
        return self.received == chunk.size

    async def keep(self, target: Path) -> Path:
        """Check what has come, and give it its name.

        Raises:
            UnusableMessageError: it is not what its digest says.
        """
        check = _CHECKS[self._what]
        try:
            # Beside the loop: a runtime is tens of megabytes to unpack, and children wait for answers.
            await asyncio.to_thread(check, self._digest, self._part)
            self._part.replace(target)
        except (StubError, bundles.UnusableBundleError, ValueError, OSError) as error:
            raise UnusableMessageError(str(error)) from error
        return target

    def restart(self) -> None:
        """Forget what is here: the next piece is the first."""
        self._stream.truncate(0)
        self._size, self.received = None, 0

    def leave(self) -> None:
        """Let go; what has come of it stays for the next transfer."""
        self._stream.close()
        if not self.received or not self._resumes:
            self._part.unlink(missing_ok=True)


def part(digest: str) -> str:
    """The name of what has come of something so far."""
    return f"{digest}{PART}"


def sweep(folder: Path) -> None:
    """Clear away what a killed process left, and nobody would go on with."""
    for left in folder.glob(f"*.*{PART}"):
        left.unlink(missing_ok=True)


def _opened(folder: Path, digest: str) -> tuple[Path, BinaryIO]:
    """Where to write, behind what is there; a part that somebody else is at work on is left to them."""
    file = folder / part(digest)
    stream = file.open("ab", buffering=0)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(file.stat(), os.fstat(stream.fileno())):  # else it has got its name meanwhile
            return file, stream
    except (BlockingIOError, FileNotFoundError):
        pass
    stream.close()
    file = folder / f"{digest}.{os.getpid()}-{next(_numbers)}{PART}"
    return file, file.open("ab", buffering=0)


def _check_bundle(digest: str, file: Path) -> None:
    bundles.decode(file.read_bytes(), digest)


def _check_pack(digest: str, file: Path) -> None:
    artifacts.verify(layout.Root(str(file.parent)), digest, str(file))


_CHECKS: dict[str, Callable[[str, Path], None]] = {"bundle": _check_bundle, "pack": _check_pack}
