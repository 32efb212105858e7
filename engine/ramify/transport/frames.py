"""Frames for asyncio: two lengths of four bytes (big endian), a header, a body.

The stub speaks them (`ramify.stub.wire` is its blocking side), and so do a parent and its initiator. A
`Reader` may be a Channel or an asyncio.StreamReader, a `Writer` a Channel or an asyncio.StreamWriter.
"""

import asyncio
import struct
from typing import NamedTuple, Protocol

from ramify.stub.wire import BODY_LIMIT as BODY_LIMIT  # noqa: PLC0414 - both sides have one limit
from ramify.stub.wire import HEADER_LIMIT as HEADER_LIMIT  # noqa: PLC0414
from ramify.transport.errors import ConnectionLostError, UnusableReplyError

_SIZES = struct.Struct(">II")


class Reader(Protocol):
    """Where frames come from."""

    async def readexactly(self, n: int) -> bytes:
        """Exactly n bytes, or asyncio.IncompleteReadError."""


class Writer(Protocol):
    """Where frames go."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    async def drain(self) -> None:
        """Wait until there is room."""


class Frame(NamedTuple):
    """One message; the header is JSON, which whoever reads it decodes into a type."""

    header: bytes
    body: bytes


def pack(header: bytes, body: bytes = b"") -> bytes:
    """The bytes of one frame.

    Raises:
        ValueError: larger than the other side would take.
    """
    if len(header) > HEADER_LIMIT or len(body) > BODY_LIMIT:
        raise ValueError(f"frame of {len(header)} + {len(body)} bytes is larger than the protocol allows")
    return _SIZES.pack(len(header), len(body)) + header + body


async def read(reader: Reader, peer: str, begun: bytes = b"") -> Frame | None:
    """The next frame, or None where the stream ends between two frames; `begun` was read of it already.

    Raises:
        UnusableReplyError: it announces more than the protocol allows; nothing of it was read.
        ConnectionLostError: the stream ended inside a frame, or its link broke.
    """
    try:
        sizes = begun + await reader.readexactly(_SIZES.size - len(begun))
    except asyncio.IncompleteReadError as error:
        if not error.partial and not begun:
            return None
        raise ConnectionLostError(peer, "the stream ended inside a frame") from error
    except OSError as error:
        raise ConnectionLostError(peer, f"the link broke: {error}") from error
    header_size, body_size = _SIZES.unpack(sizes)
    if header_size > HEADER_LIMIT or body_size > BODY_LIMIT:
        raise UnusableReplyError(peer, f"announced a frame of {header_size} + {body_size} bytes")
    return await _rest(reader, peer, header_size, body_size)


async def _rest(reader: Reader, peer: str, header_size: int, body_size: int) -> Frame:
    try:
        # Two reads, no copy of a joint buffer: bodies are up to a megabyte.
        header = await reader.readexactly(header_size)
        return Frame(header, await reader.readexactly(body_size) if body_size else b"")
    except asyncio.IncompleteReadError as error:
        raise ConnectionLostError(peer, "the stream ended inside a frame") from error
    except OSError as error:
        raise ConnectionLostError(peer, f"the link broke: {error}") from error


async def write(writer: Writer, header: bytes, body: bytes = b"") -> None:
    """Send one frame, and wait for room to send the next."""
    writer.write(pack(header, body))
    await writer.drain()
