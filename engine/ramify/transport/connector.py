"""Connections to hosts: one for all who need the same, few at once, tried again where that can help."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from ramify.model.inventory import Host
from ramify.transport.channel import Channel
from ramify.transport.errors import UnreachableError
from ramify.transport.local import LocalConnection
from ramify.transport.ssh import SSH, SSHConnection
from ramify.transport.trust import Limits, Trust

Place = tuple[object, ...]


class Connector:
    """All connections of a process. What is given out is a share; the last one given back logs out.

    Of logins that are under way, a server sees `limits.per_server` at most, and the network
    `limits.at_once`. A server that hangs up before it asked who we are is tried again: that is what sshd
    does when too many come at once (MaxStartups). Nothing else is: a refused port, a wrong host key and a
    wrong key stay wrong. `sleep` and `chance` are arguments for the sake of tests.
    """

    def __init__(
        self,
        trust: Trust,
        limits: Limits | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits or Limits()
        self._ssh = SSH(trust, self._limits)
        self._forwards = trust.agent_path is not None
        self._sleep = sleep
        self._chance = chance
        self._shared: defaultdict[Place, list[_Shared]] = defaultdict(list)
        self._at_once = asyncio.Semaphore(self._limits.at_once)
        self._servers: defaultdict[tuple[str, int], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(self._limits.per_server)
        )

    async def connect(self, host: Host, *, agent: bool = False, fresh: bool = False) -> "Share":
        """A way to a host (a Connection); say `agent` if its first command will want the agent forwarded.

        One that is `fresh` is made now, and shared with nobody: that it can be made is what it is for.

        Raises:
            TransportError: one of the kinds that module `errors` draws.
        """
        share = Share(self, host, fresh=fresh)
        await share.reach(agent=agent)
        return share

    async def close(self) -> None:
        """Log out everywhere."""
        remaining = [shared for pool in self._shared.values() for shared in pool]
        self._shared.clear()
        await asyncio.gather(*(shared.end() for shared in remaining))
        await self._ssh.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def acquire(self, host: Host, *, agent: bool, fresh: bool = False) -> "_Shared":
        """A connection with room for one more; it is being made if there is none."""
        # sshd shows a forwarded agent to every later session of the connection: those have their own.
        place = _place(host, agent=agent and self._forwards)
        pool = [] if fresh else self._shared[place]
        shared = next((one for one in pool if one.usable and one.holders < self._limits.per_connection), None)
        if shared is None:
            shared = _Shared(place, asyncio.create_task(self._establish(host, agent=agent)))
            pool.append(shared)
        shared.holders += 1
        try:
            await asyncio.shield(shared.task)
        except BaseException:
            await self.release(shared)
            raise
        return shared

    async def release(self, shared: "_Shared") -> None:
        """Give a connection back."""
        shared.holders -= 1
        if shared.holders:
            return
        pool = self._shared.get(shared.place, [])
        if shared in pool:
            pool.remove(shared)
        await shared.end()

    async def _establish(self, host: Host, *, agent: bool) -> SSHConnection | LocalConnection:
        if host.transport == "local":
            return LocalConnection(host.name)
        for attempt in range(1, self._limits.attempts):
            try:
                return await self._login(host, agent=agent)
            except UnreachableError as error:
                if not error.dropped:
                    raise
            # Spread out, so that those who were dropped together do not come back together.
            await self._sleep(self._limits.backoff * 2 ** (attempt - 1) * (0.5 + self._chance()))
        return await self._login(host, agent=agent)

    async def _login(self, host: Host, *, agent: bool) -> SSHConnection:
        # First the narrow gate: who waits for a busy server must not keep others from theirs.
        async with self._servers[host.address, host.port], self._at_once:
            return await self._ssh.connect(host, agent=agent)


class Share:
    """A holder's share of the connections to a host (implements Connection)."""

    def __init__(self, connector: Connector, host: Host, *, fresh: bool = False) -> None:
        self._connector = connector
        self._host = host
        self._fresh = fresh
        self._lock = asyncio.Lock()
        self._held: dict[bool, _Shared] = {}

    async def reach(self, *, agent: bool) -> SSHConnection | LocalConnection:
        """The connection itself, with or without the agent; made when it is first wanted."""
        async with self._lock:
            if agent not in self._held:
                self._held[agent] = await self._connector.acquire(self._host, agent=agent, fresh=self._fresh)
            return await self._held[agent].task

    async def open(self, command: str, *, agent: bool = False) -> Channel:
        """Start a command."""
        connection = await self.reach(agent=agent)
        return await connection.open(command, agent=agent)

    async def close(self) -> None:
        """Give the share back."""
        while self._held:
            _, shared = self._held.popitem()
            await self._connector.release(shared)


class _Shared:
    """A connection that exists or is being made, and how many hold it."""

    def __init__(self, place: Place, task: "asyncio.Task[SSHConnection | LocalConnection]") -> None:
        self.place = place
        self.task = task
        self.holders = 0

    @property
    def usable(self) -> bool:
        """Whether it stands, or still may."""
        if not self.task.done():
            return True
        return not self.task.cancelled() and self.task.exception() is None and not self.task.result().lost

    async def end(self) -> None:
        """Log out, or stop trying to log in."""
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled() and self.task.exception() is None:
            await self.task.result().close()


def _place(host: Host, *, agent: bool) -> Place:
    settings = (host.transport, host.address, host.port, host.user, host.auth, host.identity)
    return (host.name, *settings, agent)
