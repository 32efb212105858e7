"""Which artifact a set of files was, last time: so that `ramify plan` reads no file that did not change.

Files are known again by their stamps (size, times, inode). A stamp alone is not proof: a file written twice
within one tick of the file system's clock keeps its stamp. As git's index does, a set is remembered only
when all of it had rested before it was looked at; until then it is read again each time.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ramify.repository.artifacts import ArtifactFile

# The coarsest clock of a file system in use is FAT's, of two seconds.
REST_NS = 2_000_000_000


def fingerprint(files: Iterable[ArtifactFile]) -> str:
    """Names, modes and stamps as one word; bytes that are not in a file stand for themselves."""
    rows = sorted(
        (
            file.name,
            file.mode,
            sha256(file.source).hexdigest() if isinstance(file.source, bytes) else "",
            file.stamp,
        )
        for file in files
    )
    return sha256(repr(rows).encode()).hexdigest()


def rested(files: Iterable[ArtifactFile], looked_ns: int) -> bool:
    """Whether the newest change of the files was over before they were looked at."""
    newest = max((max(file.stamp[1:3]) for file in files if file.stamp), default=0)
    return newest + REST_NS < looked_ns


class Index:
    """Fingerprints and the digests that they stood for, by what the files are for; kept in one JSON file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _read(file)
        self._changed = False

    def find(self, label: str, word: str) -> str | None:
        """The digest of the same files, if they were remembered."""
        known = self._known.get(label)
        return known[1] if known and known[0] == word else None

    def remember(self, label: str, word: str, digest: str) -> None:
        """Keep a digest until the files change."""
        self._known[label] = (word, digest)
        self._changed = True

    def save(self) -> None:
        """Write what is new; a cache that cannot be written costs time, not correctness."""
        if not self._changed:
            return
        partial = self._file.with_name(f"{self._file.name}.{os.getpid()}.tmp")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(self._known))
            partial.replace(self._file)
        self._changed = False


def _read(file: Path) -> dict[str, tuple[str, str]]:
    try:
        rows = json.loads(file.read_bytes())
        return {str(label): (str(word), str(digest)) for label, (word, digest) in rows.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
