"""The content store: a folder of packs, each named by the digest of what it holds.

A stub keeps the same folder on its host (`packs/`), so an initiator reads there what its parent sent, and
hands it on. A pack appears under its name complete or not at all.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from ramify.repository.artifacts import BLOCK, Artifact, pack

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LEFT_OVER = 24 * 3600.0
_USED_AGAIN = 600.0


class Stored(Struct, frozen=True):
    """A pack in the store: the artifact's digest, and the pack's size in bytes."""

    digest: str
    size: int


class Store:
    """Packs in one folder; made when the first is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where a pack is, or would be.

        Raises:
            ValueError: not a digest; it may have come over a wire, and must not become a path elsewhere.
        """
        if not _DIGEST.match(digest):
            raise ValueError(f"expected a sha256 in hexadecimal, got {digest[:80]!r}")
        return self.folder / digest

    def has(self, digest: str) -> bool:
        """Whether the pack is here."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """The pack's size in bytes.

        Raises:
            FileNotFoundError: the pack is not here.
        """
        return self.path(digest).stat().st_size

    def find(self, digest: str) -> Stored | None:
        """The pack, if it is here; it counts as used."""
        try:
            stored = Stored(digest, self.size(digest))
        except FileNotFoundError:
            return None
        use(self.path(digest))
        return stored

    def add(self, artifact: Artifact, tell: Callable[[int], None] | None = None) -> Stored:
        """Pack an artifact, unless it is here already; `tell` hears how many bytes are through.

        Raises:
            ArtifactError: a file changed since the artifact was built.
            OSError: the folder cannot be written.
        """
        return self.find(artifact.digest) or self._write(artifact, tell)

    def chunks(self, digest: str, offset: int = 0, size: int = BLOCK) -> Iterator[bytes]:
        """The pack's bytes from an offset on, in pieces for the wire.

        Raises:
            FileNotFoundError: the pack is not here.
        """
        with self.path(digest).open("rb", buffering=0) as stream:
            stream.seek(offset)
            while chunk := stream.read(size):
                yield chunk

    def _write(self, artifact: Artifact, tell: Callable[[int], None] | None) -> Stored:
        target = self.path(artifact.digest)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        # Chance keeps two that add the same artifact at once out of each other's file.
        partial = target.with_name(f"{artifact.digest}.{os.urandom(4).hex()}.tmp")
        try:
            with partial.open("xb") as stream:
                pack(artifact, stream, tell)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return Stored(artifact.digest, self.size(artifact.digest))

    def _sweep(self) -> None:
        # What a killed process left. A day is far longer than packing takes, and no other process's work.
        for left in self.folder.glob("*.tmp"):
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _LEFT_OVER:
                    left.unlink()


def use(path: Path) -> None:
    """Note by its time that a file was used: `ramify repo gc` takes away those that were not for long."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _USED_AGAIN:
            os.utime(path)
