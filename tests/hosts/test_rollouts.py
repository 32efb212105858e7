"""Rollouts to forty real hosts behind gateways: what goes wrong stops in time, and goes back by digest."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from hosts import projects
from hosts.commands import RAMIFY, leftovers, ramify
from hosts.namespaces import happens
from hosts.world import World

pytestmark = pytest.mark.hosts

GATEWAYS, LEAVES, MOST = 4, 9, 3
ALL = GATEWAYS * (LEAVES + 1)
HEALTHY = "exit 0\n"
ILL = 'case "$RAMIFY_PATH" in */leaf[2468]) echo "this one does not feel well"; exit 1;; esac\n'
HEALTH = "health: {exec: sh healthy.sh, interval: 0.2, retries: 1, start_period: 1}\n"
ROLLOUT = {"waves": [1, "50%", "100%"], "max_fail": MOST, "on_failure": "rollback"}
SLOW = "leaf12"
WAIT = f"test $(hostname) != {SLOW} || until test -e /root/go; do sleep 0.1; done\n"

Standing = dict[str, tuple[str, str, str]]


@pytest.fixture(scope="module")
def world(new_world: Callable[[], World]) -> Iterator[World]:
    with new_world() as made:
        for gw in range(1, GATEWAYS + 1):
            gateway = made.host(f"gw{gw}", gateway_to=f"west{gw}", own_key=True)
            for leaf in range(1, LEAVES + 1):
                made.host(f"leaf{gw}{leaf}", segment=f"west{gw}", authorized=[gateway.own_public])
        yield made


@pytest.fixture(scope="module")
def project(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, with its first version on all hosts."""
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": {name: {"address": host.address} for name, host in world.hosts.items()},
        "placements": [
            {"match": "/gw*", "host": "{{ node.name }}"},
            {"match": "/gw*/leaf*", "host": "leaf{{ parent.name[2:] }}{{ node.name[4:] }}"},
        ],
    }
    folder = tmp_path_factory.mktemp("project") / "p"
    made = projects.write(folder, hierarchy(), inventory, world.known_hosts())
    with (made / "beat/component.yml").open("a") as file:
        file.write(HEALTH)
    release(made, "first", HEALTHY)
    assert ramify(world, made, "apply", "-y")["counts"]["done"] == ALL
    return made


def hierarchy(**rollout: Any) -> dict[str, Any]:
    children: dict[str, Any] = {f"leaf[1-{LEAVES}]": {}}
    tree = {f"gw[1-{GATEWAYS}]": {"vars": {"word": "hello"}, "children": children}}
    return {"rollout": {**ROLLOUT, **rollout}, "tree": tree}


def release(project: Path, version: str, health: str, install: str = "") -> None:
    """Another version of the component: how its health is, and what its installer does at last."""
    beat = project / "beat"
    (beat / "healthy.sh").write_text(health)
    (beat / "install.sh").write_text(f"{projects.INSTALL}echo {version} > version\n{install}")


def told_by_hosts(world: World) -> Standing:
    """How every node stands, by the journals on the hosts themselves."""
    found = {}
    for host in world.hosts.values():
        for file in host.path("/root/.ramify/nodes").glob("*/node.json"):
            node = json.loads(file.read_text())
            assert node["open"] is None
            found[node["path"]] = (node["environment"], node["service"], node["digest"])
    return found


def looked_at(world: World, project: Path) -> Standing:
    """How every node stands, as the operator sees it when it has all initiators look."""
    nodes = ramify(world, project, "status", "--refresh")["nodes"]
    return {node["path"]: (node["environment"], node["service"], node["digest"]) for node in nodes}


def beats(world: World) -> int:
    return sum("beat.sh" in line for host in world.hosts for line in leftovers(world, host))


def state_of_the_last(world: World, project: Path) -> str:
    told: str = ramify(world, project, "rollout", "status")["rollout"]["state"]
    return told


def test_a_version_that_is_ill_on_some_nodes_stops_within_its_limit_and_is_taken_back(
    world: World, project: Path, before: Standing
) -> None:
    assert len(before) == ALL
    release(project, "ill", ILL)

    told = ramify(world, project, "apply", "-y", status=5)

    assert 1 <= told["counts"]["failed"] <= MOST
    assert sum(told["counts"].values()) == len(told["results"]) == ALL
    assert told["halted"]["action"] == "rollback"
    begun = {one["path"] for one in told["results"] if one["outcome"] == "done"}
    ill = {one["path"] for one in told["results"] if one["outcome"] == "failed"}
    # Those that were ill have gone back by themselves.
    assert all(re.search(r"leaf[2468]$", path) for path in ill)
    assert begun == {one["path"] for one in told["rollback"]["results"] if one["outcome"] == "done"}
    assert (told["rollback"]["left"], told["rollback"]["why"]) == ([], [])
    assert told_by_hosts(world) == looked_at(world, project) == before
    assert beats(world) == GATEWAYS * LEAVES
    assert state_of_the_last(world, project) == "rolled back"


@pytest.fixture
def before(world: World, project: Path) -> Standing:
    """How all nodes stand before a test."""
    del project
    return told_by_hosts(world)


@pytest.fixture
def waiting(
    world: World, project: Path, before: Standing, request: pytest.FixtureRequest
) -> Iterator[Popen[str]]:
    """An apply that has come to a leaf whose installer waits, in the second wave of the first wave."""
    assert len(before) == ALL
    go = world.hosts[SLOW].path("/root/go")
    go.unlink(missing_ok=True)
    # A version of its own: installers of releases that hosts have kept do not run again.
    release(project, request.node.name, HEALTHY, WAIT)
    apply = world.popen_operator([*RAMIFY, "-C", str(project), "--json", "apply", "-y"])
    assert happens(lambda: any("install.sh" in line for line in leftovers(world, SLOW)), within=60)
    yield apply
    go.touch()
    apply.kill()
    apply.communicate()


def test_an_initiator_killed_in_a_wave_stops_it_and_all_goes_back(
    world: World, project: Path, before: Standing, waiting: Popen[str]
) -> None:
    assert world.hosts["gw1"].kill9("run.py")
    world.hosts[SLOW].path("/root/go").touch()
    said, problems = waiting.communicate(timeout=120)

    assert waiting.returncode == 5, said + problems
    told = json.loads(said)
    assert told["counts"]["unknown"] > 0
    assert sum(told["counts"].values()) == ALL
    assert told["rollback"]["left"] == []
    assert told_by_hosts(world) == looked_at(world, project) == before
    assert beats(world) == GATEWAYS * LEAVES


def test_the_rollout_of_a_killed_operator_is_interrupted_and_resumed(
    world: World, project: Path, waiting: Popen[str], request: pytest.FixtureRequest
) -> None:
    assert state_of_the_last(world, project) == "running"

    waiting.kill()
    waiting.communicate()

    assert state_of_the_last(world, project) == "interrupted"
    world.hosts[SLOW].path("/root/go").touch()
    release(project, "later", "this is of no concern to a run that goes on\n")
    resumed = ramify(world, project, "rollout", "resume")
    assert resumed["counts"]["done"] + resumed["counts"]["unchanged"] == ALL
    assert state_of_the_last(world, project) == "done"
    release(project, request.node.name, HEALTHY, WAIT)
    assert ramify(world, project, "plan")["summary"]["unchanged"] == ALL
    assert beats(world) == GATEWAYS * LEAVES
