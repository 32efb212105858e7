"""Three levels of real hosts: what leaves say is followed, and Ctrl-C twice ends all that is done there."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from hosts.commands import RAMIFY, ramify
from hosts.namespaces import happens
from hosts.world import World

pytestmark = pytest.mark.hosts

LEAVES = {"leaf1": "/gw1/gw2/leaf1", "leaf2": "/gw1/gw2/leaf2"}
FIRST = LEAVES["leaf1"]
LONG = 1000


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    with new_world() as made:
        first = made.host("gw1", gateway_to="west", own_key=True)
        second = made.host(
            "gw2", segment="west", gateway_to="far", own_key=True, authorized=[first.own_public]
        )
        for leaf in LEAVES:
            made.host(leaf, segment="far", authorized=[second.own_public])
        yield made


@pytest.fixture
def project(world: World, tmp_path: Path, new_project: Callable[..., Path]) -> Path:
    leaves = {"vars": {"word": "hello", "wait": LONG}, "children": {"leaf[1-2]": {}}}
    hierarchy = {"tree": {"gw1": {"children": {"gw2": leaves}}}}
    hosts = {name: {"address": host.address} for name, host in world.hosts.items()}
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": hosts,
        "placements": [{"match": "/**", "host": "{{ node.name }}"}],
    }
    return new_project(tmp_path / "p", hierarchy, inventory, world.known_hosts())


def until(process: Popen[str], *wanted: str) -> None:
    """Read what is said on stderr until all of this has been."""
    assert process.stderr is not None
    left = set(wanted)
    while left:
        line = process.stderr.readline()
        assert line, f"it was never said: {left}"
        left -= {one for one in left if one in line}


def test_ctrl_c_twice_ends_installers_on_the_third_level_and_leaves_nothing_running(
    world: World, project: Path
) -> None:
    apply = world.popen_operator(
        [*RAMIFY, "-C", str(project), "--json", "apply", "-y", "--follow", "/gw1/gw2"]
    )
    until(apply, *(f"{path} install | installing" for path in LEAVES.values()))
    apply.send_signal(signal.SIGINT)
    until(apply, "nothing new is begun")
    apply.send_signal(signal.SIGINT)
    said, _ = apply.communicate(timeout=60)

    assert apply.returncode == 130
    outcomes = {one["path"]: one["outcome"] for one in json.loads(said)["results"]}
    assert outcomes == {"/gw1": "done", "/gw1/gw2": "done", **dict.fromkeys(LEAVES.values(), "failed")}
    for leaf in LEAVES:
        assert programs(world, leaf) == []
    # The initiators, and their supervisors: nobody follows any more.
    happens(lambda: [len(programs(world, name)) for name in ("gw1", "gw2")] == [2, 2], within=10)


def programs(world: World, host: str) -> list[str]:
    """What runs on a host beside its SSH server."""
    found = [" ".join(argv) for _, argv in world.hosts[host].processes()]
    return [line for line in found if not line.startswith("sshd")]


def test_what_the_leaves_say_is_followed_from_their_installers_on(world: World, project: Path) -> None:
    hierarchy = project / "hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text().replace(str(LONG), "0"))
    line = [*RAMIFY, "-C", str(project), "--json", "apply", "-y", "--follow", FIRST]
    done = world.run_operator(line)

    assert json.loads(done.stdout)["counts"]["done"] == 4
    assert [line for line in done.stderr.splitlines() if " | " in line] == [f"{FIRST} install | installing"]
    assert ramify(world, project, "logs", "--install", FIRST)["logs"][0]["text"] == "installing\n"
