"""How an initiator proves itself to its children, and whom it believes, on real sshd."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.commands import ramify, story
from hosts.world import World

pytestmark = pytest.mark.hosts

HIERARCHY = {"tree": {"gw[1-1]": {"vars": {"word": "hello"}, "children": {"leaf[1-1]": {}}}}}


def inventory(world: World, **defaults: str) -> dict[str, object]:
    return {
        "defaults": {"user": "root", **defaults},
        "hosts": {name: {"address": host.address} for name, host in world.hosts.items()},
        "placements": [
            {"match": "/gw*", "host": "gw1"},
            {"match": "/gw*/leaf*", "host": "leaf1"},
        ],
    }


def test_an_initiator_without_a_key_uses_the_forwarded_agent(
    new_world: Callable[[], World], new_project: Callable[..., Path], tmp_path: Path
) -> None:
    with new_world() as world:
        world.host("gw1", gateway_to="west")
        leaf = world.host("leaf1", segment="west", authorized=[world.public_key])
        project = new_project(tmp_path / "p", HIERARCHY, inventory(world), world.known_hosts())

        told = ramify(world, project, "apply", "-y", env=world.agent())

        assert told["counts"]["done"] == 2
        assert leaf.logins() == [world.hosts["gw1"].address_in("west")]
        assert not world.hosts["gw1"].path("/root/.ssh/id_ed25519").exists()
        assert "says hello" in story(world, "leaf1")


def test_without_an_agent_the_refused_login_says_what_was_offered(
    new_world: Callable[[], World], new_project: Callable[..., Path], tmp_path: Path
) -> None:
    with new_world() as world:
        world.host("gw1", gateway_to="west")
        world.host("leaf1", segment="west", authorized=[world.public_key])
        project = new_project(tmp_path / "p", HIERARCHY, inventory(world), world.known_hosts())

        told = ramify(world, project, "apply", "-y", status=2)

        [failed] = [result for result in told["results"] if result["outcome"] == "failed"]
        assert failed["path"] == "/gw1/leaf1"
        assert "agent" in failed["message"] + failed["detail"]
        assert not world.hosts["leaf1"].path("/root/.ramify").exists()


def test_a_leaf_with_another_host_key_than_the_inventory_says_is_not_touched(
    new_world: Callable[[], World], new_project: Callable[..., Path], tmp_path: Path
) -> None:
    with new_world() as world:
        gateway = world.host("gw1", gateway_to="west", own_key=True)
        leaf = world.host("leaf1", segment="west", authorized=[gateway.own_public])
        lines = world.known_hosts().splitlines()
        other = gateway.public_key
        forged = [f"{leaf.address} {other}" if line.split()[0] == leaf.address else line for line in lines]
        project = new_project(tmp_path / "p", HIERARCHY, inventory(world, auth="key"), "\n".join(forged))

        told = ramify(world, project, "apply", "-y", status=2)

        [failed] = [result for result in told["results"] if result["outcome"] == "failed"]
        assert "host key" in failed["message"].lower()
        assert leaf.logins() == []


def test_an_interpreter_that_has_ramify_makes_a_runtime_needless(
    new_world: Callable[[], World], new_project: Callable[..., Path], tmp_path: Path
) -> None:
    with new_world() as world:
        gateway = world.host("gw1", gateway_to="west", own_key=True, bare=False)
        world.host("leaf1", segment="west", authorized=[gateway.own_public])
        hierarchy = {
            "tree": {
                "gw[1-1]": {
                    "vars": {"word": "hello", "interpreter": sys.executable},
                    "children": {"leaf[1-1]": {}},
                }
            }
        }
        project = new_project(tmp_path / "p", hierarchy, inventory(world, auth="key"), world.known_hosts())

        assert ramify(world, project, "apply", "-y")["counts"]["done"] == 2
        assert not world.hosts["gw1"].path("/root/.ramify/trees").exists()
        assert "says hello" in story(world, "leaf1")
