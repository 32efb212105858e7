"""Snapshots: a catalogue as a folder that a small server elsewhere serves, with all that the server needs.

`catalogue.json` is what the documents said, so that no YAML and no lxml is needed to serve it; `blobs/` has
the content by digest; `lib/` the server itself, for hosts with a Python of this machine's kind. The same
project gives the same bytes: a snapshot in a component's folder changes that only with the repository.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

import msgspec
from msgspec import Struct

import ramify
from ramify.model.diagnostics import Diagnostics
from ramify.model.repository import Repository
from ramify.repository.distributions import wanted
from ramify.repository.serve_catalogue import Catalogue, Content
from ramify.repository.serve_read import Read, current

CATALOGUE = "catalogue.json"
BLOBS = "blobs"
LIB = "lib"
SOURCES = "SHA256SUMS"
FORMAT = 1

_PACKAGES = ("h11", "msgspec")
_ENGINE = ("__init__.py", "documents/__init__.py", "documents/brp.py", "documents/brp_xml.py")
_FLOORS = ("model", "repository")


class SnapshotError(Exception):
    """A folder that cannot become a snapshot, or is none."""


class _Kept(Struct, frozen=True, array_like=True):
    digest: str
    size: int
    media: str


class _Snapshot(Struct, frozen=True):
    repository: Repository
    document: str
    targets: dict[str, str]
    files: dict[str, _Kept]
    blobs: dict[str, _Kept]
    bundle: _Kept | None = None
    packs: dict[str, _Kept] = {}
    unbundled: str = "the snapshot was made by an earlier Ramify"
    format: int = FORMAT


def write(catalogue: Catalogue, folder: Path) -> None:
    """Make a folder a snapshot; one that was there is replaced when the new one is complete.

    Raises:
        SnapshotError: the folder holds something else.
        OSError: it cannot be written, or a file of the repository changed.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CATALOGUE).is_file():
        raise SnapshotError(f"{folder} holds something that is no snapshot")
    fresh = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / BLOBS).mkdir(parents=True)
    for content in _offered(catalogue).values():
        _copy(content, fresh / BLOBS / content.digest)
    _write_lib(fresh / LIB)
    (fresh / CATALOGUE).write_bytes(_document(catalogue))
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)


def update(catalogue: Catalogue, folder: Path) -> bool:
    """Make a folder this snapshot, unless it is; whether it was not.

    Raises:
        SnapshotError, OSError: as `write` does.
    """
    if _is_snapshot_of(catalogue, folder):
        return False
    write(catalogue, folder)
    return True


def _is_snapshot_of(catalogue: Catalogue, folder: Path) -> bool:
    try:
        same = (folder / CATALOGUE).read_bytes() == _document(catalogue)
        same = same and (folder / LIB / SOURCES).read_text() == _sources()
    except OSError:
        return False
    return same and all((folder / BLOBS / digest).is_file() for digest in _offered(catalogue))


def load(folder: Path) -> Read:
    """Read a snapshot.

    Raises:
        SnapshotError: it is none, or of another format.
    """
    file = folder / CATALOGUE
    stamps = {file: current(file)}
    try:
        made = msgspec.json.decode(file.read_bytes(), type=_Snapshot)
    except (OSError, msgspec.MsgspecError) as error:
        raise SnapshotError(f"{folder} is no snapshot: {error}") from error
    if made.format != FORMAT:
        raise SnapshotError(f"{folder} has format {made.format}, expected {FORMAT}")
    catalogue = Catalogue(
        repository=made.repository,
        document=made.document,
        targets=made.targets,
        files=_contents(made.files, folder),
        blobs=_contents(made.blobs, folder),
        bundle=_content(made.bundle, folder) if made.bundle else None,
        packs=_contents(made.packs, folder),
        unbundled=made.unbundled,
    )
    return Read(catalogue, Diagnostics(), stamps)


def _document(catalogue: Catalogue) -> bytes:
    made = _Snapshot(
        repository=catalogue.repository,
        document=catalogue.document,
        targets=catalogue.targets,
        files={name: _kept(content) for name, content in catalogue.files.items()},
        blobs={name: _kept(content) for name, content in catalogue.blobs.items()},
        bundle=_kept(catalogue.bundle) if catalogue.bundle else None,
        packs={name: _kept(content) for name, content in catalogue.packs.items()},
        unbundled=catalogue.unbundled,
    )
    return msgspec.json.encode(made, order="deterministic")


def _offered(catalogue: Catalogue) -> dict[str, Content]:
    """All that can be had, by digest; a pack is named by that of the artifact in it."""
    found = {**catalogue.blobs, **catalogue.packs}
    others = (*catalogue.files.values(), *((catalogue.bundle,) if catalogue.bundle else ()))
    return found | {content.digest: content for content in others}


def _kept(content: Content) -> _Kept:
    return _Kept(content.digest, content.size, content.media)


def _contents(kept: dict[str, _Kept], folder: Path) -> dict[str, Content]:
    return {name: _content(one, folder) for name, one in kept.items()}


def _content(kept: _Kept, folder: Path) -> Content:
    return Content(kept.digest, kept.size, folder / BLOBS / kept.digest, kept.media)


def _copy(content: Content, target: Path) -> None:
    if isinstance(content.source, bytes):
        target.write_bytes(content.source)
    else:
        shutil.copyfile(content.source, target)
    if content.stamp and content.stamp != current(Path(str(content.source))):
        raise OSError(0, "the file changed while it was copied", str(content.source))


def _write_lib(lib: Path) -> None:
    for name, source in _lib():
        (lib / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, lib / name)
    (lib / SOURCES).write_text(_sources())
    (lib / "kind").write_text(f"{sys.implementation.cache_tag} {sys.platform} {os.uname().machine}\n")


def _sources() -> str:
    """What the server is made of: another one, as of a later Ramify, is another snapshot."""
    files = sorted((name, hashlib.sha256(source.read_bytes()).hexdigest()) for name, source in _lib())
    return "".join(f"{digest}  {name}\n" for name, digest in files)


def _lib() -> Iterable[tuple[str, Path]]:
    """The files of the server: of the engine what it imports, and two packages."""
    engine = Path(ramify.__file__).parent
    for name in _ENGINE:
        yield f"ramify/{name}", engine / name
    for floor in _FLOORS:
        for file in sorted((engine / floor).glob("*.py")):
            yield f"ramify/{floor}/{file.name}", file
    for package in _PACKAGES:
        one = distribution(package)
        for name in map(str, one.files or ()):
            if wanted(name):
                yield name, Path(str(one.locate_file(name)))
