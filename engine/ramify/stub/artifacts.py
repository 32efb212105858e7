"""Artifacts on a host: packs checked, unpacked into fresh folders, shared trees."""

from __future__ import annotations

import os

from ramify.stub import files, layout
from ramify.stub.packs import Pack
from ramify.stub.wire import CORRUPT, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

_SUSPECT = ".suspect"


def verify(root: layout.Root, digest: str, file: str = "") -> None:
    """Check all bytes of a pack, in bounded memory.

    Raises:
        StubError: they are not what the digest says, or a name is refused.
    """
    pack = Pack(root, digest, file)
    try:
        for _entry, chunks in pack.contents():
            for _chunk in chunks:
                pass
    finally:
        pack.close()
    root.verified.add(digest)


def unpack(root: layout.Root, digest: str, folder: str) -> None:
    """Write an artifact's files into `folder`, which is made and must not exist.

    Raises:
        StubError: the pack is missing or corrupt; a corrupt one is removed, so that it is sent again.
    """
    os.mkdir(folder, 0o700)
    made = {folder}
    pack = Pack(root, digest)
    try:
        for (name, mode, _size, _digest), chunks in pack.contents(check=digest not in root.verified):
            file = f"{folder}/{name}"
            parent = os.path.dirname(file)
            if parent not in made:
                os.makedirs(parent, 0o700, exist_ok=True)
                made.add(parent)
            _write(file, mode, chunks)
    except StubError as error:
        if error.code == CORRUPT:
            os.unlink(f"{root.packs}/{digest}")
        raise
    finally:
        pack.close()
    root.verified.add(digest)


def _write(file: str, mode: int, chunks: Iterator[bytes]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        for chunk in chunks:
            os.write(descriptor, chunk)
        os.fchmod(descriptor, mode)  # whatever the umask
    finally:
        os.close(descriptor)


def place_tree(root: layout.Root, digest: str) -> str:
    """The folder of a shared artifact, unpacked once on this host."""
    tree = f"{root.trees}/{digest}"
    suspect = os.path.exists(f"{tree}{_SUSPECT}")
    if os.path.isdir(tree) and not suspect:
        return tree
    files.make_folder(root.trees)
    temporary = f"{tree}.{os.getpid()}.tmp"
    files.remove_tree(temporary)
    unpack(root, digest, temporary)
    if suspect:
        aside = f"{tree}.{os.getpid()}.old"
        os.rename(tree, aside)
        os.rename(temporary, tree)
        os.unlink(f"{tree}{_SUSPECT}")
        files.remove_tree(aside)
        return tree
    try:
        os.rename(temporary, tree)
    except OSError:  # another session was quicker
        files.remove_tree(temporary)
    return tree


def suspect_tree(root: layout.Root, digest: str) -> None:
    """Have a shared artifact unpacked anew for the next release."""
    tree = f"{root.trees}/{digest}"
    if os.path.isdir(tree):
        files.touch(f"{tree}{_SUSPECT}")
