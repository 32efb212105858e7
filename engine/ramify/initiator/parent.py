"""An initiator's end of the link: what the parent asks, what it is asked for, events on their way up."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from ramify.initiator import messages
from ramify.initiator.messages import Chunk, Events, Missing, Need, Records, RunRequest
from ramify.initiator.supply import MissingArtifactError
from ramify.model.events import Event
from ramify.model.record import NodeRecord
from ramify.transport import frames
from ramify.transport.errors import TransportError

COALESCE = 0.02
"""Seconds that events wait for company: thousands of nodes would be thousands of frames otherwise."""


class ParentLostError(Exception):
    """The parent is gone; the run goes on without it."""


class Parent:
    """One attached parent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, incoming: Path) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = incoming
        self._writing = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Path | tuple[NodeRecord, ...]]] = {}
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self.gone = False

    async def request(self) -> RunRequest | None:
        """What the parent wants, its first message; None if it left without a word."""
        frame = await frames.read(self._reader, "parent")
        if frame is None:
            return None
        message = messages.decode_downward(frame.header)
        if not isinstance(message, RunRequest):
            raise messages.UnusableMessageError(f"expected a run request, got {type(message).__name__}")
        return message

    async def listen(self) -> None:
        """Take what was asked for, until the parent leaves."""
        try:
            while (frame := await frames.read(self._reader, "parent")) is not None:
                self._take(messages.decode_downward(frame.header), frame.body)
        except (TransportError, messages.UnusableMessageError, OSError):
            pass
        finally:
            self._leave()

    def _leave(self) -> None:
        self.gone = True
        self._news.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ParentLostError("the parent left before it had sent everything"))

    def _take(self, message: messages.Downward, body: bytes) -> None:
        match message:
            case Chunk():
                self._piece(message, body)
            case Records():
                self._settle("records", message.records)
            case Missing():
                future = self._waiting.get(message.digest)
                if future is not None and not future.done():
                    future.set_exception(MissingArtifactError(message.message))
            case RunRequest():
                raise messages.UnusableMessageError("one run at a time on one link")

    def _piece(self, chunk: Chunk, body: bytes) -> None:
        if chunk.digest not in self._waiting:
            # Nobody asked: what arrives unasked is not written anywhere.
            return
        part = self._incoming / f"{chunk.digest}.part"
        with part.open("r+b" if chunk.offset else "wb") as stream:
            stream.seek(chunk.offset)
            stream.write(body)
            complete = stream.tell() == chunk.size
        if complete:
            self._settle(chunk.digest, part)

    def _settle(self, key: str, value: Path | tuple[NodeRecord, ...]) -> None:
        future = self._waiting.get(key)
        if future is not None and not future.done():
            future.set_result(value)

    async def fetch(self, need: Need) -> Path | tuple[NodeRecord, ...]:
        """Ask for something and wait for it: a file in the incoming folder, or records.

        Raises:
            MissingArtifactError: the parent has it no more than we.
            ParentLostError: the parent left.
        """
        key = need.digest or need.what
        if self.gone:
            raise ParentLostError("no parent is attached")
        self._waiting[key] = asyncio.get_running_loop().create_future()
        await self.send(need)
        try:
            return await self._waiting[key]
        finally:
            del self._waiting[key]

    def emit(self, event: Event) -> None:
        """Have an event sent, with others that come soon."""
        self._events.append(event)
        self._news.set()

    async def report(self) -> None:
        """Send events as they come, until the parent leaves."""
        while not self.gone:
            await self._news.wait()
            await asyncio.sleep(COALESCE)
            await self.flush()

    async def flush(self) -> None:
        """Send what has not been sent."""
        self._news.clear()
        while self._events and not self.gone:
            # Bounded frames, whatever the size of the fleet.
            batch, self._events = self._events[:500], self._events[500:]
            await self.send(Events(tuple(batch)))

    async def send(self, message: messages.Upward) -> None:
        """Send a message; a parent that left misses it."""
        try:
            async with self._writing:
                await frames.write(self._writer, messages.encode(message))
        except (OSError, TransportError):
            self._leave()

    async def close(self) -> None:
        """Hang up."""
        self._leave()
        self._writer.close()


Listener = Callable[[Event], None]
