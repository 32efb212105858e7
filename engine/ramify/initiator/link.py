"""A parent's end of the link to one of its initiators: a run request down, needs answered, events up."""

import asyncio
import contextlib
import io
import os
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

from ramify.initiator import messages
from ramify.initiator.messages import (
    PIECE,
    Alive,
    Ask,
    Balance,
    Chunk,
    Content,
    Ended,
    Events,
    Grant,
    Halt,
    Holds,
    Missing,
    Need,
    Observed,
    Over,
    Recorded,
    Records,
    Refused,
    RunRequest,
    Said,
    Sealed,
    Stop,
    Unasked,
)
from ramify.initiator.ring import Boxes, NoSecretError, nobody
from ramify.initiator.risk import HaltedError
from ramify.initiator.stakes import Loan
from ramify.initiator.strays import is_well_formed
from ramify.initiator.supply import MissingArtifactError, Supply
from ramify.initiator.tasks import beside
from ramify.model import paths
from ramify.model.events import (
    Event,
    Finished,
    Found,
    Halted,
    Note,
    Planned,
    Started,
    Step,
    Stray,
    Unheard,
    Wave,
)
from ramify.model.record import NodeRecord
from ramify.transport import frames
from ramify.transport.channel import Channel
from ramify.transport.errors import ConnectionLostError, TransportError, UnusableReplyError

SHARE = 0.8
"""Of the time in which a level shall stop, what the level below it has."""


class RunRefusedError(Exception):
    """The initiator does not carry the run out, or not to its end if it has `begun`, and says why.

    `locked` says that another run works there.
    """

    def __init__(self, message: str, *, begun: bool, locked: bool = False) -> None:
        super().__init__(message)
        self.begun = begun
        self.locked = locked


