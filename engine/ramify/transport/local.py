"""Reach this machine: commands as local processes, as sshd would start them, without sshd."""

import asyncio
import os
import signal
from typing import cast

from ramify.transport.errors import SessionRefusedError
from ramify.transport.streams import Stream

_GRACE = 2.0


class LocalConnection:
    """This machine (implements Connection)."""

    def __init__(self, host: str) -> None:
        self._host = host

    @property
    def lost(self) -> bool:
        """Never."""
        return False

    async def open(self, command: str, *, agent: bool = False) -> "LocalChannel":
        """Start a command in its own process group; the agent is the one of our own environment."""
        del agent
        loop = asyncio.get_running_loop()
        try:
            transport, process = await loop.subprocess_exec(
                lambda: _Process(self._host), "/bin/sh", "-c", command, start_new_session=True
            )
        except OSError as error:
            raise SessionRefusedError(self._host, f"cannot start a process: {error.strerror}") from error
        return LocalChannel(transport, process)

    async def close(self) -> None:
        """Nothing is held."""


class LocalChannel:
    """A local process (implements Channel)."""

    def __init__(self, transport: asyncio.SubprocessTransport, process: "_Process") -> None:
        self._transport = transport
        self._process = process
        stream = process.stream
        self.read = stream.read
        self.readexactly = stream.readexactly
        self.write = stream.write
        self.write_eof = stream.write_eof
        self.drain = stream.drain
        self.stderr_tail = stream.stderr_tail
        self.exit_status = stream.exit_status

    async def close(self) -> None:
        """End its stdin, which is how a command learns; a group that does not end is made to."""
        pipe = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))
        if not pipe.is_closing():
            pipe.abort()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if await self._process.exits_within(_GRACE):
                break
            _signal_group(self._transport.get_pid(), number)
        await self._process.exited.wait()
        self._transport.close()
        await self._process.stream.ended.wait()


class _Process(asyncio.SubprocessProtocol):
    """Callbacks of asyncio for one process."""

    def __init__(self, host: str) -> None:
        self.stream = Stream(host)
        self.exited = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self.stream.started(_Pipes(self._transport))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.stream.received(data)
        else:
            self.stream.tail.add(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc  # a command that closes a pipe breaks no link
        if fd == 1:
            self.stream.finished_output()

    def pause_writing(self) -> None:
        self.stream.pause_writing()

    def resume_writing(self) -> None:
        self.stream.resume_writing()

    def process_exited(self) -> None:
        self.stream.status = self._transport.get_returncode()
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.stream.lost(None)

    async def exits_within(self, seconds: float) -> bool:
        """Whether it ends by itself."""
        try:
            async with asyncio.timeout(seconds):
                await self.exited.wait()
        except TimeoutError:
            return False
        return True


class _Pipes:
    """The pipes of a process as one thing to write to and to pause."""

    def __init__(self, transport: asyncio.SubprocessTransport) -> None:
        self._input = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
        self._output = cast("asyncio.ReadTransport", transport.get_pipe_transport(1))

    def write(self, data: bytes) -> None:
        if self._input.is_closing():
            raise BrokenPipeError("its stdin is closed")
        self._input.write(data)

    def write_eof(self) -> None:
        if self._input.can_write_eof() and not self._input.is_closing():
            self._input.write_eof()

    def pause_reading(self) -> None:
        self._output.pause_reading()

    def resume_reading(self) -> None:
        self._output.resume_reading()


def _signal_group(pid: int | None, number: signal.Signals) -> None:
    try:
        if pid:
            os.killpg(pid, number)
    except ProcessLookupError:
        pass
