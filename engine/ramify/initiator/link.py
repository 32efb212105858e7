"""A parent's end of the link to one of its initiators: a run request down, needs answered, events up."""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ramify.initiator import messages
from ramify.initiator.messages import Chunk, Ended, Events, Missing, Need, Records, Refused, RunRequest
from ramify.initiator.supply import MissingArtifactError, Supply
from ramify.initiator.tasks import beside
from ramify.model.events import Event
from ramify.model.record import NodeRecord
from ramify.transport import frames
from ramify.transport.channel import Channel
from ramify.transport.errors import ConnectionLostError, UnusableReplyError

PIECE = 512 * 1024


class RunRefusedError(Exception):
    """The initiator will not carry the run out; the sentence is its own."""


class Link:
    """One run on one initiator."""

    def __init__(self, channel: Channel, host: str, supply: Supply, bundle: bytes) -> None:
        self._channel = channel
        self._host = host
        self._supply = supply
        self._bundle = bundle
        self._writing = asyncio.Lock()

    async def run(
        self,
        request: RunRequest,
        records: Iterable[NodeRecord],
        on_events: Callable[[tuple[Event, ...]], None],
    ) -> Ended:
        """Have the run carried out.

        Raises:
            RunRefusedError: the initiator cannot start it.
            ConnectionLostError: the link ended before the run did; the initiator goes on without us.
            UnusableReplyError: what came is no message of an initiator.
        """
        await self._send(request)
        # Packs are sent beside the reading of events: a large one must not hold news up.
        async with beside() as spawn:
            while True:
                message = await self._read()
                match message:
                    case Need():
                        spawn(self._answer(message, tuple(records)))
                    case Events():
                        on_events(message.events)
                    case Ended():
                        return message
                    case Refused():
                        raise RunRefusedError(message.message)

    async def _read(self) -> messages.Upward:
        frame = await frames.read(self._channel, self._host)
        if frame is None:
            said = await self._channel.stderr_tail()
            raise ConnectionLostError(self._host, f"the initiator ended the link {said}".strip())
        try:
            return messages.decode_upward(frame.header)
        except messages.UnusableMessageError as error:
            raise UnusableReplyError(self._host, str(error)) from error

    async def _answer(self, need: Need, records: tuple[NodeRecord, ...]) -> None:
        match need.what:
            case "records":
                await self._send(Records(records))
            case "bundle":
                await self._bytes(need.digest, self._bundle)
            case "pack":
                await self._pack(need)

    async def _pack(self, need: Need) -> None:
        try:
            file = await self._supply.pack(need.digest)
            await self._stream(need, file)
        except (MissingArtifactError, ValueError, OSError) as error:
            await self._send(Missing("pack", need.digest, str(error)))

    async def _bytes(self, digest: str, data: bytes) -> None:
        for offset in range(0, len(data), PIECE):
            piece = data[offset : offset + PIECE]
            await self._send(Chunk("bundle", digest, offset, len(data)), piece)

    async def _stream(self, need: Need, file: Path) -> None:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            offset = 0
            while piece := stream.read(PIECE):
                await self._send(Chunk("pack", need.digest, offset, size), piece)
                offset += len(piece)

    async def _send(self, message: messages.Downward, body: bytes = b"") -> None:
        # Whole frames only, and never more in memory than the link takes.
        async with self._writing:
            await frames.write(self._channel, messages.encode(message), body)
