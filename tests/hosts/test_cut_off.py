"""Changes that cut a host off from its parent revert by themselves, and the run says so."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.commands import leftovers, ramify, story
from hosts.namespaces import happens
from hosts.world import World

pytestmark = pytest.mark.hosts

LET_THROUGH = "hello"
# What either a service or its installer does: the firewall is as the configuration says, whatever it was.
RULES = """PATH=$PATH:/usr/sbin:/sbin
nft delete table inet cut 2>/dev/null
[ "$WORD" = hello ] || nft "add table inet cut
add chain inet cut input { type filter hook input priority 0; }
add rule inet cut input ip saddr $WORD drop"
"""
WHERE = {"start": "beat.sh", "install": "install.sh"}


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    with new_world() as made:
        gateway = made.host("gw1", gateway_to="west", own_key=True)
        for leaf in ("leaf1", "leaf2"):
            made.host(leaf, segment="west", authorized=[gateway.own_public])
        yield made


@pytest.fixture
def write(world: World, tmp_path: Path, new_project: Callable[..., Path]) -> Callable[[str], Path]:
    """Write a project whose leaves set the rules of their hosts when they are started, or installed."""
    return lambda where: _write(world, tmp_path, where, new_project)


def _write(world: World, folder: Path, where: str, new_project: Callable[..., Path]) -> Path:
    leaves = {name: {"vars": {"word": LET_THROUGH}} for name in ("leaf1", "leaf2")}
    hierarchy = {"tree": {"gw1": {"vars": {"word": LET_THROUGH}, "children": leaves}}}
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": {name: {"address": host.address} for name, host in world.hosts.items()},
        "placements": [{"match": "/gw1", "host": "gw1"}, {"match": "/gw1/leaf*", "host": "{{ node.name }}"}],
    }
    project = new_project(folder / "p", hierarchy, inventory, world.known_hosts())
    script = project / "beat" / WHERE[where]
    script.write_text(script.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{RULES}"))
    (project / "install.yml").write_text('env: {WHO: x, WAIT: "0", WORD: "{{ vars.word }}"}')
    return project


def set_word(project: Path, leaf: str, word: str) -> None:
    hierarchy = json.loads((project / "hierarchy.yml").read_text())
    hierarchy["tree"]["gw1"]["children"][leaf]["vars"]["word"] = word
    (project / "hierarchy.yml").write_text(json.dumps(hierarchy))


@pytest.mark.parametrize("where", WHERE)
def test_a_change_that_cuts_a_host_off_from_its_parent_reverts_by_itself(
    world: World, write: Callable[[str], Path], where: str
) -> None:
    project = write(where)
    ramify(world, project, "apply", "-y")
    parent = world.hosts["gw1"].address_in("west")
    set_word(project, "leaf1", parent)
    set_word(project, "leaf2", "10.9.9.9")

    told = ramify(world, project, "apply", "-y", "--confirm-timeout", "4", status=5)

    results = {result["path"]: result for result in told["results"]}
    assert results["/gw1/leaf1"]["message"] == "reverted: /gw1/leaf1: not confirmed within 4 s"
    assert [results[path]["reverted"] for path in results] == [False, True, False]
    assert [results[path]["outcome"] for path in results] == ["unchanged", "failed", "done"]
    assert story(world, "leaf1").splitlines()[-1].endswith("says hello")
    assert story(world, "leaf2").splitlines()[-1].endswith("says 10.9.9.9")
    assert len([line for line in leftovers(world, "leaf1") if "beat.sh" in line]) == 1
    seen = {node["path"]: node for node in ramify(world, project, "status", "--refresh")["nodes"]}
    assert seen["/gw1/leaf1"]["service"] == "active"
    assert seen["/gw1/leaf1"]["problem"] == "reverted: not confirmed within 4 s"

    set_word(project, "leaf1", "10.9.9.9")
    assert ramify(world, project, "apply", "-y")["counts"]["done"] == 1
    assert happens(lambda: "says 10.9.9.9" in story(world, "leaf1"))


def test_a_first_deployment_costs_one_login_and_a_change_two(
    world: World, write: Callable[[str], Path]
) -> None:
    project = write("start")
    ramify(world, project, "apply", "-y")
    first = len(world.hosts["leaf1"].logins())
    set_word(project, "leaf1", "10.9.9.9")
    ramify(world, project, "apply", "-y")
    second = len(world.hosts["leaf1"].logins())
    set_word(project, "leaf1", LET_THROUGH)
    ramify(world, project, "apply", "-y", "--no-magic-rollback")

    assert (first, second - first, len(world.hosts["leaf1"].logins()) - second) == (1, 2, 1)
    assert [line for line in leftovers(world, "leaf1") if "beat.sh" in line]
