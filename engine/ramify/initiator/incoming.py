"""What a parent was asked for, on its way: pieces in order, believed once they are whole and checked."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from ramify.initiator.messages import Chunk, UnusableMessageError
from ramify.model import bundle as bundles
from ramify.stub import artifacts, layout
from ramify.stub.wire import StubError

PART = ".part"

_numbers = itertools.count()


class Incoming:
    """One file on its way into a folder; it gets its name when its bytes are what their digest says."""

    def __init__(self, what: str, digest: str, folder: Path) -> None:
        self._what = what
        self._digest = digest
        self._size: int | None = None
        self._received = 0
        # A number keeps two that are sent the same thing out of each other's file.
        self._part = folder / f"{digest}.{next(_numbers)}{PART}"

    def take(self, chunk: Chunk, body: bytes) -> bool:
        """Append a piece; whether it was the last one.

        Raises:
            UnusableMessageError: it does not follow what is here.
        """
        if chunk.offset != self._received or chunk.size != (self._size or chunk.size) or not body:
            raise UnusableMessageError(f"a piece of {self._digest[:12]} that does not follow what is here")
        self._size = chunk.size
        self._received += len(body)
        if self._received > chunk.size:
            raise UnusableMessageError(f"{self._digest[:12]} is larger than was said")
        with self._part.open("ab" if chunk.offset else "wb") as stream:
            stream.write(body)
        return self._received == chunk.size

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

    def discard(self) -> None:
        """Leave nothing of it behind."""
        self._part.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Clear away what a killed process left."""
    for left in folder.glob(f"*{PART}"):
        left.unlink(missing_ok=True)


def _check_bundle(digest: str, file: Path) -> None:
    bundles.decode(file.read_bytes(), digest)


def _check_pack(digest: str, file: Path) -> None:
    artifacts.verify(layout.Root(str(file.parent)), digest, str(file))


_CHECKS: dict[str, Callable[[str, Path], None]] = {"bundle": _check_bundle, "pack": _check_pack}
