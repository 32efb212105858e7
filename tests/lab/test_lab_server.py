"""The lab: hosts that come up, behave as sshd's do, and leave nothing behind."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ramify.compile.hosts import hosts
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.inventory import Host, HostSettings, HostSpec, Inventory
from ramify.stub import process
from ramify.transport import lab, labstate, labstop
from ramify.transport.connector import Connector, Share
from ramify.transport.errors import AuthenticationError, ConnectionLostError, UnreachableError
from ramify.transport.stubclient import StubClient
from ramify.transport.trust import Trust
from unit.transport.servers import agent, everything
from unit.transport.test_stubclient import ECHO, pack

pytestmark = pytest.mark.lab

OPEN = [lab.OPERATOR]
Use = Callable[[Share], Awaitable[Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "project" / ".ramify" / "lab"
    yield place
    lab.down(place)
    assert not place.exists()
    assert labstop.inhabitants(place) == []


def inventory(found: lab.LabState) -> Inventory:
    specs = tuple(
        HostSpec(name, HostSettings(transport="lab"), Origin("inventory.yml", 1, 1)) for name in found.hosts
    )
    return lab.overlay(Inventory(specs, ()), found)


def trust_of(found: lab.LabState, **changes: Any) -> Trust:
    known = inventory(found).known_hosts
    return Trust(**{"known_hosts": known, "lab_identity": found.operator_key, **changes})


def host_of(found: lab.LabState, name: str) -> Host:
    return hosts(inventory(found), Diagnostics())[name]


def using(found: lab.LabState, name: str, use: Use, **trust: Any) -> Any:
    """Do something with a connection to a host of the lab."""

    async def perform() -> Any:
        async with asyncio.timeout(20), Connector(trust_of(found, **trust)) as connector:
            share = await connector.connect(host_of(found, name))
            try:
                return await use(share)
            finally:
                await share.close()

    return asyncio.run(perform(), debug=True)


def say(found: lab.LabState, name: str, command: str, **trust: Any) -> str:
    """What a command on a host of the lab says."""

    async def use(share: Share) -> str:
        channel = await share.open(command)
        said: bytes = await everything(channel.read)
        return said.decode()

    found_text: str = using(found, name, use, **trust)
    return found_text


def ports(found: lab.LabState) -> Mapping[str, tuple[int, int]]:
    return {name: (host.port, host.service_port) for name, host in found.hosts.items()}


def test_a_command_runs_at_home_in_a_clean_environment_with_a_real_python(folder: Path) -> None:
    found = lab.up(folder, {"web": OPEN})
    home = found.hosts["web"].home

    env = dict(line.split("=", 1) for line in say(found, "web", "env").splitlines())
    assert env["HOME"] == home
    assert env["HOSTNAME"] == env["RAMIFY_LAB_HOST"] == "web"
    assert not set(env) - {
        *("HOME", "HOSTNAME", "RAMIFY_LAB_HOST", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "PWD"),
        *("SSH_CLIENT", "SSH_CONNECTION", "SHLVL", "OLDPWD", "_"),
    }
    assert say(found, "web", "pwd").strip() == home
    assert say(found, "web", "python3 -c 'import sys; print(sys.version)'").strip() == sys.version
    python = say(found, "web", "command -v python3").strip()
    assert Path(os.path.realpath(python)).read_bytes()[:2] != b"#!"


def test_hosts_keep_their_ports_whatever_happens_to_the_lab(folder: Path) -> None:
    first = lab.up(folder, {"a": OPEN, "b": OPEN})
    assert lab.up(folder, {"a": OPEN, "b": OPEN}) == first
    pid = lab.status(folder).pid
    more = lab.up(folder, {"b": OPEN, "c": OPEN})

    assert lab.status(folder).pid == pid
    assert more.hosts["b"] == first.hosts["b"]
    assert set(more.hosts) == {"b", "c"}
    assert not (folder / "hosts" / "a").exists()
    assert say(more, "c", "echo up") == "up\n"
    with pytest.raises(UnreachableError):
        say(first, "a", "echo gone")

    lab.down(folder)
    assert not lab.status(folder).running
    assert ports(lab.up(folder, {"a": OPEN, "b": OPEN})) == ports(first)


def test_a_port_that_others_took_is_replaced(folder: Path) -> None:
    before = lab.up(folder, {"a": OPEN}).hosts["a"]
    lab.down(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", before.port))
        taken.listen()
        after = lab.up(folder, {"a": OPEN})

        assert after.hosts["a"].port != before.port
        assert say(after, "a", "echo up") == "up\n"


def test_a_port_that_was_taken_while_the_lab_was_down_is_replaced(folder: Path) -> None:
    before = lab.up(folder, {"a": OPEN}).hosts["a"]
    lab.down(folder, keep=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", before.port))
        taken.listen()
        after = lab.up(folder, {"a": OPEN}).hosts["a"]

    assert after.port != before.port
    assert after.host_public_key == before.host_public_key


def test_a_lab_whose_process_was_killed_comes_up_again(folder: Path) -> None:
    first = lab.up(folder, {"a": OPEN})
    server = labstate.server(folder)
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    assert process.await_end([(server.pid, server.stamp)], 5)

    assert not lab.status(folder).running
    assert lab.up(folder, {"a": OPEN}) == first
    assert say(first, "a", "echo again") == "again\n"
    assert not Path(server.temporary).exists()


def test_only_those_who_were_named_may_log_in(folder: Path) -> None:
    found = lab.up(folder, {"gw": OPEN, "leaf": ["gw"]})
    key_of_gateway = Path(found.hosts["gw"].home) / ".ssh/id_ed25519"

    assert say(found, "leaf", "echo in", lab_identity=None, default_identities=(key_of_gateway,)) == "in\n"
    with pytest.raises(AuthenticationError):
        say(found, "leaf", "echo in")
    with pytest.raises(AuthenticationError):
        say(found, "gw", "echo in", lab_identity=key_of_gateway)
    lab.up(folder, {"gw": OPEN, "leaf": OPEN})
    assert say(found, "leaf", "echo in") == "in\n"
    (Path(found.hosts["leaf"].home) / ".ssh/authorized_keys").unlink()
    with pytest.raises(AuthenticationError):
        say(found, "leaf", "echo in")


def test_private_keys_are_readable_by_their_owner_only(folder: Path) -> None:
    lab.up(folder, {"a": OPEN})

    for file in (folder / "id_ed25519", folder / "keys/a", folder / "hosts/a/home/.ssh/id_ed25519"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_streams_status_and_signals_are_those_of_sshd(folder: Path) -> None:
    found = lab.up(folder, {"a": OPEN})

    async def use(share: Share) -> None:
        failing = await share.open("cat; echo problem >&2; exit 3")
        failing.write(b"\x00\xff" * 1000)
        failing.write_eof()
        assert await everything(failing.read) == b"\x00\xff" * 1000
        assert (await failing.exit_status(), await failing.stderr_tail()) == (3, "problem")
        killed = await share.open("kill -TERM $$")
        assert await killed.exit_status() == -signal.SIGTERM
        missing = await share.open("no-such-command")
        assert await missing.exit_status() == 127

    using(found, "a", use)


def test_what_a_session_left_running_outlives_its_link(folder: Path) -> None:
    found = lab.up(folder, {"a": OPEN})
    home = Path(found.hosts["a"].home)
    os.mkfifo(home / "go")
    os.mkfifo(home / "answer")

    async def use(share: Share) -> None:
        channel = await share.open("echo $$; (read word < go; echo $word > answer) ; true")
        assert await channel.read(1)

    using(found, "a", use)
    (home / "go").write_text("alive\n")
    assert (home / "answer").read_text() == "alive\n"


def test_an_open_link_ends_with_the_lab(folder: Path) -> None:
    found = lab.up(folder, {"a": OPEN})

    async def use(share: Share) -> None:
        channel = await share.open("echo; cat")
        await channel.readexactly(1)
        await asyncio.to_thread(lab.down, folder)
        with pytest.raises(ConnectionLostError):
            await channel.readexactly(1)

    using(found, "a", use)


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="needs ssh-agent")
def test_an_agent_is_forwarded_to_those_who_ask_and_through_them(folder: Path, tmp_path: Path) -> None:
    found = lab.up(folder, {"gw": OPEN})

    async def perform() -> tuple[bytes, bytes]:
        async with agent(tmp_path / "agent", found.operator_key) as path:
            trust = trust_of(found, agent_path=path)
            async with asyncio.timeout(20), Connector(trust) as connector:
                share = await connector.connect(host_of(found, "gw"))
                plain = await share.open("echo ${SSH_AUTH_SOCK:-none}")
                forwarded = await share.open("ssh-add -L", agent=True)
                return await everything(plain.read), await everything(forwarded.read)

    plain, forwarded = asyncio.run(perform())
    assert plain == b"none\n"
    assert forwarded.split()[1] == (folder / "id_ed25519.pub").read_bytes().split()[1]


def test_down_stops_the_services_that_stubs_have_started(folder: Path, tmp_path: Path) -> None:
    found = lab.up(folder, {"a": OPEN})
    digest = pack(tmp_path / "pack", **{"echo.py": ECHO.encode()})
    order = {
        "path": "/a",
        "code": {"artifact": digest, "share": False},
        "service": {"start": {"service": ["{python}", "echo.py"]}, "start_from": "manifest"},
    }

    async def use(share: Share) -> int:
        stub = await StubClient.open(share, host_of(found, "a"), cached=False)
        await stub.put(digest, tmp_path / "pack")
        reply = await stub.request("commands", path="/a", commands=["deploy"], order=order)
        await stub.close()
        assert reply.state is not None
        return reply.state.pids["service"]

    service: int = using(found, "a", use)
    assert process.stamp(service)
    lab.down(folder)
    assert not process.stamp(service)


def test_down_ends_what_no_journal_knows_also_when_it_is_suspended(folder: Path) -> None:
    found = lab.up(folder, {"a": OPEN})
    suspended = "exec </dev/null >/dev/null 2>&1; kill -STOP $$; sleep 1000"
    started = say(found, "a", f"sh -c '{suspended}' & echo $!")
    assert process.stamp(int(started))
    lab.down(folder)

    assert not process.stamp(int(started))


def test_down_without_a_lab_does_nothing(tmp_path: Path) -> None:
    lab.down(tmp_path / "none")

    assert not (tmp_path / "none").exists()


def test_the_process_of_the_lab_is_nobodys_child(folder: Path) -> None:
    """Whoever went up may end, and is left without a zombie."""
    script = (
        f"from pathlib import Path; from ramify.transport import lab; lab.up(Path({str(folder)!r}), {{}})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

    pid = lab.status(folder).pid
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
