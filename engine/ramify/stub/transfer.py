"""The operations `have` and `put`: artifacts arrive in chunks, and are believed once checked."""

from __future__ import annotations

import os

from ramify.stub import artifacts, files, layout
from ramify.stub.wire import MALFORMED, OFFSET, StubError, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from ramify.stub.wire import Header

COMPLETE = -1
MAX_PACK = 8 << 30
_partial: Dict[str, Any] = {}  # digest -> (file, descriptor) of what this session is receiving


def have(root: layout.Root, header: Header) -> Header:
    """What is here of each artifact: -1 for all of it, else the bytes of a part."""
    asked = header.get("artifacts")
    if not isinstance(asked, list) or not all(layout.is_digest(digest) for digest in asked):
        raise StubError(MALFORMED, "artifacts is not a list of digests")
    root.hold()
    root.used.update(asked)
    return {"have": {digest: _found(root, digest) for digest in asked}}


def _found(root: layout.Root, digest: str) -> int:
    if os.path.isfile(f"{root.packs}/{digest}"):
        return COMPLETE
    try:
        return os.stat(f"{root.packs}/{digest}.part").st_size
    except FileNotFoundError:
        return 0


def put(root: layout.Root, header: Header, body: bytes) -> Header:
    """Take a chunk; the last one has the whole pack checked."""
    digest, size, offset = header.get("artifact"), header.get("size"), header.get("offset")
    if not layout.is_digest(digest):
        raise StubError(MALFORMED, "artifact is not a digest")
    if type(size) is not int or type(offset) is not int or not 0 <= offset <= size <= MAX_PACK:
        raise StubError(MALFORMED, "size and offset are not numbers of bytes")
    if offset + len(body) > size:
        raise StubError(MALFORMED, f"{offset + len(body)} bytes of {size}")
    root.hold()
    root.used.add(str(digest))
    if os.path.isfile(f"{root.packs}/{digest}"):
        return {"received": size}
    return {"received": _append(root, str(digest), size, offset, body)}


def _append(root: layout.Root, digest: str, size: int, offset: int, body: bytes) -> int:
    file, descriptor = _part(root, digest)
    if offset == 0:
        os.ftruncate(descriptor, 0)
    here = os.fstat(descriptor).st_size
    if offset != here:
        message = f"artifact {digest}: {here} bytes are here, the chunk is at {offset}"
        raise StubError(OFFSET, message, received=here)
    write_all(descriptor, body)
    if offset + len(body) == size:
        _complete(root, digest, file, descriptor)
    return offset + len(body)


def _part(root: layout.Root, digest: str) -> Any:
    """Where to write; another session's part of the same artifact is left to it."""
    if digest not in _partial:
        files.make_folder(root.packs)
        file = f"{root.packs}/{digest}.part"
        descriptor = _open(file)
        if not layout.flock(descriptor, "LOCK_EX", wait=False):
            os.close(descriptor)
            file = f"{root.packs}/{digest}.{os.getpid()}.part"
            descriptor = _open(file)
        _partial[digest] = file, descriptor
    return _partial[digest]


def _open(file: str) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)


def _complete(root: layout.Root, digest: str, file: str, descriptor: int) -> None:
    """Check a pack and give it its name."""
    del _partial[digest]
    try:
        os.fsync(descriptor)
        artifacts.verify(root, digest, file)
        os.rename(file, f"{root.packs}/{digest}")
    except StubError:
        os.unlink(file)
        raise
    finally:
        os.close(descriptor)
