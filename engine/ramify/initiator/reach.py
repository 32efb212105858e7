"""Sessions with stubs over connections, and what they teach us about the hosts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ramify.directory.sqlite import Directory, KnownHost
from ramify.model.inventory import Host
from ramify.repository.kinds import kind_of
from ramify.stub import archive
from ramify.transport.connector import Connector
from ramify.transport.stubclient import Hello, StubClient
from ramify.transport.trust import Limits, Trust


@dataclass(frozen=True)
class Reacher:
    """Opens sessions, and remembers which hosts have our stub already (implements Hosts)."""

    connector: Connector
    directory: Directory

    @asynccontextmanager
    async def session(
        self, host: Host, *, agent: bool = False, fresh: bool = False
    ) -> AsyncIterator[StubClient]:
        """A session with the stub of a host; a `fresh` one shares its connection with nobody.

        Raises:
            TransportError: no way there, or the link broke.
        """
        known = self.directory.host(host.name)
        connection = await self.connector.connect(host, agent=agent, fresh=fresh)
        try:
            stub = await StubClient.open(connection, host, cached=_has(known), agent=agent)
            try:
                yield stub
                self._learn(host, await stub.greeted(), known)
            finally:
                await stub.close()
        finally:
            await connection.close()

    def _learn(self, host: Host, hello: Hello, known: KnownHost | None) -> None:
        kind = kind_of(hello.python, hello.implementation, hello.platform, hello.machine, hello.libc)
        learned = KnownHost(host.name, hello.stub, kind, hello.root)
        if learned != known:
            self.directory.learn_host(learned)


@asynccontextmanager
async def reaching(trust: Trust, directory: Directory) -> AsyncIterator[Reacher]:
    """A way to all hosts, as long as the block lasts."""
    async with Connector(trust, Limits()) as connector:
        yield Reacher(connector, directory)


def _has(known: KnownHost | None) -> bool:
    """Whether a host is known to have the stub that we would send."""
    return known is not None and known.stub == archive.build().digest
