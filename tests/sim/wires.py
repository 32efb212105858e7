"""Links in memory: two ends, whole frames, and a scissor."""

import asyncio
from collections.abc import Callable

from ramify.transport.errors import ConnectionLostError

Watch = Callable[["Wire", "End", bytes], None]


class Wire:
    """A link to an initiator; `watch` sees every frame before it is carried, and may cut.

    Once it is `deaf` nothing arrives any more that the parent says, as when its machine has gone.
    """

    def __init__(self, host: str, watch: Watch) -> None:
        self.host = host
        self.frames = 0
        self.is_cut = False
        self.deaf = False
        self._watch = watch
        self.parent = End(self)
        self.child = End(self)
        self.parent.other, self.child.other = self.child, self.parent

    def carry(self, sender: "End", data: bytes) -> None:
        """Take a frame to the other end, unless the link is cut on the way."""
        if not self.is_cut:
            self.frames += 1
            self._watch(self, sender, data)
        if self.is_cut:
            raise ConnectionLostError(self.host, "the link broke")
        if not (self.deaf and sender is self.parent):
            sender.other.received(data)

    def cut(self) -> None:
        """Break it: both ends learn that at once."""
        self.is_cut = True
        for end in (self.parent, self.child):
            end.broken()


class End:
    """One end (implements Channel, and what an initiator reads from and writes to)."""

    other: "End"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._input = asyncio.StreamReader(limit=1 << 26)
        self._closed = False

    def received(self, data: bytes) -> None:
        if not self._closed:
            self._input.feed_data(data)

    def broken(self) -> None:
        self._input.set_exception(ConnectionLostError(self._wire.host, "the link broke"))

    def finished(self) -> None:
        if not self._wire.is_cut:
            self._input.feed_eof()

    async def read(self, n: int) -> bytes:
        return await self._input.read(n)

    async def readexactly(self, n: int) -> bytes:
        return await self._input.readexactly(n)

    def write(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionLostError(self._wire.host, "closed here")
        self._wire.carry(self, data)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def write_eof(self) -> None:
        self.other.finished()

    async def exit_status(self) -> int | None:
        return None

    async def stderr_tail(self) -> str:
        return ""

    def hang_up(self) -> None:
        if not self._closed:
            self._closed = True
            self.other.finished()


class ParentEnd:
    """The parent's end as a Channel, whose close is awaited."""

    def __init__(self, end: End) -> None:
        self._end = end
        self.read = end.read
        self.readexactly = end.readexactly
        self.write = end.write
        self.drain = end.drain
        self.write_eof = end.write_eof
        self.exit_status = end.exit_status
        self.stderr_tail = end.stderr_tail

    async def close(self) -> None:
        self._end.hang_up()


class ChildEnd:
    """The initiator's end as its service sees it."""

    def __init__(self, end: End) -> None:
        self._end = end
        self.readexactly = end.readexactly
        self.write = end.write
        self.drain = end.drain

    def close(self) -> None:
        self._end.hang_up()
