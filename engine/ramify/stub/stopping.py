"""A peer's request to stop, heard while something else is being done.

Requests are answered in order; only this one is looked for before its turn. It stays where it is, and is
answered when its turn comes. A peer that has gone asks for nothing: what it had begun is done to its end.
"""

from __future__ import annotations

import os
import select

from ramify.stub.wire import HEADER_LIMIT, STOPPED, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

    from ramify.stub.layout import Root
    from ramify.stub.wire import Header

STOP = "stop"
_CHUNK = 64 << 10
_AHEAD = 256 << 10  # bytes of later requests that are held while one is being answered


def stop(root: Root, _header: Header) -> Header:
    """The operation `stop`: no further command of this session is carried out."""
    root.stopped = True
    return {}


def asked(root: Root) -> bool:
    """Whether the peer wants what is being done to be ended; never waits."""
    _look(root)
    reader: Any = root.reader
    while select.select(descriptors(root), [], [], 0)[0]:
        data = os.read(reader.descriptor, _CHUNK)
        reader.rest += data
        root.deaf = not data or len(reader.rest) >= _AHEAD
        _look(root)
    return root.stopped


def descriptors(root: Root) -> List[int]:
    """What to wait for beside something else: readable when the peer may have asked."""
    return [] if root.stopped or root.deaf or root.reader is None else [root.reader.descriptor]


def stopped(what: str) -> StubError:
    """The error of what was ended so."""
    return StubError(STOPPED, f"{what} was stopped, as asked")


def _look(root: Root) -> None:
    """See whether the next request is a stop; any other one is not looked past."""
    if root.stopped or root.reader is None:
        return
    rest = root.reader.rest
    size = int.from_bytes(rest[:4], "big") if len(rest) >= 8 else HEADER_LIMIT
    if len(rest) >= 8 + size:
        root.deaf = True
        root.stopped = _is_stop(bytes(rest[8 : 8 + size]))


def _is_stop(header: bytes) -> bool:
    try:
        return bool(decode(header)["op"] == STOP)
    except (ValueError, KeyError, TypeError):
        return False
