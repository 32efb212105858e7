"""The server: listens, gives every peer a task of its own, and ends gracefully."""

import asyncio
import signal
from collections.abc import Callable

from ramify.repository.serve_connection import Connection, url
from ramify.repository.serve_limits import Limits
from ramify.repository.serve_live import Live, Log
from ramify.repository.serve_read import Read
from ramify.repository.serve_respond import Asked, Response, refusal, respond

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_BACKLOG = 512


Started = Callable[[list[str]], None]


async def serve(
    load: Callable[[], Read], place: tuple[str, int], logs: tuple[Log, Log | None], started: Started
) -> None:
    """Serve what `load` reads at a host and port until SIGTERM or SIGINT; `logs`: of events, of requests.

    Raises:
        DiagnosticsError: what is read at first is broken.
        OSError: the address cannot be listened to.
    """
    live = Live(load, logs[0])
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Server(live, *logs).run(*place, stop, started)


class Server:
    """Serves a live repository until it is told to stop. `access` is told of every request."""

    def __init__(self, live: Live, log: Log, access: Log | None = None, limits: Limits | None = None) -> None:
        self._live = live
        self._log = log
        self._access = access
        self._limits = limits or Limits()
        self._tasks: dict[Connection, asyncio.Task[None]] = {}

    async def run(self, host: str, port: int, stop: asyncio.Event, started: Started) -> None:
        """Listen, tell the URLs, and serve until `stop` is set; requests under way are finished.

        Raises:
            OSError: the address cannot be listened to.
        """
        group = asyncio.TaskGroup()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._tasks) >= self._limits.connections:
                writer.write(_FULL)
                writer.write_eof()
                writer.close()
                return
            peer = Connection((reader, writer), self._respond, self._limits, self._access)
            self._tasks[peer] = group.create_task(self._serve(peer))

        listener = await asyncio.start_server(accept, host, port, backlog=_BACKLOG, start_serving=False)
        async with group:
            try:
                await listener.start_serving()
                started([url(*sock.getsockname()[:2]) for sock in listener.sockets])
                await stop.wait()
            finally:
                listener.close()
            await self._end()

    async def _serve(self, peer: Connection) -> None:
        try:
            await peer.serve()
        except Exception as error:  # noqa: BLE001 - one peer's misfortune is not the others'
            self._log(f"connection ended: {type(error).__name__}: {error}")
        finally:
            del self._tasks[peer]

    async def _respond(self, asked: Asked) -> Response:
        try:
            return respond(await self._live.state(), asked)
        except Exception as error:  # noqa: BLE001 - told, and the connection goes on
            self._log(f"cannot answer {asked.method} {asked.target}: {type(error).__name__}: {error}")
            return refusal(500, "internal error; the server's log tells more")

    async def _end(self) -> None:
        """Let requests under way finish; end connections that wait for one, and those that take too long."""
        for peer, task in self._tasks.items():
            peer.last = True
            if peer.idle:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=self._limits.grace)
        for task in self._tasks.values():
            task.cancel()
