"""Whatever is killed in mid-run, the next apply completes the work, and the journal names every state."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from hosts.commands import RAMIFY, leftovers, ramify, story
from hosts.namespaces import happens
from hosts.world import World

pytestmark = pytest.mark.hosts

LEAVES = ("leaf1", "leaf2")
SLOW = 3


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    with new_world() as made:
        gateway = made.host("gw1", gateway_to="west", own_key=True)
        for leaf in LEAVES:
            made.host(leaf, segment="west", authorized=[gateway.own_public])
        yield made


@pytest.fixture
def project(world: World, tmp_path: Path, new_project: Callable[..., Path]) -> Path:
    hierarchy = {"tree": {"gw1": {"vars": {"word": "hello", "wait": SLOW}, "children": {"leaf[1-2]": {}}}}}
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": {name: {"address": host.address} for name, host in world.hosts.items()},
        "placements": [
            {"match": "/gw1", "host": "gw1"},
            {"match": "/gw1/leaf*", "host": "{{ node.name }}"},
        ],
    }
    return new_project(tmp_path / "p", hierarchy, inventory, world.known_hosts())


@pytest.fixture
def running(world: World, project: Path) -> Iterator[Popen[str]]:
    """An apply whose leaves are in the middle of their installers."""
    apply = world.popen_operator([*RAMIFY, "-C", str(project), "--json", "apply", "-y"])
    happens(lambda: all("install.sh" in " ".join(leftovers(world, leaf)) for leaf in LEAVES), within=40)
    yield apply
    apply.kill()
    apply.communicate()


def completes(world: World, project: Path) -> None:
    """The next apply finishes, the one after it has nothing to do, and each leaf runs once."""
    told = ramify(world, project, "apply", "-y")
    assert sum(told["counts"].values()) == 3
    assert told["counts"]["failed"] == told["counts"]["unknown"] == told["counts"]["skipped"] == 0
    assert ramify(world, project, "apply", "-y")["counts"]["unchanged"] == 3
    for leaf in LEAVES:
        assert "says hello" in story(world, leaf)
        assert len([line for line in leftovers(world, leaf) if "beat.sh" in line]) == 1
        journal = next(world.hosts[leaf].path("/root/.ramify/nodes").glob("*/node.json"))
        assert json.loads(journal.read_text())["open"] is None


def test_a_killed_operator(world: World, project: Path, running: Popen[str]) -> None:
    running.kill()

    completes(world, project)


def test_a_killed_initiator(world: World, project: Path, running: Popen[str]) -> None:
    assert world.hosts["gw1"].kill9("run.py")

    said, _ = running.communicate(timeout=60)
    counts = json.loads(said)["counts"]
    assert counts["unknown"] == 2
    assert sum(counts.values()) == 3
    completes(world, project)


def test_a_killed_stub(world: World, project: Path, running: Popen[str]) -> None:
    assert world.hosts["leaf1"].kill9(r"-I -S -c")

    said, _ = running.communicate(timeout=60)
    counts = json.loads(said)["counts"]
    assert counts["done"] == 2
    assert counts["unknown"] == 1
    completes(world, project)
