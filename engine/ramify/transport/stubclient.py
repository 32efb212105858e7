"""A session with the stub of a host: requests go out without waiting for each other, replies come back."""

import asyncio
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from ramify.model.inventory import Host
from ramify.stub import archive, wire
from ramify.stub.transfer import COMPLETE
from ramify.transport import frames, greeting, replies
from ramify.transport.channel import Channel, Connection
from ramify.transport.errors import ConnectionLostError, TransportError, UnusableReplyError
from ramify.transport.replies import Hello as Hello  # noqa: PLC0414 - what callers of a session handle
from ramify.transport.replies import NodeState as NodeState  # noqa: PLC0414
from ramify.transport.replies import Reply as Reply  # noqa: PLC0414
from ramify.transport.replies import StubError as StubError  # noqa: PLC0414

CHUNK = wire.BODY_LIMIT
# Chunks on their way: enough that neither side waits for the other, few enough to hold in memory.
_AHEAD = 4

Answer = asyncio.Future[Reply]


class StubClient:
    """One session.

    Rules: the stub answers in order; after `attach` there are no more requests; an error other than
    StubError ends the session, and every request of it that is still open gets that error.
    """

    def __init__(self, channel: Channel, host: Host, patience: float) -> None:
        self._channel = channel
        self._host = host
        self._patience = patience
        self._numbers = 0
        self._open: dict[int, Answer] = {}
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._hello.add_done_callback(_seen)
        self._attached: int | None = None
        self._ended: TransportError | None = None
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, connection: Connection, host: Host, *, cached: bool, agent: bool = False, patience: float = 30
    ) -> Self:
        """Start the stub; `patience` is how long its greeting may take.

        A host that never had our stub gets it on the same wire as the first requests, with no round trip:
        its greeting is there with the first reply. With `cached` the greeting is awaited here, for it
        may be a wish to be sent the stub after all.

        Raises:
            TransportError: the link broke, or no stub came up.
        """
        channel = await connection.open(greeting.command(host, cached=cached), agent=agent)
        client = cls(channel, host, patience)
        if cached:
            try:
                await client.greeted()
            except BaseException:
                await client.close()
                raise
        else:
            client._write(archive.build().data)
        return client

    @property
    def hello(self) -> Hello:
        """The greeting; there as soon as any request has been answered (see `greeted`)."""
        return self._hello.result()

    async def greeted(self) -> Hello:
        """Wait for the greeting."""
        return await asyncio.shield(self._hello)

    async def request(self, op: str, body: bytes = b"", **fields: Any) -> Reply:
        """Ask for something and wait for the answer; the question is sent before anything is waited for.

        Raises:
            StubError: the stub says no.
            TransportError: there is no answer, and will be none.
        """
        answer = self._ask(op, body, fields)
        await self._drain()
        return _granted(await answer)

    async def stop(self) -> None:
        """Have the stub end what it does; whoever asked for that is answered, and nothing more is done."""
        if self._ended is None and self._attached is None:
            self._ask("stop", b"", {})
            await self._drain()

    async def put(self, artifact: str, pack: Path, have: int | None = None) -> None:
        """Send a pack, or what is missing of it; `have` is what the host was just found to have.

        Raises:
            StubError: it does not arrive as what its digest says.
        """
        if have is None:
            have = (await self.request("have", artifacts=[artifact])).have.get(artifact, 0)
        if have == COMPLETE:
            return
        with pack.open("rb") as stream:
            if have >= os.fstat(stream.fileno()).st_size:
                have = 0  # all of it, but not checked: somebody else is about to, or was killed before
            try:
                await self._stream(artifact, stream, have)
            except StubError as error:
                if error.code not in (wire.OFFSET, wire.CORRUPT) or not have:
                    raise
                # Somebody else's part, or a bad one: once more from the start.
                await self._stream(artifact, stream, 0)

    async def attach(self, path: str, wait: float = 10) -> Channel:
        """Turn the session into a pipe to the socket of a node's service.

        Raises:
            StubError: the service does not run (`not-active`), or does not listen in time (`timeout`).
        """
        answer = self._ask("attach", b"", {"path": path, "wait": wait})
        # Behind its reply come bytes that are no frames: whoever reads frames must know which one it is.
        self._attached = self._numbers
        try:
            _granted(await answer)
        except StubError:
            self._attached = None
            raise
        await self._reading
        return self._channel

    async def close(self) -> None:
        """End the session, also one that has been turned into a pipe."""
        self._fail(ConnectionLostError(self._host.name, "the session was closed here"))
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._channel.close()

    def _ask(self, op: str, body: bytes, fields: dict[str, Any]) -> Answer:
        if self._attached is not None:
            raise RuntimeError("asked something after the session was attached to a service")
        if self._ended is not None:
            raise self._ended
        self._numbers += 1
        answer: Answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_seen)
        self._open[self._numbers] = answer
        header = msgspec.json.encode({"id": self._numbers, "op": op, **fields})
        self._write(frames.pack(header, body))
        return answer

    def _write(self, data: bytes) -> None:
        # A stub that died takes no input; why it died is found by whoever reads, and says more.
        with suppress(ConnectionLostError):
            self._channel.write(data)

    async def _drain(self) -> None:
        with suppress(ConnectionLostError):
            await self._channel.drain()

    async def _stream(self, artifact: str, stream: IO[bytes], offset: int) -> None:
        size = os.fstat(stream.fileno()).st_size
        stream.seek(offset)
        under_way: deque[Answer] = deque()
        while piece := stream.read(CHUNK):
            fields = {"artifact": artifact, "size": size, "offset": offset}
            under_way.append(self._ask("put", piece, fields))
            offset += len(piece)
            await self._drain()
            if len(under_way) >= _AHEAD:
                _granted(await under_way.popleft())
        while under_way:
            _granted(await under_way.popleft())

    async def _read(self) -> None:
        try:
            await self._greet()
            while await self._take():
                pass
        except TransportError as error:
            self._fail(error)
        except OSError as error:
            self._fail(ConnectionLostError(self._host.name, f"the link broke: {error}"))

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                self._hello.set_result(await greeting.greet(self._channel, self._host))
        except TimeoutError as error:
            reason = f"the stub has not greeted within {self._patience:g} s"
            raise ConnectionLostError(self._host.name, reason) from error

    async def _take(self) -> bool:
        """One reply; whether there are more to come."""
        frame = await frames.read(self._channel, self._host.name)
        if frame is None:
            said = await self._channel.stderr_tail()
            raise ConnectionLostError(self._host.name, f"the stub ended the session {said}".strip())
        part = greeting.wished(frame.header, self._host)
        if part:
            self._write(part)
            return True
        reply = replies.reply(frame.header, self._host.name)
        if reply.id is None or not 0 < reply.id <= self._numbers:
            raise UnusableReplyError(self._host.name, f"a reply to request {reply.id}, which nobody made")
        answer = self._open.pop(reply.id, None)
        if answer is not None and not answer.done():  # else whoever asked has given up
            answer.set_result(reply)
        return not (reply.ok and reply.id == self._attached)

    def _fail(self, error: TransportError) -> None:
        self._ended = self._ended or error
        futures: tuple[asyncio.Future[Any], ...] = (self._hello, *self._open.values())
        for future in futures:
            if not future.done():
                future.set_exception(self._ended)
        self._open.clear()


def _granted(reply: Reply) -> Reply:
    if reply.error is not None:
        raise StubError(reply, reply.error)
    return reply


def _seen(future: "asyncio.Future[Any]") -> None:
    """An error that nobody waits for any more is told to all who do: that is enough."""
    if not future.cancelled():
        future.exception()
