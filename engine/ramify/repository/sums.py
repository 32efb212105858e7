"""What local files and folders hold, as one sha256: read once, and again only when they changed."""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ramify.documents.lock import Pin
from ramify.repository.artifacts import BLOCK, PLAIN, ArtifactError, ArtifactFile, build
from ramify.repository.folders import MANIFEST, from_folder, stamp
from ramify.repository.packaging import FOLDER_TYPE, media_type
from ramify.repository.stamps import Index, fingerprint, rested


class Sums:
    """Hashes files and folders for locks and caches."""

    def __init__(self, index: Index, clock: Callable[[], int] = time.time_ns) -> None:
        self._index = index
        self._clock = clock

    def any(self, path: Path) -> Pin:
        """A file or a folder.

        Raises:
            ArtifactError, OSError: as below.
        """
        return self.folder(path) if path.is_dir() else self.file(path)

    def file(self, path: Path) -> Pin:
        """A file's bytes.

        Raises:
            OSError: it cannot be read.
        """
        file = ArtifactFile(path.name, PLAIN, path, stamp(path.stat()))
        digest = self._remembered(f"sum:{path.absolute()}", [file], lambda: _hashed(path))
        with path.open("rb") as stream:
            return Pin(digest, file.stamp[0], media_type(stream.read(512)))

    def folder(self, path: Path) -> Pin:
        """All files that a component's folder holds, its manifest too.

        Raises:
            ArtifactError, OSError: they cannot become an artifact, or be read.
        """
        files, _ = from_folder(path)
        manifest = path / MANIFEST
        if manifest.is_file():
            files.append(ArtifactFile(MANIFEST, PLAIN, manifest, stamp(manifest.stat())))
        digest = self._remembered(f"sum:{path.absolute()}", files, lambda: build(files).digest)
        return Pin(digest, sum(file.stamp[0] for file in files), FOLDER_TYPE)

    def made(self, name: Path, folder: Path) -> None:
        """Note what a folder holds that was just made, and will be known by a name."""
        digest = self._held(folder)
        self._index.remember(_made(name), digest, digest)

    def is_as_made(self, folder: Path) -> bool:
        """Whether a folder still holds what it did when it was made: disks fail, and people edit."""
        digest = self._held(folder)
        return bool(digest) and self._index.find(_made(folder), digest) == digest

    def _held(self, folder: Path) -> str:
        """What a folder holds; nothing where that is no artifact: whoever takes its files tells that."""
        try:
            return self.folder(folder).sha256
        except (ArtifactError, OSError):
            return ""

    def _remembered(self, label: str, files: list[ArtifactFile], make: Callable[[], str]) -> str:
        looked, word = self._clock(), fingerprint(files)
        known = self._index.find(label, word)
        if known:
            return known
        digest = make()
        if rested(files, looked):
            self._index.remember(label, word, digest)
        return digest


def pin_of(data: bytes) -> Pin:
    """The pin of bytes."""
    return Pin(sha256(data).hexdigest(), len(data), media_type(data[:512]))


def _made(folder: Path) -> str:
    return f"made:{folder.absolute()}"


def _hashed(path: Path) -> str:
    found = sha256()
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            found.update(block)
    return found.hexdigest()
