"""Sessions with stubs: a connection, a stub on it, and what that teaches us about the host."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ramify.directory.sqlite import Directory, KnownHost
from ramify.model.inventory import Host
from ramify.repository.kinds import kind_of
from ramify.transport.connector import Connector
from ramify.transport.stubclient import StubClient


@dataclass(frozen=True)
class Reacher:
    """Opens sessions, and remembers which hosts have our stub already."""

    connector: Connector
    directory: Directory

    @asynccontextmanager
    async def session(self, host: Host, *, agent: bool = False) -> AsyncIterator[StubClient]:
        """A session with the stub of a host.

        Raises:
            TransportError: no way there, or the link broke.
        """
        known = self.directory.host(host.name)
        connection = await self.connector.connect(host)
        try:
            stub = await StubClient.open(connection, host, cached=known is not None, agent=agent)
            try:
                yield stub
                self._learn(host, stub, known)
            finally:
                await stub.close()
        finally:
            await connection.close()

    def _learn(self, host: Host, stub: StubClient, known: KnownHost | None) -> None:
        hello = stub.hello
        kind = kind_of(hello.python, hello.implementation, hello.platform, hello.machine, hello.libc)
        learned = KnownHost(host.name, hello.stub, kind, hello.root)
        if learned != known:
            self.directory.learn_host(learned)
