"""The laws of the fixture itself: what its hosts reach, what they record, and that nothing stays."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hosts import namespaces
from hosts.host import Host
from hosts.world import World

pytestmark = pytest.mark.hosts
KINDS = ("net", "mount")
CONNECT = "import socket,sys; print(socket.create_connection((sys.argv[1], 22), 1).recv(4))"
LISTEN = """
import socket, sys
wire = socket.create_connection((sys.argv[1], 22), 1)
wire.recv(1000)
print("connected", flush=True)
print(wire.recv(1))
"""
DOOMED = """
import sys, time
from pathlib import Path
from hosts.world import World
with World(Path(sys.argv[1])) as world:
    gateway = world.host("gw", gateway_to="west")
    world.host("leaf", segment="west")
    gateway.exec("setsid sleep 1000 > /dev/null 2>&1 &")
    world.run_operator(["sh", "-c", "setsid sleep 1000 > /dev/null 2>&1 &"])
    world.agent()
    print(world.holder, *(host.holder for host in world.hosts.values()), flush=True)
    time.sleep(1000)
"""


@dataclass(frozen=True)
class Tree:
    world: World
    west: Host
    east: Host
    leaf: Host
    other: Host


@pytest.fixture(scope="module")
def tree(new_world: Callable[[], World]) -> Iterator[Tree]:
    """Two gateways with a leaf each."""
    with new_world() as world:
        west = world.host("gw1", gateway_to="west", own_key=True)
        east = world.host("gw2", gateway_to="east", own_key=True)
        both = [west.own_public, east.own_public, world.public_key]
        leaf = world.host("leaf1", segment="west", authorized=both)
        other = world.host("leaf2", segment="east", authorized=both)
        yield Tree(world, west, east, leaf, other)


def connect(world: World, address: str) -> str:
    """What the operator hears from a TCP connection to sshd, or the error."""
    done = world.run_operator([sys.executable, "-c", CONNECT, address])
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_a_gateway_reaches_its_leaf_with_its_own_key(tree: Tree) -> None:
    done = tree.west.ssh(tree.leaf.address, "hostname; command -v python3")

    assert (done.stdout.splitlines()[0], done.returncode) == ("leaf1", 0), done.stderr
    assert "pyenv" not in done.stdout


def test_a_leaf_records_the_address_that_a_login_came_from(tree: Tree) -> None:
    before = len(tree.other.logins())

    tree.east.ssh(tree.other.address, "true")

    assert tree.other.logins()[before:] == [tree.east.address_in("east")]


def test_the_operator_reaches_gateways_and_no_leaf(tree: Tree) -> None:
    reached = tree.world.ssh(tree.west.address, "hostname")

    assert reached.stdout == "gw1\n", reached.stderr
    assert tree.west.logins()[-1] == tree.world.address
    assert "Network is unreachable" in connect(tree.world, tree.leaf.address)


def test_a_segment_reaches_no_other(tree: Tree) -> None:
    assert "Network is unreachable" in tree.leaf.ssh(tree.other.address, "true").stderr
    assert "Network is unreachable" in tree.west.ssh(tree.other.address, "true").stderr
    assert "Network is unreachable" in tree.leaf.ssh(tree.world.address, "true").stderr


def test_a_gateway_forwards_nothing_even_to_those_who_ask_it_to(tree: Tree) -> None:
    route = ["ip", "route", "add", "10.65.0.0/16", "via", tree.west.address]
    tree.world.run_operator(route)
    try:
        assert "timed out" in connect(tree.world, tree.leaf.address)
    finally:
        tree.world.run_operator(["ip", "route", "del", *route[3:]])


def test_a_host_shows_what_was_deployed_and_nothing_of_the_machine(tree: Tree) -> None:
    checkout = Path(__file__).parents[2]

    assert tree.leaf.exec(f"ls -A {checkout}; ls -A /tmp").stdout == ""
    assert tree.leaf.exec("ls -A /root | grep -v '^[.]bash\\|^[.]profile\\|^[.]ssh'").stdout == ""
    assert tree.leaf.exec("hostname").stdout == "leaf1\n"


def test_hosts_do_not_see_what_another_writes(tree: Tree) -> None:
    tree.west.path("/etc/mine").write_text("gw1")

    assert tree.west.exec("cat /etc/mine").stdout == "gw1"
    assert tree.east.exec("test -e /etc/mine").returncode == 1
    assert not Path("/etc/mine").exists()


def test_a_cut_host_is_silent_and_comes_back(tree: Tree) -> None:
    tree.east.cut("core")
    assert connect(tree.world, tree.east.address).endswith(("timed out", "No route to host"))

    tree.east.join("core")
    assert connect(tree.world, tree.east.address) == "b'SSH-'"


def test_a_frozen_host_accepts_and_says_nothing_until_it_thaws(tree: Tree) -> None:
    tree.west.freeze()
    assert connect(tree.world, tree.west.address).endswith("timed out")

    tree.west.thaw()
    assert connect(tree.world, tree.west.address) == "b'SSH-'"


def test_a_host_keeps_its_disk_over_a_power_cut_and_loses_its_processes(world: World) -> None:
    host = world.host("solo")
    host.exec("echo kept > /root/file; echo gone > /tmp/file; setsid sleep 1000 > /dev/null 2>&1 &")
    assert namespaces.happens(lambda: len(host.processes()) == 2)

    host.power_off()
    assert not host.running
    host.start()

    assert host.exec("cat /root/file; ls /tmp").stdout == "kept\n"
    assert [pid for pid, _ in host.processes()] == [1]
    assert world.ssh(host.address, "hostname").stdout == "solo\n"


def test_who_is_connected_hears_of_a_kill_and_not_of_a_power_cut(world: World) -> None:
    killed, cut = world.host("killed"), world.host("cut")
    ends = [world.popen_operator([sys.executable, "-c", LISTEN, host.address]) for host in (killed, cut)]
    assert [process.stdout and process.stdout.readline() for process in ends] == ["connected\n"] * 2

    killed.kill()
    cut.power_off()

    assert ends[0].communicate()[0] == "b''\n"
    assert "TimeoutError" in ends[1].communicate()[1]


def test_kill9_ends_what_matches_and_spares_the_rest(world: World) -> None:
    host = world.host("solo")
    host.exec("sleep 1001 > /dev/null 2>&1 & sleep 1002 > /dev/null 2>&1 &")
    assert namespaces.happens(lambda: len(host.processes()) == 3)

    assert host.kill9("sleep 1001") == 1

    assert namespaces.happens(lambda: len(host.processes()) == 2)
    assert ("sleep", "1002") in [argv for _, argv in host.processes()]


def test_the_operators_command_is_the_process_that_a_test_kills(world: World) -> None:
    code = "import os, time; print(os.getpid(), os.readlink('/proc/self'), flush=True); time.sleep(1000)"
    process = world.popen_operator([sys.executable, "-c", code])
    inside = process.stdout.readline().split() if process.stdout else []
    argv = Path(f"/proc/{process.pid}/cmdline").read_text()

    process.kill()

    assert code in argv
    assert inside[0] == inside[1] != str(process.pid)  # its own numbers, and a /proc that agrees
    assert process.wait() == -signal.SIGKILL


def test_an_orphan_of_the_operator_does_not_stay_as_a_zombie(world: World) -> None:
    orphan = int(world.run_operator(["sh", "-c", "sleep 0.05 > /dev/null 2>&1 & echo $!"]).stdout)

    assert namespaces.happens(lambda: not world.run_operator(["ls", "/proc"]).stdout.count(f"\n{orphan}\n"))


def test_a_host_that_is_not_bare_runs_the_python_of_the_tests(world: World) -> None:
    host = world.host("solo", bare=False)

    assert host.exec([sys.executable, "-c", "import pytest; print(1)"]).stdout == "1\n"


def test_the_operator_can_have_an_agent(world: World) -> None:
    listed = world.run_operator(["ssh-add", "-L"], env=world.agent())

    assert world.public_key in listed.stdout


def test_a_killed_world_leaves_nothing(tmp_path: Path, new_world: Callable[[], World]) -> None:
    devices = sorted(Path("/sys/class/net").iterdir())
    doomed = subprocess.Popen(
        [sys.executable, "-c", DOOMED, tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )
    holders = [int(pid) for pid in (doomed.stdout.readline() if doomed.stdout else "").split()]
    spaces = {namespaces.identity(pid, kind) for pid in holders for kind in KINDS}
    assert len(spaces) == 6
    assert len(inhabitants(spaces)) >= 8

    doomed.kill()
    doomed.communicate()

    assert namespaces.happens(lambda: not inhabitants(spaces)), inhabitants(spaces)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert sorted(Path("/sys/class/net").iterdir()) == devices


def inhabitants(spaces: set[str]) -> list[int]:
    """The machine's processes that are in any of these namespaces; a zombie is in none."""
    everyone = namespaces.everyone()
    return [pid for pid in everyone if spaces & {namespaces.identity(pid, kind) for kind in KINDS}]


def test_what_is_missing_is_said_with_the_way_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # who is not root is told that first
    monkeypatch.setattr(namespaces, "program", lambda name: None if name == "sshd" else name)
    namespaces.unavailable.cache_clear()
    try:
        assert str(namespaces.unavailable()).endswith("apt-get install openssh-server")
    finally:
        namespaces.unavailable.cache_clear()
