"""What a project keeps and does not need any more: found, and taken away, the longest unused first.

Needed is what the project's bundle and runtimes refer to, what its lock names, and what its references led
to. What was used within the last hour stays: another command may be working with it.
"""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ramify.documents.lock import Pin
from ramify.model.bundle import Bundle, within

YOUNG = 3600.0

PACKS, BLOBS, TREES, PARTIAL = "packs", "http/blobs", "trees", "http/partial"

# A transfer that broke off is gone on with soon, or never.
_PARTIAL_AGE = 7 * 24 * 3600.0


class Needed(Struct, frozen=True):
    """Digests of packs, and sha256 of what references led to."""

    packs: frozenset[str]
    sums: frozenset[str]


class Waste(Struct, frozen=True):
    """Something that is not needed: below which folder it is, its name, its bytes, when it was last used."""

    folder: str
    name: str
    size: int
    used: float


class _Runtime(Struct):
    artifact: str


def needed(bundle: Bundle, pins: Iterable[Pin], cache: Path, past: Path | None = None) -> Needed:
    """What a project needs of its cache; `past` is where the bundles of earlier runs are, to go back to."""
    packs = {made.artifact for one in within(bundle) for made in one.components.values()}
    packs |= _named(past) if past else set()
    packs |= {runtime.artifact for runtime in bundle.runtimes}
    packs |= {found.artifact for file in cache.glob("runtimes/*.json") if (found := _runtime(file))}
    return Needed(frozenset(packs), frozenset(pin.sha256 for pin in pins))


def _named(past: Path) -> set[str]:
    """The packs that bundles of earlier runs name, as it is written beside each."""
    found: set[str] = set()
    for file in past.glob("*.packs"):
        with suppress(FileNotFoundError):  # another process forgets things, too
            found.update(file.read_text().split())
    return found


def waste(cache: Path, needs: Needed, now: float | None = None) -> list[Waste]:
    """All that is not needed and has rested, the longest unused first."""
    now = time.time() if now is None else now
    wanted = {PACKS: needs.packs, BLOBS: needs.sums, TREES: needs.sums, PARTIAL: frozenset[str]()}
    found = [
        item
        for folder, names in wanted.items()
        for item in _held(cache, folder)
        if item.name not in names and now - item.used > (_PARTIAL_AGE if folder == PARTIAL else YOUNG)
    ]
    return sorted(found, key=lambda item: (item.used, item.folder, item.name))


def remove(cache: Path, items: Iterable[Waste]) -> None:
    """Take things away, and what is known of URLs whose bytes are gone."""
    for item in items:
        path = cache / item.folder / item.name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    _forget_urls(cache)


def keep_within(cache: Path, needs: Needed, bound: int) -> None:
    """Take away what is not needed until packs and fetched bytes fit a bound, if they can."""
    size = sum(item.size for folder in (PACKS, BLOBS) for item in _held(cache, folder))
    if size <= bound:
        return
    going = []
    for item in waste(cache, needs):
        if size > bound:
            going.append(item)
            size -= item.size if item.folder in {PACKS, BLOBS} else 0
    remove(cache, going)


def _held(cache: Path, folder: str) -> Iterator[Waste]:
    try:
        entries = list(os.scandir(cache / folder))
    except FileNotFoundError:
        return
    for entry in entries:
        with suppress(FileNotFoundError):  # another process takes things away too
            found = entry.stat()
            size = _size(Path(entry.path)) if folder == TREES else found.st_size
            yield Waste(folder, entry.name, size, found.st_mtime)


def _size(tree: Path) -> int:
    return sum(file.lstat().st_size for file in tree.rglob("*") if not file.is_dir())


def _forget_urls(cache: Path) -> None:
    for file in cache.glob("http/urls/*.json"):
        with suppress(OSError, msgspec.MsgspecError):
            known = msgspec.json.decode(file.read_bytes(), type=dict[str, msgspec.Raw])
            digest = msgspec.json.decode(known["sha256"], type=str)
            if not (cache / BLOBS / digest).exists():
                file.unlink()


def _runtime(file: Path) -> _Runtime | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Runtime)
    except (OSError, msgspec.MsgspecError):
        return None
