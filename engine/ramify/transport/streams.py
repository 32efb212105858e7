"""What channels over SSH and to a local process have in common: two asyncio streams and an end."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ramify.transport.channel import READ_LIMIT, Tail
from ramify.transport.errors import ConnectionLostError

_LAST_WORDS = 2.0


class Source(Protocol):
    """What bytes come from."""

    def pause_reading(self) -> None:
        """Let the sender wait."""

    def resume_reading(self) -> None:
        """Let it go on."""


class Pipe(Source, Protocol):
    """What bytes also go to: a channel of asyncssh, or the pipes of a process."""

    def write(self, data: bytes) -> None:
        """Send."""

    def write_eof(self) -> None:
        """Send no more."""


class Stream:
    """The receiving end of a command: filled by callbacks of asyncssh or asyncio, read by a Channel."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.tail = Tail()
        self.status: int | None = None
        self.ended = asyncio.Event()
        self._input = asyncio.StreamReader(limit=READ_LIMIT)
        self._writable = asyncio.Event()
        self._writable.set()
        self._error: Exception | None = None
        self._pipe: Pipe | None = None

    def started(self, pipe: Pipe) -> None:
        """The command runs."""
        self._pipe = pipe
        # StreamReader asks nothing of its transport but to pause and to resume.
        self._input.set_transport(Valve(pipe))  # type: ignore[arg-type]

    def received(self, data: bytes) -> None:
        """Bytes from its stdout."""
        self._input.feed_data(data)

    def finished_output(self) -> None:
        """Its stdout is at the end."""
        self._input.feed_eof()

    def lost(self, error: Exception | None) -> None:
        """Nothing more comes: the command is over, or its link is gone."""
        if error is not None:
            self._error = ConnectionLostError(self.host, f"the link broke: {error}")
            self._error.__cause__ = error
            self._input.set_exception(self._error)
        self._input.feed_eof()
        self._writable.set()
        self.ended.set()

    def pause_writing(self) -> None:
        """The command takes no more for now."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It takes more."""
        self._writable.set()

    async def read(self, n: int) -> bytes:
        """Up to n bytes; b"" at the end."""
        return await self._input.read(n)

    async def readexactly(self, n: int) -> bytes:
        """Exactly n bytes."""
        return await self._input.readexactly(n)

    def write(self, data: bytes) -> None:
        """Send bytes to its stdin."""
        self._sending(lambda pipe: pipe.write(data))

    def write_eof(self) -> None:
        """End its stdin."""
        self._sending(lambda pipe: pipe.write_eof())

    async def drain(self) -> None:
        """Wait for room, and find out whether anybody still listens."""
        await self._writable.wait()
        self._check()

    async def exit_status(self) -> int | None:
        """Wait for the end."""
        await self.ended.wait()
        return self.status

    async def stderr_tail(self) -> str:
        """Its last words; they may come a moment later than the end of its stdout."""
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await self.ended.wait()
        except TimeoutError:
            pass
        return str(self.tail)

    def _sending(self, send: Callable[[Pipe], None]) -> None:
        self._check()
        if self._pipe is None:
            raise RuntimeError("written to a command that has not been started")
        try:
            send(self._pipe)
        except OSError as error:
            raise ConnectionLostError(self.host, f"the command takes no input any more: {error}") from error

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self.ended.is_set():
            raise ConnectionLostError(self.host, "the command has ended")


class Valve:
    """Pauses and resumes a source, the latter a moment later.

    A channel of asyncssh hands over what it has held back inside of `resume_reading`. Whoever calls that is
    often in the middle of something: StreamReader is about to wait, and would miss the data and wait for
    good; a pipe of asyncio has just emptied its buffer, and would lose what is written into it then.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open = True

    def pause_reading(self) -> None:
        """Let the sender wait."""
        self._open = False
        self._source.pause_reading()

    def resume_reading(self) -> None:
        """Let it go on, soon."""
        self._open = True
        asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        if self._open:
            self._source.resume_reading()
