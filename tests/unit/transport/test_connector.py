"""One connection for all who need the same, few at once, and a second try only where it can help."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ramify.model.inventory import Host
from ramify.transport.connector import Connector
from ramify.transport.errors import AuthenticationError, ConnectionLostError, HostKeyError, UnreachableError
from ramify.transport.trust import Limits, Trust
from unit.transport.servers import Server, everything, key, silent, sshd


class Clock:
    """Notes how long somebody wanted to sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def connector(server: Server, clock: Clock | None = None, **limits: Any) -> Connector:
    clock = clock or Clock()
    return Connector(server.trust(), Limits(**limits), sleep=clock.sleep, chance=lambda: 0.5)


async def test_nodes_on_one_host_share_a_connection_that_ends_with_the_last_of_them(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, connector(server) as hosts:
        shares = await asyncio.gather(*(hosts.connect(server.host()) for _ in range(3)))
        channels = [await share.open("echo hello") for share in shares]

        assert [await everything(channel.read) for channel in channels] == [b"hello\n"] * 3
        assert server.logins == 1
        for share in shares[:2]:
            await share.close()
            await share.close()
        channel = await shares[2].open("echo still")
        assert await channel.read(5) == b"still"
        await shares[2].close()
        await server.connections[0].wait_closed()


async def test_no_more_share_a_connection_than_sshd_lets_have_sessions(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, connector(server, per_connection=2) as hosts:
        await asyncio.gather(*(hosts.connect(server.host()) for _ in range(5)))

        assert server.logins == 3


async def test_a_lost_connection_is_not_given_out_again(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, connector(server) as hosts:
        channel = await (await hosts.connect(server.host())).open("cat")
        server.connections[0].abort()
        with pytest.raises(ConnectionLostError):
            await channel.read(1)
        second = await hosts.connect(server.host())

        channel = await second.open("echo fresh")
        assert await channel.read(5) == b"fresh"


async def test_who_is_dropped_before_the_login_comes_again_later_and_later(tmp_path: Path) -> None:
    clock = Clock()
    async with sshd(tmp_path) as server, connector(server, clock, backoff=1) as hosts:
        server.drop = 3
        await hosts.connect(server.host())

        assert server.logins == 1
        assert clock.slept == [1, 2, 4]


async def test_who_is_always_dropped_gives_up(tmp_path: Path) -> None:
    clock = Clock()
    async with sshd(tmp_path) as server, connector(server, clock, attempts=3) as hosts:
        server.drop = 99
        with pytest.raises(UnreachableError, match="hung up"):
            await hosts.connect(server.host())

        assert len(server.connections) == 3
        assert len(clock.slept) == 2


async def test_what_stays_wrong_is_not_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    async with sshd(tmp_path) as server, connector(server, clock) as hosts:
        with pytest.raises(AuthenticationError):
            await hosts.connect(server.host(identity=str(key(tmp_path / "wrong"))))
        with pytest.raises(HostKeyError):
            await hosts.connect(server.host(address="localhost"))
        with pytest.raises(UnreachableError, match="refused"):
            await hosts.connect(server.host(port=1))

    assert clock.slept == []


async def test_a_server_sees_few_logins_at_once() -> None:
    limits = Limits(per_server=2, attempts=1)
    async with silent() as socket, Connector(Trust(), limits) as hosts:
        waiting = [
            asyncio.create_task(hosts.connect(Host(f"h{number}", "127.0.0.1", port=socket.port)))
            for number in range(6)
        ]
        async with socket.arrived:
            await socket.arrived.wait_for(lambda: socket.open == 2)
        socket.gate.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)

    assert all(isinstance(result, UnreachableError) for result in results)
    assert socket.most == 2


async def test_one_who_gives_up_waiting_does_not_stop_the_others(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, connector(server) as hosts:
        impatient = asyncio.create_task(hosts.connect(server.host()))
        patient = asyncio.create_task(hosts.connect(server.host()))
        await asyncio.sleep(0)
        impatient.cancel()
        await (await patient).close()

    assert server.logins == 1


async def test_a_login_that_nobody_waits_for_any_more_is_given_up() -> None:
    async with silent() as socket, Connector(Trust(), Limits()) as hosts:
        waiting = asyncio.create_task(hosts.connect(Host("h1", "127.0.0.1", port=socket.port)))
        async with socket.arrived:
            await socket.arrived.wait_for(lambda: socket.open == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_local_host_needs_no_server() -> None:
    async with Connector(Trust()) as hosts:
        share = await hosts.connect(Host("me", "127.0.0.1", transport="local"))
        channel = await share.open("echo here")

        assert await everything(channel.read) == b"here\n"
        await channel.close()
