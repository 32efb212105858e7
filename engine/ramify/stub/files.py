"""Files and folders, without the modules whose import would cost more than their use."""

from __future__ import annotations

import os
import sys

from ramify.stub.wire import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

CHUNK = 64 << 10


_hashers: Dict[bool, Callable[..., Any]] = {}  # for large and for small, once found


def hasher(size: int = 0) -> Callable[..., Any]:
    """A sha256 for about `size` bytes.

    Loading OpenSSL takes 2-6 ms, the built-in sha256 5 ms for each MiB that OpenSSL does in 0.6.
    """
    large = size >= 1 << 20
    if large not in _hashers:
        _hashers[large] = _hasher(large)
    return _hashers[large]


def _hasher(large: bool) -> Callable[..., Any]:
    # To look for a module that is not there takes as long as to load one.
    own = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
    for module, name in (("_hashlib", "openssl_sha256"), (own, "sha256"))[not large :]:
        try:
            found: Callable[..., Any] = getattr(__import__(module), name)
        except (ImportError, AttributeError):
            continue
        return found
    fallback: Callable[..., Any] = __import__("hashlib").sha256
    return fallback


def replace(file: str, data: bytes, last: bool = True) -> None:
    """Write a private file so that a reader, and a crash, finds the old one or the new one.

    Unless `last` is false it is on the disk when this returns: 1 ms or more.
    """
    temporary = f"{file}.tmp"  # one writer only: whoever holds the node
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, data)
        if last:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, file)
    if last:
        sync_folder(os.path.dirname(file))


def sync_folder(folder: str) -> None:
    """Make renames in `folder` last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(file: str) -> bytes:
    """All bytes of a file."""
    with open(file, "rb", 0) as stream:
        return stream.readall()


def touch(file: str) -> None:
    """Make sure that there is a file."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))


def make_folder(folder: str) -> None:
    """Make a private folder, and those above it."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        make_folder(os.path.dirname(folder))
        make_folder(folder)


def remove_tree(folder: str) -> None:
    """Remove a folder and all in it; a link is removed, never followed. What is gone already is fine."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        os.unlink(folder)
        return
    except PermissionError:  # an installer may have taken its own rights away
        os.chmod(folder, 0o700)
        entries = list(os.scandir(folder))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            _unlink(entry.path)
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        pass
    except PermissionError:
        os.chmod(os.path.dirname(folder), 0o700)
        os.rmdir(folder)


def _unlink(file: str) -> None:
    try:
        os.unlink(file)
    except FileNotFoundError:
        pass
    except PermissionError:
        os.chmod(os.path.dirname(file), 0o700)
        os.unlink(file)


def hash_file(file: str) -> str:
    """The sha256 of a file, or nothing if it cannot be read."""
    try:
        with open(file, "rb", 0) as stream:
            sha256 = hasher(os.fstat(stream.fileno()).st_size)()
            chunk = stream.read(CHUNK)
            while chunk:
                sha256.update(chunk)
                chunk = stream.read(CHUNK)
            return str(sha256.hexdigest())
    except OSError:
        return ""
