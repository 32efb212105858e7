"""One connection of the server: h11 inside, asyncio streams outside, and a bound on all that a peer can take.

Whoever trickles is cut, and whoever does not take what it is sent. The rules of HTTP are h11's; what is
answered is `respond`'s.
"""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus

import h11

from ramify.repository.serve_files import open_part
from ramify.repository.serve_limits import Limits
from ramify.repository.serve_respond import Asked, Part, Response, refusal

# h11 bounds what is incomplete only: what one read brings comes on top of `head_size`.
_READ = 8 * 1024
_BLOCK = 256 * 1024
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)

Respond = Callable[[Asked], Awaitable[Response]]


class _RefusedError(Exception):
    """A request that gets no answer but a status, after which the connection ends."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Connection:
    """Serves the requests of one peer, one after the other."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        respond: Respond,
        limits: Limits,
        access: Callable[[str], None] | None = None,
    ) -> None:
        self._reader, self._writer = streams
        self._respond = respond
        self._limits = limits
        self._access = access
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_size)
        self._begun = False
        self._bodyless = False
        self.idle = True
        self.last = False
        """Set it to end the connection behind the current request."""

    async def serve(self) -> None:
        """Answer until the peer ends, breaks the rules, or is too slow."""
        try:
            while await self._one() and not self.last:
                self._http.start_next_cycle()
        except (OSError, TimeoutError, h11.LocalProtocolError):
            self._writer.transport.abort()  # nothing that could be said would arrive
        except asyncio.CancelledError:
            self._writer.close()  # at once: the server ends
            raise
        finally:
            await self._close()

    async def _one(self) -> bool:
        """One request; whether another may follow."""
        self.idle = True
        try:
            head = await self._head()
            if head is None:
                return False
            await self._exchange(head)
        except _RefusedError as error:
            await self._refuse(error.status, str(error))
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint, str(error))
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _exchange(self, head: h11.Request) -> None:
        begun = time.monotonic()
        asked = await self._asked(head)
        response = await self._send(await self._respond(asked))
        if self._access:
            took = f"{time.monotonic() - begun:.3f}s"
            line = f'"{asked.method} {asked.target}" {response.status} {response.length} {took}'
            self._access(f"{self._peer} {line}")

    @property
    def _peer(self) -> str:
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else "-"

    async def _head(self) -> h11.Request | None:
        """The next request; None when the peer has no more, or says nothing for too long."""
        self._begun = bool(self._http.trailing_data[0])
        try:
            async with asyncio.timeout(self._limits.head):
                event = await self._event()
        except TimeoutError:
            if self._begun:
                raise _RefusedError(408, "the request's head took too long") from None
            return None
        self.idle = False
        if not isinstance(event, h11.Request):
            return None
        if not event.http_version.startswith(b"1."):
            raise _RefusedError(505, "this server speaks HTTP/1.1")
        self._bodyless = event.method == b"HEAD"
        return event

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            data = await self._reader.read(_READ)
            self._begun = self._begun or bool(data)
            self._http.receive_data(data)
        return event

    async def _asked(self, head: h11.Request) -> Asked:
        headers = _headers(head)
        if int(headers.get("content-length", "0")) > self._limits.body_size:
            raise _RefusedError(413, f"a request has at most {self._limits.body_size} bytes")
        body = await self._body()
        host = headers.get("host", "")
        base = f"http://{host}/" if _HOST.match(host) else self._own_base()
        return Asked(_plain(head.method), _plain(head.target), headers, body, base)

    async def _body(self) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body):
                while isinstance(event := await self._event(), h11.Data):
                    body += event.data
                    if len(body) > self._limits.body_size:
                        raise _RefusedError(413, f"a request has at most {self._limits.body_size} bytes")
        except TimeoutError:
            raise _RefusedError(408, "the request's body took too long") from None
        return bytes(body)

    def _own_base(self) -> str:
        """The server's root for a peer that does not say by what name it knows it."""
        return url(*self._writer.get_extra_info("sockname")[:2])

    async def _refuse(self, status: int, message: str) -> None:
        self.last = True
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self._send(refusal(status, message))
        if self._access:
            self._access(f"{self._peer} - {status} {message}")

    async def _send(self, response: Response) -> Response:
        """Send a response; the one that was sent is another when its file is not the one that was read."""
        part = response.body if isinstance(response.body, Part) else None
        opened = open_part(part) if part else None
        if part and opened is None:
            response = refusal(503, "the file is changing; ask again", ("Retry-After", "1"))
        try:
            self._write(self._start(response))
            if not self._bodyless:
                await self._body_of(response, opened)
            self._write(h11.EndOfMessage())
            await self._drained()
        finally:
            if opened is not None:
                os.close(opened)
        return response

    def _start(self, response: Response) -> h11.Response:
        headers = [*response.headers, ("Date", formatdate(usegmt=True)), ("Server", "ramify")]
        if response.status != HTTPStatus.NOT_MODIFIED:
            headers.append(("Content-Length", str(response.length)))
        if self.last:
            headers.append(("Connection", "close"))
        reason = HTTPStatus(response.status).phrase.encode()
        return h11.Response(status_code=response.status, headers=headers, reason=reason)

    async def _body_of(self, response: Response, opened: int | None) -> None:
        if isinstance(response.body, bytes):
            self._write(h11.Data(data=response.body))
        elif opened is not None:
            await self._file(opened, response.body)

    async def _file(self, opened: int, part: Part) -> None:
        at, end = part.start, part.start + part.length
        while at < end:
            block = await asyncio.to_thread(os.pread, opened, min(_BLOCK, end - at), at)
            if not block:
                raise OSError(0, "the file became shorter while it was sent")
            self._write(h11.Data(data=block))
            await self._drained()
            at += len(block)

    def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)

    async def _drained(self) -> None:
        async with asyncio.timeout(self._limits.send):
            await self._writer.drain()

    async def _close(self) -> None:
        """End so that the peer can still read what it was told: it may be in the middle of sending."""
        with suppress(OSError, TimeoutError):
            if not self._writer.transport.is_closing() and self._http.their_state is not h11.CLOSED:
                self._writer.write_eof()
                async with asyncio.timeout(self._limits.linger):
                    while await self._reader.read(_READ):
                        pass
        self._writer.close()
        try:
            async with asyncio.timeout(self._limits.linger):
                await self._writer.wait_closed()
        except OSError:
            self._writer.transport.abort()  # what it did not take by now it never will


def url(address: str, port: int) -> str:
    """The URL of a server's root."""
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


def _headers(head: h11.Request) -> dict[str, str]:
    """Headers by name; those that come more than once are one list."""
    found: dict[str, str] = {}
    for name, value in head.headers:
        key, said = _plain(name), _plain(value)
        found[key] = f"{found[key]}, {said}" if key in found else said
    return found


def _plain(data: bytes) -> str:
    return data.decode("latin-1")
