"""Reach a host by SSH (asyncssh): one login, then any number of commands."""

import asyncio
import signal as signals

import asyncssh

from ramify.model.inventory import Host
from ramify.transport.errors import ConnectionLostError, SessionRefusedError
from ramify.transport.keys import KeyRing
from ramify.transport.known_hosts import KnownHosts
from ramify.transport.login import Login
from ramify.transport.streams import Stream
from ramify.transport.trust import Limits, Trust

# What one side may have in flight: 2 MiB keep 160 Mbit/s busy at 100 ms, in packets that OpenSSH also sends.
WINDOW = 2 << 20
PACKET = 32 << 10
_CLOSING = 5.0


class SSH:
    """What all logins of a process share: keys, known hosts, limits."""

    def __init__(self, trust: Trust, limits: Limits) -> None:
        self.trust = trust
        self.limits = limits
        self.keys = KeyRing(trust)
        self.known_hosts = KnownHosts(trust.known_hosts, trust.known_hosts_files)

    async def connect(self, host: Host, *, agent: bool = False) -> "SSHConnection":
        """Log in; `agent` lets the sessions of this connection use our SSH agent.

        Raises:
            TransportError: one of the kinds that module `errors` draws.
        """
        login = Login(host, self.trust, self.limits, self.keys, self.known_hosts)
        return SSHConnection(host.name, await login.perform(agent=agent), self.limits)

    async def close(self) -> None:
        """Leave the agents."""
        await self.keys.close()


class SSHConnection:
    """A login that stands (implements Connection)."""

    def __init__(self, host: str, raw: asyncssh.SSHClientConnection, limits: Limits) -> None:
        self._host = host
        self._raw = raw
        self._limits = limits

    @property
    def lost(self) -> bool:
        """Whether the link is gone, or was given back."""
        return self._raw.is_closed()

    async def open(self, command: str, *, agent: bool = False) -> "SSHChannel":
        """Start a command. Whether the agent is forwarded was decided when logging in."""
        del agent
        session = _Session(self._host)
        try:
            async with asyncio.timeout(self._limits.open):
                channel, _ = await self._raw.create_session(
                    lambda: session,
                    command,
                    encoding=None,
                    request_pty=False,
                    x11_forwarding=False,
                    window=WINDOW,
                    max_pktsize=PACKET,
                )
        except TimeoutError as error:
            reason = f"the server has not started a command within {self._limits.open:g} s"
            raise ConnectionLostError(self._host, reason) from error
        except asyncssh.ChannelOpenError as error:
            raise self._not_opened(error) from error
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLostError(self._host, f"the link broke: {error}") from error
        return SSHChannel(channel, session.stream)

    def _not_opened(self, error: asyncssh.ChannelOpenError) -> ConnectionLostError | SessionRefusedError:
        if self._raw.is_closed():
            return ConnectionLostError(self._host, f"the link broke: {error.reason}")
        hint = "sshd starts MaxSessions (10) sessions on one connection; its log says what else it was"
        return SessionRefusedError(self._host, f"the server starts no command: {error.reason}", hint)

    async def close(self) -> None:
        """Log out."""
        self._raw.close()
        try:
            async with asyncio.timeout(_CLOSING):
                await self._raw.wait_closed()
        except TimeoutError:
            self._raw.abort()


class SSHChannel:
    """A command on the other side (implements Channel)."""

    def __init__(self, raw: asyncssh.SSHClientChannel[bytes], stream: Stream) -> None:
        self._raw = raw
        self.read = stream.read
        self.readexactly = stream.readexactly
        self.write = stream.write
        self.write_eof = stream.write_eof
        self.drain = stream.drain
        self.exit_status = stream.exit_status
        self.stderr_tail = stream.stderr_tail

    async def close(self) -> None:
        """Give up the command: its stdin and stdout close, which is how it learns.

        Nobody waits for the answer: sshd gives it when the command has ended, which may be never.
        """
        self._raw.abort()


class _Session(asyncssh.SSHClientSession[bytes]):
    """Callbacks of asyncssh for one command."""

    def __init__(self, host: str) -> None:
        self.stream = Stream(host)

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self.stream.started(chan)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self.stream.tail.add(data)
        else:
            self.stream.received(data)

    def eof_received(self) -> bool:
        self.stream.finished_output()
        return True  # its stdin stays open: a command may read on after it has closed its stdout

    def exit_status_received(self, status: int) -> None:
        self.stream.status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        del core_dumped, msg, lang
        number = getattr(signals, f"SIG{signal}", None)
        self.stream.status = -int(number) if number else None
        self.stream.tail.add(f"\nended by signal {signal}".encode())

    def pause_writing(self) -> None:
        self.stream.pause_writing()

    def resume_writing(self) -> None:
        self.stream.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stream.lost(exc)
