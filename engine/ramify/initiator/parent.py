"""An initiator's end of the link: what the parent asks, what it is asked for, events on their way up."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import structs

from ramify.initiator import messages
from ramify.initiator.incoming import Incoming
from ramify.initiator.messages import (
    Alive,
    Ask,
    Asked,
    Balance,
    Chunk,
    Events,
    Grant,
    Halt,
    LockRequest,
    LogRequest,
    Missing,
    Need,
    Observed,
    Options,
    Recorded,
    Records,
    Reserve,
    RunRequest,
    Sealed,
    Stop,
    UnusableMessageError,
)
from ramify.initiator.ring import NoSecretError
from ramify.initiator.supply import MissingArtifactError
from ramify.model.events import Event, Found, Planned
from ramify.model.record import NodeRecord
from ramify.transport import frames
from ramify.transport.errors import TransportError

PATIENCE = 60.0
"""Seconds in which whoever connects must have said what it wants."""

PIECES = 3
"""Times that silence which gives a parent up: of a large piece on a slow link nothing is heard for long."""

_numbers = itertools.count(1)

Word = Grant | Halt | Stop
"""What a parent says of a run that goes on."""


class ParentLostError(Exception):
    """The parent is gone; a run goes on without it."""


class Writer(frames.Writer, Protocol):
    """Where frames to the parent go; asyncio.StreamWriter is one."""

    def close(self) -> None:
        """Hang up."""


class Parent:
    """One attached parent."""

    def __init__(self, reader: frames.Reader, writer: Writer, folder: Path) -> None:
        self._reader = reader
        self._writer = writer
        self._folder = folder
        self._writing = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self._files: dict[str, tuple[Incoming, asyncio.Future[None]]] = {}
        self._records: list[NodeRecord] = []
        self._all_records: asyncio.Future[None] | None = None
        self._observed: dict[str, str] = {}
        self._all_observed: asyncio.Future[None] | None = None
        self._asked: dict[int, asyncio.Future[Sealed]] = {}
        self._events: list[Event] = []
        self._balances: list[Balance] = []
        self._news = asyncio.Event()
        self._words: list[Word] = []
        self._follow: Callable[[Word], None] = self._words.append
        self._on_leave: Callable[[], None] = lambda: None
        self.stopped = asyncio.Event()
        self.gone = False

    async def request(self) -> Asked | None:
        """What the parent wants, its first message; None if it left without a word.

        Raises:
            UnusableMessageError: it wants nothing that an initiator does, or does not say what.
            TransportError: the link broke.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                frame = await frames.read(self._reader, "parent")
        except TimeoutError as error:
            raise UnusableMessageError(f"it has said nothing for {PATIENCE:g} s") from error
        if frame is None:
            return None
        message = messages.decode_downward(frame.header)
        if not isinstance(message, RunRequest | LogRequest | LockRequest | Reserve):
            raise UnusableMessageError(f"expected a request, got {type(message).__name__}")
        return message

    async def listen(self, silence: float | None = None) -> None:
        """Take what was asked for, until the parent leaves; one that talks nonsense is left.

        One that has begun to give signs of life is given up after a `silence`.
        """
        patience: float | None = None
        try:
            while (frame := await self._read(patience)) is not None:
                message = messages.decode_downward(frame.header)
                if isinstance(message, Alive):
                    patience = silence and silence * PIECES
                else:
                    self._take(message, frame.body)
        except (TimeoutError, TransportError, UnusableMessageError, OSError):
            pass
        finally:
            self.leave()

    async def _read(self, patience: float | None) -> frames.Frame | None:
        async with asyncio.timeout(patience):
            return await frames.read(self._reader, "parent")

    def leave(self) -> None:
        """It is not there any more."""
        self.gone = True
        self._news.set()
        self._on_leave()
        told = (self._all_records, self._all_observed)
        coming = [future for _, future in self._files.values()]
        for waiting in (*coming, *told, *self._asked.values()):
            if waiting is not None and not waiting.done():
                waiting.set_exception(ParentLostError("the parent left before it had sent everything"))
                waiting.exception()  # whoever waits hears it, and nobody may

    def _take(self, message: messages.Downward, body: bytes) -> None:
        match message:
            case Chunk():
                self._piece(message, body)
            case Records():
                self._records.extend(message.records)
                if message.last:
                    _complete(self._all_records)
            case Observed() if self._all_observed is not None:
                self._observed |= message.generations
                if message.last:
                    _complete(self._all_observed)
            case Sealed() | Missing():
                self._answered(message)
            case Grant() | Halt() | Stop():
                if isinstance(message, Stop):
                    self.stopped.set()
                self._follow(message)
            case RunRequest() | LogRequest() | LockRequest() | Reserve() | Observed() | Alive():
                raise UnusableMessageError("nobody asked for it: one run at a time on one link")

    def _answered(self, message: Sealed | Missing) -> None:
        if isinstance(message, Missing):
            self._settle(message.digest, MissingArtifactError(message.message))
            return
        asked = self._asked.get(message.number)
        if asked is not None and not asked.done():
            asked.set_result(message)

    def _piece(self, chunk: Chunk, body: bytes) -> None:
        # What nobody asked for is not written anywhere.
        if chunk.digest in self._files and self._files[chunk.digest][0].take(chunk, body):
            self._settle(chunk.digest)

    def _settle(self, digest: str, error: Exception | None = None) -> None:
        _, future = self._files.get(digest, (None, None))
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    async def fetch(self, need: Need, target: Path) -> Path:
        """Ask for a bundle or a pack, and wait until it is checked and in its place.

        Raises:
            MissingArtifactError: the parent has it no more than we, or something else under its name.
            ParentLostError: the parent left.
        """
        self._must_be_here()
        incoming = Incoming(need.what, need.digest, self._folder)
        try:
            return await self._fetched(need, incoming, target)
        finally:
            incoming.leave()

    async def _fetched(self, need: Need, incoming: Incoming, target: Path) -> Path:
        while True:
            resumed = incoming.received > 0
            try:
                await self._rest(need, incoming)
                return await incoming.keep(target)
            except UnusableMessageError as error:
                incoming.restart()
                if not resumed:  # else what an earlier transfer left was bad: once more from the start
                    message = f"{need.what} {need.digest[:12]} arrived damaged: {error}"
                    raise MissingArtifactError(message) from error

    async def _rest(self, need: Need, incoming: Incoming) -> None:
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._files[need.digest] = (incoming, came)
        try:
            await self.send(structs.replace(need, offset=incoming.received))
            await came
        finally:
            del self._files[need.digest]

    async def box(self, ask: Ask) -> bytes:
        """Have secrets sealed, for us or for an initiator below us.

        Raises:
            NoSecretError: they are not to be had.
            ParentLostError: the parent left.
        """
        self._must_be_here()
        # Those below count their questions each for itself.
        number = next(_numbers)
        came: asyncio.Future[Sealed] = asyncio.get_running_loop().create_future()
        self._asked[number] = came
        try:
            await self.send(structs.replace(ask, number=number))
            answer = await came
        finally:
            del self._asked[number]
        if answer.problem:
            raise NoSecretError(answer.problem, answer.way_out)
        return answer.box

    async def records(self) -> tuple[NodeRecord, ...]:
        """Ask what the parent has recorded below us.

        Raises:
            ParentLostError: the parent left.
        """
        self._must_be_here()
        self._all_records = asyncio.get_running_loop().create_future()
        await self.send(Need("records"))
        await self._all_records
        return tuple(self._records)

    async def observed(self) -> dict[str, str]:
        """Ask as what the nodes below us were recorded when the plan was made that is carried out.

        Raises:
            ParentLostError: the parent left.
        """
        self._must_be_here()
        self._all_observed = asyncio.get_running_loop().create_future()
        await self.send(Need("observed"))
        await self._all_observed
        return dict(self._observed)

    def _must_be_here(self) -> None:
        if self.gone:
            raise ParentLostError("no parent is attached")

    def follow(self, follow: Callable[[Word], None], on_leave: Callable[[], None]) -> None:
        """Have somebody hear what it says of tickets, from its first word on, and that it left."""
        self._follow, self._on_leave = follow, on_leave
        for word in self._words:
            follow(word)
        self._words.clear()

    def tell(self, balance: Balance) -> None:
        """Have it hear of tickets, in order with events."""
        if not self.gone:
            self._balances.append(balance)
            self._news.set()

    def emit(self, event: Event) -> None:
        """Have an event sent, with others that come soon."""
        if not self.gone:
            self._events.append(event)
            self._news.set()

    async def report(self, options: Options) -> None:
        """Send events as they come, or a sign of life, until the parent leaves."""
        while not self.gone:
            try:
                async with asyncio.timeout(options.beat):
                    await self._news.wait()
            except TimeoutError:
                await self.send(Events((), hears=True))
                continue
            await asyncio.sleep(options.gather)
            await self.flush()

    async def flush(self) -> None:
        """Send what has not been sent."""
        # In order, and so that whoever comes second waits for what the first is still sending.
        async with self._flushing:
            self._news.clear()
            events, self._events = self._events, []
            balances, self._balances = self._balances, []
            told: list[Event] = []
            for event in events:
                match event:
                    case Found():
                        await self._tell(told)
                        await self._found(event)
                        told = []
                    case Planned():
                        told += _parts(event)
                    case _:
                        told.append(event)
            await self._tell(told)
            if balances:
                await self.send(_sum(balances))

    async def _tell(self, events: list[Event]) -> None:
        for group in messages.pieces(events):
            await self.send(Events(group))

    async def _found(self, event: Found) -> None:
        for group in messages.pieces(event.records):
            await self.send(Recorded(event.path, group, last=False))
        await self.send(Recorded(event.path, (), last=True))

    async def send(self, message: messages.Upward) -> None:
        """Send a message; a parent that left misses it."""
        if self.gone:
            return
        try:
            async with self._writing:
                await frames.write(self._writer, messages.encode(message))
        except (OSError, TransportError):
            self.leave()

    def close(self) -> None:
        """Hang up."""
        self.leave()
        self._writer.close()


def _complete(waiting: "asyncio.Future[None] | None") -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def _sum(balances: list[Balance]) -> Balance:
    names = Balance.__struct_fields__
    return Balance(**{name: sum(getattr(one, name) for one in balances) for name in names})


def _parts(event: Planned) -> list[Planned]:
    """A plan as several that each fit into a frame."""
    groups = [*messages.pieces(event.nodes)] or [()]
    parts = [structs.replace(event, nodes=group, mounts=(), last=False) for group in groups]
    return [*parts[:-1], structs.replace(event, nodes=groups[-1])]
