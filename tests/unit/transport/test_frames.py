"""Frames: what is packed is read, and what is no frame is refused without being taken in."""

import asyncio

import pytest

from ramify.transport import frames
from ramify.transport.errors import ConnectionLostError, UnusableReplyError


def reader_of(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def test_what_is_packed_is_read_and_then_the_stream_ends() -> None:
    reader = reader_of(frames.pack(b'{"a":1}', bytes(range(256))) + frames.pack(b"{}"))

    assert await frames.read(reader, "peer") == (b'{"a":1}', bytes(range(256)))
    assert await frames.read(reader, "peer") == (b"{}", b"")
    assert await frames.read(reader, "peer") is None


async def test_a_frame_may_have_been_begun_elsewhere() -> None:
    data = frames.pack(b"{}", b"x")

    assert await frames.read(reader_of(data[4:]), "peer", data[:4]) == (b"{}", b"x")


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15])
async def test_an_end_inside_a_frame_is_a_lost_link(length: int) -> None:
    data = frames.pack(b"12345678", b"body")

    with pytest.raises(ConnectionLostError, match="inside a frame"):
        await frames.read(reader_of(data[:length]), "peer")


async def test_an_end_after_a_begun_frame_is_a_lost_link() -> None:
    with pytest.raises(ConnectionLostError, match="inside a frame"):
        await frames.read(reader_of(b""), "peer", b"\0\0\0\2")


@pytest.mark.parametrize("sizes", [(frames.HEADER_LIMIT + 1, 0), (2, frames.BODY_LIMIT + 1)])
async def test_more_than_the_protocol_allows_is_not_taken_in(sizes: tuple[int, int]) -> None:
    reader = reader_of(b"".join(size.to_bytes(4, "big") for size in sizes) + b"rest")

    with pytest.raises(UnusableReplyError, match=str(max(sizes))):
        await frames.read(reader, "peer")
    assert await reader.read() == b"rest"


def test_nothing_is_packed_that_nobody_would_read() -> None:
    with pytest.raises(ValueError, match="larger than the protocol allows"):
        frames.pack(b"{}", bytes(frames.BODY_LIMIT + 1))
