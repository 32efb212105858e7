"""Real SSH servers in this process, and sockets that are none, for tests of the transport."""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from ramify.model.inventory import Host
from ramify.transport.labsession import Gate, Session
from ramify.transport.trust import Trust

USER = pwd.getpwuid(os.getuid()).pw_name


def key(file: Path) -> Path:
    """A new private key."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    made.write_private_key(file)
    made.write_public_key(f"{file}.pub")
    return file


@dataclass
class Server:
    """A host that lets `identity` in; `drop` connections are hung up on first."""

    folder: Path
    port: int = 0
    drop: int = 0
    refuse_sessions: bool = False
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    logins: int = 0
    sessions: list[Session] = field(default_factory=list)

    @property
    def identity(self) -> Path:
        return self.folder / "client"

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {self._public('host')}\n"

    def _public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text().strip()

    def trust(self, **changes: Any) -> Trust:
        return Trust(**{"known_hosts": self.known_hosts, **changes})

    def host(self, **changes: Any) -> Host:
        settings: dict[str, Any] = {
            "name": "h1",
            "address": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "auth": "key",
            "identity": str(self.identity),
        }
        return Host(**{**settings, **changes})


class _Gate(Gate):
    def __init__(self, server: Server) -> None:
        env = {"PATH": os.environ["PATH"], "USER": USER}
        super().__init__("h1", server.folder / "home", USER, env)
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        super().connection_made(conn)
        self._server.connections.append(conn)
        if self._server.drop:
            self._server.drop -= 1
            conn.abort()

    def auth_completed(self) -> None:
        self._server.logins += 1

    def session_requested(self) -> Any:
        if self._server.refuse_sessions:
            return False
        self._server.sessions.append(super().session_requested())
        return self._server.sessions[-1]


@asynccontextmanager
async def sshd(folder: Path) -> AsyncIterator[Server]:
    """A server on loopback."""
    key(folder / "host")
    server = Server(folder)
    (folder / "home/.ssh").mkdir(parents=True)
    key(server.identity)
    (folder / "home/.ssh/authorized_keys").write_text((folder / "client.pub").read_text())
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Gate(server),
        server_host_keys=[str(folder / "host")],
        encoding=None,
        config=None,
        gss_host=None,
        agent_forwarding=True,
    )
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        acceptor.close()
        for connection in server.connections:
            connection.abort()
            await connection.wait_closed()
        for session in server.sessions:
            await session.wait_ended()
        await acceptor.wait_closed()


@dataclass
class Socket:
    """A listener that speaks no SSH."""

    port: int
    open: int = 0
    most: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    tasks: list[Any] = field(default_factory=list)


@asynccontextmanager
async def silent() -> AsyncIterator[Socket]:
    """It accepts and says nothing, until `gate` is set; then it hangs up."""
    socket = Socket(0)

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket.tasks.append(asyncio.current_task())
        socket.open += 1
        socket.most = max(socket.most, socket.open)
        async with socket.arrived:
            socket.arrived.notify_all()
        await socket.gate.wait()
        socket.open -= 1
        await hang_up(writer)

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        socket.port = server.sockets[0].getsockname()[1]
        try:
            yield socket
        finally:
            socket.gate.set()
            await asyncio.gather(*socket.tasks)


@dataclass
class Wire:
    """A relay to a server that can be cut without a word to either side."""

    port: int
    cut: bool = False
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """What goes in comes out at `port`, until it is cut."""
    made = Wire(0)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not made.cut:
                writer.write(data)
        await hang_up(writer)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        made.writers += [writer, far_writer]
        made.tasks += [
            asyncio.create_task(carry(reader, far_writer)),
            asyncio.create_task(carry(far_reader, writer)),
        ]

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            for task in made.tasks:
                task.cancel()
            await asyncio.gather(*made.tasks, return_exceptions=True)
            for writer in made.writers:
                await hang_up(writer)


@asynccontextmanager
async def agent(path: Path, *identities: Path) -> AsyncIterator[str]:
    """A real ssh-agent that holds some keys."""
    process = await asyncio.create_subprocess_exec(
        "ssh-agent", "-D", "-a", str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()  # it says where it listens once it does
    try:
        async with asyncssh.SSHAgentClient(str(path)) as client:
            await client.add_keys([str(file) for file in identities])
        yield str(path)
    finally:
        process.terminate()
        await process.wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and see it closed."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def everything(read: Callable[[int], Any]) -> bytes:
    """All of a stream."""
    parts = []
    while data := await read(65536):
        parts.append(data)
    return b"".join(parts)
