"""Artifacts: trees of files named by their content; the same files give the same digest on every machine.

An artifact is described by its *manifest*: canonical JSON of [name, mode, size, sha256] sorted by name. The
sha256 of the manifest is the artifact's digest. What travels is a *pack*: the manifest's length (4 bytes, big
endian), the manifest, and one zlib stream of the files' bytes in the manifest's order. The digest does not
depend on how well the stream is compressed.

Memory stays bounded: files are read in blocks, once to name them and, only where the pack is not there yet,
once more to pack them.
"""

import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

BLOCK = 1 << 20
MAX_FILES = 100_000
MAX_FILE = 1 << 30
MAX_TOTAL = 4 << 30
MAX_MANIFEST = 32 << 20
MAX_NAME = 1024
MAX_STEP = 255
MAX_DEPTH = 64
LEVEL = 6

PLAIN = 0o644
PROGRAM = 0o755

# Control characters, and the surrogates that stand for bytes which are not UTF-8.
_UNUSABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")


class ArtifactError(Exception):
    """Files that cannot become an artifact; the code is that of the diagnostic to tell it with."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class ArtifactFile(Struct, frozen=True):
    """One file: its name in the artifact, and its bytes or where they are.

    `stamp` is what the file system says of it (size, times, inode): two equal stamps of a file that has
    rested for a while mean equal bytes.
    """

    name: str
    mode: int
    source: bytes | Path
    stamp: tuple[int, ...] = ()


class Artifact(Struct, frozen=True):
    """Named files, not packed yet: hand it to `Store.add`."""

    digest: str
    manifest: bytes
    files: tuple[ArtifactFile, ...]


def build(files: Iterable[ArtifactFile]) -> Artifact:
    """Hash files and name the tree that they are.

    Raises:
        ArtifactError: a name or a size that no artifact may have, or a file that cannot be read.
    """
    ordered = tuple(sorted(files, key=lambda file: file.name))
    _check_names([file.name for file in ordered])
    rows: list[tuple[str, int, int, str]] = []
    for file in ordered:
        size, digest = _measure(file)
        rows.append((file.name, PROGRAM if file.mode & 0o100 else PLAIN, size, digest))
    if sum(row[2] for row in rows) > MAX_TOTAL:
        raise ArtifactError("artifact-size", f"the files are larger than {MAX_TOTAL >> 30} GiB together")
    manifest = json.dumps(rows, separators=(",", ":")).encode("ascii")
    if len(manifest) > MAX_MANIFEST:
        raise ArtifactError(
            "artifact-size", f"the files' names are longer than {MAX_MANIFEST >> 20} MiB together"
        )
    return Artifact(sha256(manifest).hexdigest(), manifest, ordered)


def pack(artifact: Artifact, out: BinaryIO, tell: Callable[[int], None] | None = None) -> None:
    """Write the pack; `tell` hears how many bytes are through.

    Raises:
        ArtifactError: a file is no longer what `build` has read.
    """
    out.write(len(artifact.manifest).to_bytes(4, "big") + artifact.manifest)
    stream = zlib.compressobj(LEVEL)
    expected = [row[3] for row in json.loads(artifact.manifest)]
    done = 0
    for file, digest in zip(artifact.files, expected, strict=True):
        found = sha256()
        for block in _blocks(file):
            found.update(block)
            out.write(stream.compress(block))
            done += len(block)
            if tell:
                tell(done)
        if found.hexdigest() != digest:
            raise ArtifactError("artifact-changed", f'"{file.name}" changed while it was being packed')
    out.write(stream.flush())


def name_problem(name: str) -> str | None:
    """Why a file cannot have this name in an artifact, or None."""
    if _UNUSABLE.search(name):
        return "holds control characters, or is not UTF-8"
    steps = name.split("/")
    if "" in steps or "." in steps or ".." in steps:
        return 'is not a plain relative path (no leading "/", no "." or ".." steps)'
    if len(name) > MAX_NAME or any(len(step.encode()) > MAX_STEP for step in steps):
        return "is too long"
    return f"lies deeper than {MAX_DEPTH} folders" if len(steps) > MAX_DEPTH else None


def _check_names(names: list[str]) -> None:
    if len(names) > MAX_FILES:
        raise ArtifactError("artifact-size", f"more than {MAX_FILES:,} files")
    for name in names:
        problem = name_problem(name)
        if problem:
            raise ArtifactError("artifact-name", f"the name {name!a} {problem}")
    known = set(names)
    if len(known) < len(names):
        twice = next(name for at, name in enumerate(names) if name == names[at - 1])
        raise ArtifactError("artifact-name", f'two files are called "{twice}"')
    for name in names:
        both = next((folder for folder in _folders(name) if folder in known), None)
        if both:
            raise ArtifactError("artifact-name", f'"{both}" is a file, and a folder that holds "{name}"')


def _folders(name: str) -> Iterator[str]:
    at = name.find("/")
    while at >= 0:
        yield name[:at]
        at = name.find("/", at + 1)


def _measure(file: ArtifactFile) -> tuple[int, str]:
    size, digest = 0, sha256()
    for block in _blocks(file):
        size += len(block)
        if size > MAX_FILE:
            raise ArtifactError("artifact-size", f'"{file.name}" is larger than {MAX_FILE >> 30} GiB')
        digest.update(block)
    return size, digest.hexdigest()


def _blocks(file: ArtifactFile) -> Iterator[bytes]:
    if isinstance(file.source, bytes):
        yield file.source
        return
    try:
        with file.source.open("rb", buffering=0) as stream:
            while block := stream.read(BLOCK):
                yield block
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ArtifactError("unreadable-file", f"cannot read {file.source}: {reason}") from error
