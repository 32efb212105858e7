"""The bundles of past runs: named by their digests, compressed, beside the directory's file."""

import os
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ramify.model import bundle as bundles

_SUFFIX, _PACKS, _FRESH = ".z", ".packs", ".tmp"


class Bundles:
    """A folder of bundles; beside each lies which packs it names, so that these can be kept, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, digest: str, data: bytes, packs: Iterable[str]) -> None:
        """Keep a bundle that a run is made from."""
        if (self._folder / f"{digest}{_SUFFIX}").is_file():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write(f"{digest}{_PACKS}", "\n".join(packs).encode())
        self._write(f"{digest}{_SUFFIX}", zlib.compress(data))

    def _write(self, name: str, data: bytes) -> None:
        fresh = self._folder / f"{name}.{os.getpid()}{_FRESH}"
        fresh.write_bytes(data)
        fresh.replace(self._folder / name)

    def get(self, digest: str) -> bytes | None:
        """The bytes of a bundle; None where they are not kept, or damaged."""
        try:
            data = zlib.decompress((self._folder / f"{digest}{_SUFFIX}").read_bytes())
        except (OSError, zlib.error):
            return None
        return data if bundles.digest(data) == digest else None

    def retain(self, digests: Collection[str]) -> None:
        """Forget all others."""
        for file in self._files():
            if file.suffix != _FRESH and file.stem not in digests:
                file.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from list(self._folder.iterdir())


def folder_of(directory_file: Path) -> Path:
    """Where the bundles of a directory are."""
    return directory_file.parent / "bundles"
