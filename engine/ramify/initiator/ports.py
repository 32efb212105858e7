"""The ports of a run: what it needs of hosts. `reach.py` has them over connections, the tests in memory."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from ramify.model.inventory import Host
from ramify.transport.channel import Channel
from ramify.transport.replies import Hello, Reply


class Session(Protocol):
    """A session with the stub of a host; `ramify.transport.stubclient.StubClient` is the real one.

    Every method raises TransportError when the host is lost, and all but `greeted` StubError when the stub
    says no.
    """

    async def greeted(self) -> Hello:
        """What the stub said of itself and of its host."""

    async def request(self, op: str, body: bytes = b"", **fields: Any) -> Reply:
        """Ask for something; the question is sent before anything is waited for."""

    async def stop(self) -> None:
        """Have the commands that are under way ended, and no more begun; whoever waits for them is told."""

    async def put(self, artifact: str, pack: Path, have: int | None = None) -> None:
        """Send a pack, or what is missing of it; `have` is what the host was just found to have."""

    async def attach(self, path: str, wait: float = 10) -> Channel:
        """Turn the session into a pipe to the service of a node; there are no more requests after it."""


class Hosts(Protocol):
    """A way to every host."""

    def session(
        self, host: Host, *, agent: bool = False, fresh: bool = False
    ) -> AbstractAsyncContextManager[Session]:
        """A session with the stub of a host; `agent` forwards the SSH agent to it.

        One that is `fresh` has a connection of its own, made now.
        """
