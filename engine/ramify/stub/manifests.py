"""Folders of code held against the manifests that they were unpacked from.

What is small is hashed each time. Of a large folder `FOLDER.seen` keeps size, times and inode of what was
found sound: a file of which these are the same has not been written since, for nobody can set a ctime.
`RELEASE/made` names what an installer made of its own code: that is how these files shall be.
"""

from __future__ import annotations

import os
import stat
import time

from ramify.stub import files
from ramify.stub.packs import Pack
from ramify.stub.wire import StubError, decode, encode, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple

    from ramify.stub import layout

    Found = Tuple[str, str, str, str]
    """Name, how it differs, what was expected, what is there."""
    Made = Dict[str, Optional[List[Any]]]
    """Names to [mode, digest] of what an installer left; nothing of what it removed."""

EDITED = "edited"
REMOVED = "removed"
MODE = "mode"

LARGE = 1 << 20
_SETTLED = 2_000_000_000  # ns: a file written just now could be written again within the same tick
_MADE = "/made"
_SEEN = ".seen"


def read(root: layout.Root, digest: str) -> Optional[List[Any]]:
    """The manifest of an artifact; None if its pack is gone, or no pack any more."""
    try:
        pack = Pack(root, digest)
    except (StubError, OSError):
        return None
    pack.close()
    return list(pack.manifest)


def differing(manifest: List[Any], folder: str, made: Made, modes: bool = True) -> Iterator[Found]:
    """Files that are not in `folder` as the manifest says, or as the installer left them."""
    seen = _Seen(folder) if sum(entry[2] for entry in manifest) > LARGE else None
    for name, mode, _size, digest in manifest:
        wanted = made.get(name, [mode, digest])
        found = _differs(f"{folder}/{name}", wanted, name, seen)
        if found is not None and (modes or found[0] != MODE):
            yield (name, *found)
    if seen is not None:
        seen.keep()


def _differs(
    file: str, wanted: Optional[List[Any]], name: str, seen: Optional[_Seen]
) -> Optional[Tuple[str, str, str]]:
    try:
        status = os.lstat(file)
    except OSError:
        return None if wanted is None else (REMOVED, wanted[1], "")
    if wanted is None:
        return EDITED, "", _digest(file, status)
    if seen is None or not seen.knows(name, status):
        digest = _digest(file, status)
        if digest != wanted[1]:
            return EDITED, wanted[1], digest
        if seen is not None:
            seen.add(name, status)
    mode = stat.S_IMODE(status.st_mode)
    return None if mode == wanted[0] else (MODE, f"{wanted[0]:04o}", f"{mode:04o}")


def _digest(file: str, status: os.stat_result) -> str:
    """What a plain file holds; nothing else is opened, for a pipe would never end."""
    return files.hash_file(file) if stat.S_ISREG(status.st_mode) else ""


class _Seen:
    """Stamps of files that were found sound."""

    def __init__(self, folder: str) -> None:
        self._file = folder + _SEEN
        self._new = False
        self._stamps: Dict[str, Any] = {}
        try:
            found = decode(files.read(self._file))
            self._stamps = found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            pass

    def knows(self, name: str, status: os.stat_result) -> bool:
        return bool(self._stamps.get(name) == _stamp(status))

    def add(self, name: str, status: os.stat_result) -> None:
        if status.st_ctime_ns < time.time_ns() - _SETTLED:
            self._stamps[name] = _stamp(status)
            self._new = True

    def keep(self) -> None:
        """For the next time; if it cannot be written, that one takes longer."""
        if not self._new:
            return
        temporary = f"{self._file}.{os.getpid()}.tmp"  # several sessions may look at once
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                write_all(descriptor, encode(self._stamps))
            finally:
                os.close(descriptor)
            os.rename(temporary, self._file)
        except OSError:
            pass


def _stamp(status: os.stat_result) -> List[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def note_made(root: layout.Root, digest: str, release: str) -> None:
    """Note what an installer made of its own code, among all that was written since it had its order."""
    manifest, since = read(root, digest), os.lstat(f"{release}/now").st_ctime_ns
    made: Made = {}
    for name, mode, _size, wanted in manifest or ():
        try:
            status = os.lstat(f"{release}/code/{name}")
        except OSError:
            made[name] = None
            continue
        if status.st_ctime_ns >= since:
            found = [stat.S_IMODE(status.st_mode), _digest(f"{release}/code/{name}", status)]
            if found != [mode, wanted]:
                made[name] = found
    if made:
        files.replace(release + _MADE, encode(made))


def made_in(release: str) -> Made:
    """What an installer made of its own code."""
    try:
        made = decode(files.read(release + _MADE))
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}
