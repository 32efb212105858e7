"""Logins and commands over real SSH on loopback: what goes through, and how each failure is told."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ramify.model.inventory import Host
from ramify.transport.errors import (
    AuthenticationError,
    ConnectionLostError,
    HostKeyError,
    Phase,
    SessionRefusedError,
    UnreachableError,
)
from ramify.transport.ssh import SSH, SSHConnection
from ramify.transport.trust import Limits, Trust
from unit.transport.servers import Server, agent, everything, key, silent, sshd, wire

BINARY = bytes(range(256)) * 4096 * 10  # 10 MiB
needs_agent = pytest.mark.skipif("not __import__('shutil').which('ssh-agent')", reason="needs ssh-agent")


async def login(host: Host, trust: Trust, **limits: Any) -> SSHConnection:
    return await SSH(trust, Limits(**limits)).connect(host)


async def say(server: Server, command: str, path: str, **host: Any) -> str:
    """What a command says, over a login that knows the agent at `path`; over one that forwards it last."""
    ssh = SSH(server.trust(agent_path=path), Limits())
    said = []
    for forward in (False, True):
        connection = await ssh.connect(server.host(**host), agent=forward)
        channel = await connection.open(command)
        said.append(await everything(channel.read))
        await connection.close()
    await ssh.close()
    return b"".join(said).decode()


async def test_a_command_runs_and_its_bytes_are_its_own_both_ways(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        connection = await login(server.host(), server.trust())
        channel = await connection.open("cat")

        async def send() -> None:
            for offset in range(0, len(BINARY), 1 << 20):
                channel.write(BINARY[offset : offset + (1 << 20)])
                await channel.drain()
            channel.write_eof()

        sending = asyncio.create_task(send())
        assert await channel.readexactly(len(BINARY)) == BINARY
        assert await channel.read(1) == b""
        await sending
        assert await channel.exit_status() == 0
        await channel.close()
        await connection.close()


async def test_a_slow_reader_misses_nothing(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        connection = await login(server.host(), server.trust())
        channel = await connection.open("head -c 20000000 /dev/zero | tr '\\0' x; echo end")
        first = await channel.read(10)
        await asyncio.sleep(0.1)  # until more than anybody buffers has been held back

        assert len(first + await everything(channel.read)) == 20_000_004
        await connection.close()


async def test_status_signal_and_the_last_of_stderr_are_told(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        connection = await login(server.host(), server.trust())
        failing = await connection.open("head -c 100000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 3")
        killed = await connection.open("kill -9 $$")

        assert await failing.exit_status() == 3
        assert (await failing.stderr_tail()).endswith("xxx" + "the end")
        assert len(await failing.stderr_tail()) <= 8192
        assert await killed.exit_status() == -9
        await connection.close()


async def test_an_unknown_host_key_is_refused_and_shown(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        with pytest.raises(HostKeyError, match="is not known") as caught:
            await login(server.host(), server.trust(known_hosts=""))

    assert caught.value.fingerprint == asyncssh.read_public_key(tmp_path / "host.pub").get_fingerprint()
    assert caught.value.fingerprint in str(caught.value)
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in caught.value.hint
    assert server.logins == 0


async def test_a_changed_host_key_is_refused_and_called_changed(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        other = asyncssh.read_public_key(f"{key(tmp_path / 'other')}.pub").export_public_key().decode()
        with pytest.raises(HostKeyError, match="has changed"):
            await login(server.host(), server.trust(known_hosts=f"[127.0.0.1]:{server.port} {other}"))


async def test_a_host_key_of_another_kind_than_the_known_one_is_a_changed_one(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
        with pytest.raises(HostKeyError, match="has changed: it shows ssh-ed25519"):
            await login(server.host(), server.trust(known_hosts=f"[127.0.0.1]:{server.port} {other}"))


async def test_a_revoked_host_key_is_refused_although_it_is_known(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        revoked = f"@revoked * {(tmp_path / 'host.pub').read_text()}"
        with pytest.raises(HostKeyError, match="revoked"):
            await login(server.host(), server.trust(known_hosts=server.known_hosts + revoked))


async def test_a_wrong_key_is_an_authentication_error_that_names_what_was_offered(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        wrong = key(tmp_path / "wrong")
        printed = asyncssh.read_public_key(f"{wrong}.pub").get_fingerprint()
        with pytest.raises(AuthenticationError, match=r"offered .*SHA256:") as caught:
            await login(server.host(identity=str(wrong)), server.trust())

    assert printed in str(caught.value)


async def test_a_missing_or_encrypted_identity_says_so(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(locked, "pkcs8-pem", "secret")
    async with sshd(tmp_path) as server:
        for identity, reason in ((tmp_path / "missing", "[Nn]o such file"), (locked, "[Pp]assphrase")):
            with pytest.raises(AuthenticationError, match=reason):
                await login(server.host(identity=str(identity)), server.trust())


async def test_a_refused_port_is_told_at_once(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        pass
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="connection refused") as caught:
        await login(server.host(), server.trust())

    assert caught.value.phase is Phase.CONNECT
    assert not caught.value.dropped
    assert time.monotonic() - start < 1


async def test_a_name_that_leads_nowhere_is_a_failed_lookup(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        with pytest.raises(UnreachableError) as caught:
            await login(server.host(address="no-such-host.invalid"), server.trust())

    assert caught.value.phase is Phase.LOOKUP


async def test_a_server_that_says_nothing_meets_a_deadline_that_names_the_phase(tmp_path: Path) -> None:
    async with silent() as socket:
        host = Host("h1", "127.0.0.1", port=socket.port)
        with pytest.raises(UnreachableError, match=r"no answer within 0\.1 s") as caught:
            await login(host, Trust(), login=0.1)

    assert caught.value.phase is Phase.GREETING
    assert not caught.value.dropped


async def test_a_server_that_hangs_up_before_its_greeting_has_dropped_us() -> None:
    async with silent() as socket:
        socket.gate.set()
        with pytest.raises(UnreachableError, match="hung up") as caught:
            await login(Host("h1", "127.0.0.1", port=socket.port), Trust())

    assert caught.value.dropped


async def test_a_closed_link_ends_what_is_open_on_it(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        connection = await login(server.host(), server.trust())
        channel = await connection.open("echo begun; cat")
        assert await channel.readexactly(6) == b"begun\n"
        server.connections[0].abort()

        with pytest.raises(ConnectionLostError):
            await channel.readexactly(1)
        assert connection.lost
        assert await channel.exit_status() is None
        with pytest.raises(ConnectionLostError):
            channel.write(b"x")
        with pytest.raises(ConnectionLostError):
            await connection.open("true")
        await channel.close()
        await connection.close()


async def test_a_link_that_falls_silent_is_noticed(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, wire(server.port) as between:
        trust = server.trust(known_hosts=server.known_hosts.replace(str(server.port), str(between.port)))
        limits = {"keepalive_interval": 0.05, "keepalive_count": 2}
        connection = await login(server.host(port=between.port), trust, **limits)
        channel = await connection.open("cat")
        between.cut = True

        with pytest.raises(ConnectionLostError, match="keepalive"):
            await channel.read(1)
        await connection.close()


async def test_a_server_that_starts_no_command_refuses_the_session(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        connection = await login(server.host(), server.trust())
        server.refuse_sessions = True

        with pytest.raises(SessionRefusedError):
            await connection.open("true")
        await connection.close()


async def test_closing_a_channel_ends_the_input_of_its_command(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        connection = await login(server.host(), server.trust())
        channel = await connection.open(f"echo $$; cat; echo done > {tmp_path}/told; echo > {tmp_path}/end")
        await channel.readexactly(2)
        os.mkfifo(tmp_path / "end")
        await channel.close()

        assert await asyncio.to_thread((tmp_path / "end").read_text) == "\n"
        assert (tmp_path / "told").read_text() == "done\n"
        await connection.close()


async def test_what_ssh_config_says_of_a_host_holds_for_the_operator(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        config = tmp_path / "config"
        config.write_text(
            f"Host web\n  Hostname 127.0.0.1\n  Port {server.port}\n  IdentityFile {server.identity}\n"
            f"  UserKnownHostsFile {tmp_path}/own\n  Ciphers aes256-ctr\n"
        )
        (tmp_path / "own").write_text(server.known_hosts)
        host = server.host(address="web", port=22, auth="agent", identity=None)
        connection = await login(host, Trust(ssh_config=(config,)))

        assert server.connections[0].get_extra_info("recv_cipher") == "aes256-ctr"
        await connection.close()


async def test_the_lab_is_not_subject_to_ssh_config(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        config = tmp_path / "config"
        config.write_text("Host *\n  ProxyCommand false\n")
        trust = server.trust(ssh_config=(config,), lab_identity=server.identity)
        connection = await login(server.host(transport="lab", identity=None), trust)

        await connection.close()
    assert server.logins == 1


@needs_agent
async def test_the_keys_of_an_agent_open_a_host(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, agent(tmp_path / "agent", server.identity) as path:
        assert await say(server, "echo in", path, auth="agent", identity=None) == "in\nin\n"


@needs_agent
async def test_the_named_identity_is_the_first_of_many_keys_of_an_agent(tmp_path: Path) -> None:
    others = [key(tmp_path / f"other{number}") for number in range(8)]
    async with sshd(tmp_path) as server, agent(tmp_path / "agent", *others, server.identity) as path:
        ssh = SSH(server.trust(agent_path=path), Limits())
        offered = await ssh.keys.for_agent(path, [server.identity])

        assert len(offered) == 10
        assert offered[0].public_data == asyncssh.read_public_key(f"{server.identity}.pub").public_data
        only = await ssh.keys.for_agent(path, [server.identity], only=True)
        assert {pair.public_data for pair in only} == {offered[0].public_data}
        await ssh.close()


@needs_agent
async def test_an_agent_is_there_only_for_a_connection_that_forwards_it(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server, agent(tmp_path / "agent", server.identity) as path:
        said = await say(server, '[ -S "$SSH_AUTH_SOCK" ] && ssh-add -L || echo none', path)

    assert said.startswith("none\n" + (tmp_path / "client.pub").read_text().strip())


async def test_no_agent_is_told_when_no_key_fits(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        with pytest.raises(AuthenticationError, match="no key at all; no SSH agent is at hand"):
            await login(server.host(auth="agent", identity=None), server.trust())


async def test_a_key_file_is_read_once_for_all_hosts(tmp_path: Path) -> None:
    async with sshd(tmp_path) as server:
        ssh = SSH(server.trust(), Limits())
        first = await ssh.connect(server.host())
        server.identity.unlink()
        second = await ssh.connect(server.host())
        await first.close()
        await second.close()


def test_nothing_that_rests_on_sha1_is_offered() -> None:
    from ramify.transport import algorithms  # noqa: PLC0415

    offered = (*algorithms.KEY_EXCHANGE, *algorithms.MAC, *algorithms.SIGNATURE, *algorithms.CERTIFICATE)

    assert not [name for name in offered if name.endswith("sha1") or name.startswith("ssh-rsa")]
