"""What came from the web: bytes by their sha256, and which bytes each URL had when it was last asked.

http/blobs/<sha256>     the bytes
http/urls/<word>.json   a URL's bytes and the validators that ask whether they are still the same
http/partial/<word>     a transfer that broke off
"""

import os
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from ramify.repository.store import use
from ramify.repository.sums import Sums
from ramify.repository.transfers import Validators


class Known(Struct, frozen=True):
    """What a URL had when it was last asked."""

    url: str
    sha256: str
    size: int
    validators: Validators


class Blobs:
    """The cache of a project."""

    def __init__(self, folder: Path, sums: Sums) -> None:
        self.folder = folder
        self._sums = sums

    def path(self, digest: str) -> Path:
        """Where bytes are, or would be; the digest has been checked to be one."""
        return self.folder / "blobs" / digest

    def find(self, digest: str) -> Path | None:
        """Bytes, if they are here and still what they are called: disks fail, and people edit."""
        path = self.path(digest)
        try:
            right = self._sums.file(path).sha256 == digest
        except FileNotFoundError:
            return None
        if not right:
            path.unlink(missing_ok=True)
            return None
        use(path)
        return path

    def known(self, url: str) -> Known | None:
        """What a URL had, if that is here."""
        try:
            found = msgspec.json.decode(self._note(url).read_bytes(), type=Known)
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.url == url and self.path(found.sha256).is_file() else None

    def keep(self, known: Known, file: Path) -> None:
        """Take the bytes that a URL has out of a file, which is gone then."""
        note = self._note(known.url)
        for folder in (note.parent, self.folder / "blobs"):
            folder.mkdir(parents=True, exist_ok=True)
        file.replace(self.path(known.sha256))
        partial = note.with_name(f"{note.name}.{os.getpid()}.tmp")
        partial.write_bytes(msgspec.json.encode(known))
        partial.replace(note)

    def partial(self, url: str) -> Path:
        """Where a transfer is kept that broke off."""
        return self.folder / "partial" / _word(url)

    def _note(self, url: str) -> Path:
        return self.folder / "urls" / f"{_word(url)}.json"


def _word(url: str) -> str:
    return sha256(url.encode(errors="replace")).hexdigest()