class Link:
    """One run on one initiator."""

    def __init__(
        self,
        channel: Channel,
        host: str,
        supply: Supply,
        bundle: bytes,
        observed: Mapping[str, str] | None = None,
        boxes: Boxes = nobody,
    ) -> None:
        """`observed` are the generations of a saved plan below the child; None without such a plan.

        `boxes` is where sealed secrets come from.
        """
        self._channel = channel
        self._host = host
        self._supply = supply
        self._bundle = bundle
        self._observed = observed or {}
        self._boxes = boxes
        self._writing = asyncio.Lock()
        self._found: dict[str, list[NodeRecord]] = {}
        self._heard = asyncio.Event()

    async def run(
        self,
        request: RunRequest,
        records: Iterable[NodeRecord],
        on_events: Callable[[tuple[Event, ...]], None],
        loan: Loan | None = None,
    ) -> None:
        """Have the run carried out.

        Raises:
            RunRefusedError: the initiator cannot start it, or broke down.
            ConnectionLostError: the link ended before the run did; the initiator goes on without us.
            UnusableReplyError: what came is no message of an initiator.
        """
        known = tuple(records)
        # Packs are sent beside the reading of events: a large one must not hold news up.
        async with beside() as spawn:
            spawn(self._send(request))
            spawn(self._beat(request.options.beat))
            if loan is not None:
                spawn(self._halt(loan))
                spawn(self._stop(loan))
            while True:
                match await self._read(request.options.silence):
                    case Need() as need:
                        spawn(self._answer(need, request.bundle, known))
                    case Ask() as ask:
                        spawn(self._hand_on(ask, request.path))
                    case Events() | Recorded() as told:
                        on_events(tuple(self._own(request.path, event) for event in self._gather(told)))
                    case Balance() as balance:
                        if loan is not None:
                            loan.hear(balance)
                            spawn(self._grant(loan, balance.wanted))
                    case Ended():
                        return
                    case Refused() as refused:
                        raise RunRefusedError(refused.message, begun=refused.begun, locked=refused.locked)

    async def _beat(self, every: float) -> None:
        """Give signs of life, to somebody who hears them; a link that is broken is told by whoever reads."""
        await self._heard.wait()
        with contextlib.suppress(OSError, TransportError):
            while True:
                await self._send(Alive())
                await asyncio.sleep(every)

    async def _hand_on(self, ask: Ask, path: str) -> None:
        """Have the secrets sealed that an initiator asks for; the box is none of our business."""
        if not paths.within(ask.path, path):
            # Else it could have the secrets of any other branch.
            answer = Sealed(ask.number, problem=f"{ask.path} is not below {path}")
        else:
            try:
                answer = Sealed(ask.number, await self._boxes(ask))
            except NoSecretError as error:
                answer = Sealed(ask.number, problem=str(error), way_out=error.way_out)
        await self._send(answer)

    async def _grant(self, loan: Loan, wanted: int) -> None:
        if wanted:
            with contextlib.suppress(HaltedError):  # which is told by itself
                await self._send(Grant(await loan.more(wanted)))

    async def _halt(self, loan: Loan) -> None:
        halted = await loan.halted()
        await self._send(Halt(halted.reason))

    async def _stop(self, loan: Loan) -> None:
        stop = await loan.stopped()
        # Whoever is further down has less time, for those above wait for what it tells.
        await self._send(Stop(stop.reason, stop.within * SHARE))

    async def _read(self, silence: float) -> messages.OfRun:
        try:
            async with asyncio.timeout(silence):
                frame = await frames.read(self._channel, self._host)
        except TimeoutError as error:
            reason = f"its initiator has given no sign of life for {silence:g} s"
            raise ConnectionLostError(self._host, reason) from error
        if frame is None:
            said = await self._channel.stderr_tail()
            raise ConnectionLostError(self._host, f"the initiator ended the link {said}".strip())
        try:
            message = messages.decode_upward(frame.header)
        except messages.UnusableMessageError as error:
            raise UnusableReplyError(self._host, str(error)) from error
        if isinstance(message, Said | Over | Holds | Unasked):
            told = f"its initiator sent {type(message).__name__}, and was asked for a run"
            raise UnusableReplyError(self._host, told)
        return message

    def _gather(self, part: Events | Recorded) -> tuple[Event, ...]:
        if isinstance(part, Events):
            if part.hears:
                self._heard.set()
            return part.events
        self._found.setdefault(part.path, []).extend(part.records)
        return (Found(part.path, tuple(self._found.pop(part.path))),) if part.last else ()

    def _own(self, path: str, event: Event) -> Event:
        """An initiator speaks of what is below it: nobody else's nodes are its to report."""
        match event:
            case Finished():
                named = [event.result.path, event.record.path if event.record else event.result.path]
                right = named[0] == named[1] != path and paths.within(named[0], path)
            case Found():
                right = paths.within(event.path, path)
                right &= all(r.path != event.path and paths.within(r.path, event.path) for r in event.records)
            case Planned():
                named = [*(node.path for node in event.nodes), *event.mounts]
                right = paths.within(event.path, path)
                right &= all(one != event.path and paths.within(one, event.path) for one in named)
            case Stray():
                right = is_well_formed(event)  # it is nobody's
            case Started() | Step() | Note() | Unheard() | Halted() | Wave():
                right = paths.within(event.path, path)
        if not right:
            raise UnusableReplyError(
                self._host, f"the initiator of {path} reports a node that is not its own"
            )
        return event

    async def _answer(self, need: Need, bundle: str, records: tuple[NodeRecord, ...]) -> None:
        match need.what:
            case "records":
                for group in messages.pieces(records):
                    await self._send(Records(group, last=False))
                await self._send(Records((), last=True))
            case "observed":
                for some in messages.generations(self._observed):
                    await self._send(Observed(some, last=False))
                await self._send(Observed({}, last=True))
            case "bundle" if need.digest == bundle:
                await self._stream("bundle", need, io.BytesIO(self._bundle), len(self._bundle))
            case "bundle":
                await self._send(Missing("bundle", need.digest, "this run has another bundle"))
            case "pack":
                await self._pack(need)

    async def _pack(self, need: Need) -> None:
        try:
            file = await self._supply.pack(need.digest)
            with file.open("rb") as stream:
                await self._stream("pack", need, stream, os.fstat(stream.fileno()).st_size)
        except (MissingArtifactError, ValueError, OSError) as error:
            await self._send(Missing("pack", need.digest, str(error)))

    async def _stream(self, what: Content, need: Need, stream: BinaryIO, size: int) -> None:
        # Who has more than there is has something else: from the start.
        offset = need.offset if 0 <= need.offset <= size else 0
        stream.seek(offset)
        if offset == size:
            await self._send(Chunk(what, need.digest, offset, size))
        while piece := stream.read(PIECE):
            await self._send(Chunk(what, need.digest, offset, size), piece)
            offset += len(piece)

    async def _send(self, message: messages.Downward, body: bytes = b"") -> None:
        # Whole frames only, and never more in memory than the link takes.
        async with self._writing:
            await frames.write(self._channel, messages.encode(message), body)
