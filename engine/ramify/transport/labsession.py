"""What sshd does for a login, for hosts of the lab: check the key, run the command, carry its bytes.

As OpenSSH without a terminal: the command leads its own session; when it has ended and its stdout and
stderr are closed, its status is told; when the link is lost its pipes are closed, and it is left to notice.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import asyncssh

from ramify.transport.streams import Valve

SHELL = "/bin/sh"


class Gate(asyncssh.SSHServer):
    """One connection to one host."""

    def __init__(self, host: str, home: Path, user: str, env: Mapping[str, str]) -> None:
        self._host = host
        self._home = home
        self._user = user
        self._env = env

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        """Read authorized_keys anew at each login; nobody comes in without a key."""
        self._connection.set_authorized_keys(self._allowed() if username == self._user else _nobody())
        return True

    def session_requested(self) -> "Session":
        peer, own = (self._connection.get_extra_info(name)[:2] for name in ("peername", "sockname"))
        env = {
            **self._env,
            "HOME": str(self._home),
            "HOSTNAME": self._host,
            "RAMIFY_LAB_HOST": self._host,
            "SSH_CLIENT": f"{peer[0]} {peer[1]} {own[1]}",
            "SSH_CONNECTION": f"{peer[0]} {peer[1]} {own[0]} {own[1]}",
        }
        return Session(self._connection, self._home, env)

    def _allowed(self) -> asyncssh.SSHAuthorizedKeys:
        try:
            return asyncssh.import_authorized_keys((self._home / ".ssh/authorized_keys").read_text())
        except (OSError, ValueError):  # no file, or no key in it
            return _nobody()


def _nobody() -> asyncssh.SSHAuthorizedKeys:
    return asyncssh.SSHAuthorizedKeys()


class Session(asyncssh.SSHServerSession[bytes]):
    """One command of one connection."""

    def __init__(self, connection: asyncssh.SSHServerConnection, home: Path, env: dict[str, str]) -> None:
        self._connection = connection
        self._home = home
        self._env = env
        self._argv = [SHELL]
        self._early: list[bytes] = []
        self._ended_early = False
        self._process: _Process | None = None
        self._lost = False
        self._starting: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._argv = [SHELL, "-c", command]
        return True

    def session_started(self) -> None:
        agent = self._connection.get_agent_path()
        if agent:
            self._env["SSH_AUTH_SOCK"] = agent
        self._starting = asyncio.create_task(self._start())

    async def wait_ended(self) -> None:
        """Wait until the command has ended, whether or not anybody listens."""
        if self._starting:
            await self._starting
        if self._process:
            await self._process.ended.wait()

    async def _start(self) -> None:
        try:
            _, self._process = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Process(self._channel),
                *self._argv,
                cwd=self._home,
                env=self._env,
                start_new_session=True,
            )
        except OSError as error:
            self._channel.write_stderr(f"cannot start {SHELL}: {error}\n".encode())
            self._channel.exit(126)
            return
        for data in self._early:
            self._process.take(data)
        if self._ended_early:
            self._process.end_input()
        if self._lost:
            self._process.abandon()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        del datatype
        if self._process:
            self._process.take(data)
        else:
            self._early.append(data)

    def eof_received(self) -> bool:
        if self._process:
            self._process.end_input()
        else:
            self._ended_early = True
        return True

    def signal_received(self, signal: str) -> None:
        if self._process:
            self._process.signal(signal)

    def pause_writing(self) -> None:
        if self._process:
            self._process.hold_output()

    def resume_writing(self) -> None:
        if self._process:
            self._process.release_output()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lost = True
        if self._process:
            self._process.abandon()


class _Process(asyncio.SubprocessProtocol):
    """The process of a session, between its pipes and the channel."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = channel
        self._input = Valve(channel)
        self._open = {1, 2}
        self.ended = asyncio.Event()
        self._exited = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def take(self, data: bytes) -> None:
        """Bytes for its stdin; one that reads no more misses them, as with sshd."""
        pipe = self._pipe(0)
        if not pipe.is_closing():
            cast("asyncio.WriteTransport", pipe).write(data)

    def end_input(self) -> None:
        """No more for its stdin."""
        pipe = self._pipe(0)
        if not pipe.is_closing():
            cast("asyncio.WriteTransport", pipe).write_eof()

    def pause_writing(self) -> None:
        self._input.pause_reading()

    def resume_writing(self) -> None:
        self._input.resume_reading()

    def hold_output(self) -> None:
        """The client takes no more for now."""
        for fd in self._open:
            cast("asyncio.ReadTransport", self._pipe(fd)).pause_reading()

    def release_output(self) -> None:
        """It takes more."""
        for fd in self._open:
            cast("asyncio.ReadTransport", self._pipe(fd)).resume_reading()

    def signal(self, name: str) -> None:
        """Signal its group."""
        number = getattr(signal, f"SIG{name}", None)
        if number is not None and not self._exited:
            os.killpg(self._transport.get_pid(), number)

    def abandon(self) -> None:
        """Nobody listens any more: close its pipes, and let it go on as it likes."""
        for fd in (0, 1, 2):
            pipe = self._pipe(fd)
            if not pipe.is_closing():
                pipe.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self._channel.is_closing():
            return
        self._channel.write(data, asyncssh.EXTENDED_DATA_STDERR if fd == 2 else None)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc
        self._open.discard(fd)
        self._tell_end()

    def process_exited(self) -> None:
        self._exited = True
        self._tell_end()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport.close()
        self.ended.set()

    def _tell_end(self) -> None:
        if self._open or not self._exited:
            return
        status = self._transport.get_returncode() or 0
        if status < 0:
            self._channel.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            self._channel.exit(status)

    def _pipe(self, fd: int) -> asyncio.BaseTransport:
        return cast("asyncio.BaseTransport", self._transport.get_pipe_transport(fd))
