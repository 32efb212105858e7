"""The operation `logs`: what a node's service or installer said, from its end or from where one left off.

A place in a log is [inode, offset, sum of what is before it], which holds through rotations. One reply is
bounded; whoever wants all asks again from the places that it was told, and whoever follows says how long to
wait.
"""

from __future__ import annotations

import os
import select
import time
import zlib

from ramify.stub import layout, logs, stopping
from ramify.stub.wire import MALFORMED, MISSING, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from ramify.stub.wire import Header

    Place = List[int]

MOST = 128 << 10
"""Bytes of one reply, of all logs together."""
MOST_LINES = 1_000_000
_PROGRAMS = ("install", "uninstall", "activate", "deactivate")
_BLOCK = 64 << 10
_POLL = 0.1
_LONGEST = 60.0


def read(root: layout.Root, header: Header) -> Header:
    """Some of a node's logs: {logs: {process: {at, text, lost}}, more}.

    Whoever says where to go on may be there before the node is.
    """
    path = layout.check_path(header.get("path"))
    places, wait = _places(header.get("at")), _number(header, "wait", 0, _LONGEST)
    lines = int(_number(header, "lines", 10, MOST_LINES))
    folder = f"{root.node(path)}/log"
    if places is None and not os.path.isdir(root.node(path)):
        raise StubError(MISSING, f"nothing of {path} is on this host")
    deadline = time.monotonic() + wait
    while True:
        found = _Reading(folder, header, places, lines).read()
        if found["logs"] or time.monotonic() >= deadline or stopping.asked(root):
            return found
        peer = stopping.descriptors(root)
        if not peer and wait:  # nobody would take what comes, or something else is wanted
            return found
        select.select(peer, [], [], _POLL)


def _number(header: Header, name: str, usual: float, most: float) -> float:
    value = header.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise StubError(MALFORMED, f"{name} is not a number from 0 to {most:g}")
    return value


def _places(value: object) -> Optional[Dict[str, Place]]:
    if value is None:
        return None
    if isinstance(value, dict) and all(layout.is_word(name) and _is_place(at) for name, at in value.items()):
        return value
    raise StubError(MALFORMED, "at is not an object of places in logs")


def _is_place(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(part) is int for part in value)


class _Reading:
    """One look at the logs of a node."""

    def __init__(self, folder: str, header: Header, places: Optional[Dict[str, Place]], lines: int) -> None:
        self._folder = folder
        self._install = header.get("install", False)  # null for both kinds
        self._previous = header.get("previous") is True
        self._whole = header.get("whole") is True  # whole lines only: the rest of one comes later
        self._places = places or {}
        self._first = places is None
        self._lines = lines
        self._left = MOST
        self._more = False

    def read(self) -> Header:
        """What there is now; a process that said nothing new is left out."""
        found = {}
        for name in self._names():
            one = self._of(name, _Files(f"{self._folder}/{name}.log"))
            if one is not None:
                found[name] = one
        return {"logs": found, "more": self._more}

    def _names(self) -> List[str]:
        try:
            names = [name[:-4] for name in os.listdir(self._folder) if name.endswith(".log")]
        except FileNotFoundError:
            return []
        return sorted(n for n in names if layout.is_word(n) and self._install in (None, n in _PROGRAMS))

    def _of(self, name: str, files: _Files) -> Optional[Dict[str, Any]]:
        try:
            begin, end, lost = self._range(name, files)
            fits = min(end, begin + self._left)
            said = files.bytes(begin, fits)
            if self._whole or fits < end:
                cut = said.rfind(b"\n") + 1
                # A line is torn if no reply has room for it, not because others have taken what there was.
                said = said[: cut or (_signs(said) if fits < end and self._left == MOST else 0)]
            self._left -= len(said)
            self._more = self._more or fits < end
            if not said and not lost and name in self._places:
                return None
            return {
                "at": files.place(begin + len(said)),
                "text": said.decode("utf-8", "replace"),
                "lost": lost,
            }
        finally:
            files.close()

    def _range(self, name: str, files: _Files) -> Tuple[int, int, bool]:
        """From where to where to read, and whether something before that is gone."""
        runs = [files.offset(place)[0] for place in logs.runs(f"{self._folder}/{name}.log")]
        begin, end = runs[0] if runs else 0, files.end
        if self._previous:
            begin, end = (runs[1], begin) if len(runs) > 1 else (0, 0)
        if name in self._places:
            found, lost = files.offset(self._places[name])
            return min(found, end), end, lost
        if self._first:
            # Whoever gets whole lines only gets all of the one that is being written.
            unfinished = self._whole and files.bytes(end - 1, end) not in (b"", b"\n")
            first = files.tail(begin, end, max(self._lines, int(unfinished)))
            return first, end, files.full and first == 0 < end
        return begin, end, files.full and begin == 0 < end


def _signs(data: bytes) -> int:
    """The length of some bytes without a last character that is not all there."""
    for length in range(len(data) - 1, max(0, len(data) - 4), -1):
        if data[length] & 0xC0 != 0x80:
            return length if data[length] >= 0xC0 else len(data)
    return len(data)


class _Files:
    """A log and its older files as one stretch of bytes, oldest first."""

    def __init__(self, file: str) -> None:
        self._parts: List[List[int]] = []  # descriptor, inode, size, where it begins
        self.end = 0
        # Newest first: what is renamed meanwhile is found twice, and not missed.
        for number in range(logs.KEPT):
            try:
                descriptor = os.open(f"{file}.{number}" if number else file, os.O_RDONLY)
            except FileNotFoundError:
                continue
            found = os.fstat(descriptor)
            if any(part[1] == found.st_ino for part in self._parts):
                os.close(descriptor)
            else:
                self._parts.insert(0, [descriptor, found.st_ino, found.st_size, 0])
        for part in self._parts:
            part[3] = self.end
            self.end += part[2]
        self.full = len(self._parts) == logs.KEPT  # there may have been more

    def close(self) -> None:
        """Give the files back."""
        for part in self._parts:
            os.close(part[0])

    def offset(self, place: Place) -> Tuple[int, bool]:
        """Where a place is; with True the first byte there is, for the place is gone."""
        for _, inode, size, start in self._parts:
            if inode == place[0] and 0 <= place[1] <= size:
                at = start + place[1]
                # The number of a file that is gone is soon used again.
                if place[2:] in ([], [self._sum(start, at)]):
                    return at, False
        return 0, True

    def _sum(self, start: int, at: int) -> int:
        return zlib.crc32(self.bytes(max(start, at - 64), at))

    def place(self, offset: int) -> Place:
        """The place of an offset."""
        for _, inode, _, start in reversed(self._parts):
            if offset >= start:
                return [inode, offset - start, self._sum(start, offset)]
        return [0, 0, 0]

    def bytes(self, begin: int, end: int) -> bytes:
        """What is between two offsets."""
        found = b""
        for descriptor, _, size, start in self._parts:
            first, last = max(begin, start), min(end, start + size)
            if first < last:
                found += os.pread(descriptor, last - first, first - start)
        return found

    def tail(self, begin: int, end: int, lines: int) -> int:
        """Where the last lines begin."""
        if not lines:
            return end
        at, wanted = end, lines + 1
        if end > begin and self.bytes(end - 1, end) != b"\n":
            wanted = lines  # the last one has no end yet
        while at > begin:
            first = max(begin, at - _BLOCK)
            block = self.bytes(first, at)
            cut = len(block)
            while wanted and cut >= 0:
                cut = block.rfind(b"\n", 0, cut)
                wanted -= cut >= 0
            if not wanted:
                return first + cut + 1
            at = first
        return begin
