"""The main job on real sshd: gateways deploy leaves that nobody else can reach."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts import projects
from hosts.commands import RAMIFY, leftovers, ramify, story
from hosts.namespaces import happens
from hosts.world import World

pytestmark = pytest.mark.hosts

HIERARCHY = {
    "tree": {
        "gw[1-2]": {
            "vars": {"word": "hello"},
            "children": {"leaf[1-2]": {}},
        }
    }
}


@pytest.fixture(scope="module")
def fleet(new_world: Callable[[], World]) -> Iterator[World]:
    with new_world() as world:
        for index in (1, 2):
            gateway = world.host(f"gw{index}", gateway_to=f"west{index}", own_key=True)
            for leaf in (1, 2):
                world.host(f"leaf{index}{leaf}", segment=f"west{index}", authorized=[gateway.own_public])
        yield world


@pytest.fixture(scope="module")
def project(fleet: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    hosts = {name: {"address": host.address} for name, host in fleet.hosts.items()}
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": hosts,
        "placements": [
            {"match": "/gw*", "host": "{{ node.name }}"},
            {"match": "/gw*/leaf*", "host": "leaf{{ parent.name[2:] }}{{ node.name[4:] }}"},
        ],
    }
    return projects.write(tmp_path_factory.mktemp("project") / "p", HIERARCHY, inventory, fleet.known_hosts())


def set_word(project: Path, path: str, word: str) -> None:
    hierarchy = json.loads((project / "hierarchy.yml").read_text())
    children = hierarchy["tree"].pop("gw[1-2]", None)
    if children is not None:
        hierarchy["tree"] = {f"gw{i}": json.loads(json.dumps(children)) for i in (1, 2)}
    hierarchy["tree"][path]["vars"]["word"] = word
    (project / "hierarchy.yml").write_text(json.dumps(hierarchy))


def test_leaves_that_only_their_gateway_reaches_are_deployed_by_it(fleet: World, project: Path) -> None:
    told = ramify(fleet, project, "apply", "-y")

    assert told["counts"] == {
        "done": 6,
        "unchanged": 0,
        "failed": 0,
        "offline": 0,
        "skipped": 0,
        "unknown": 0,
    }
    for index in (1, 2):
        gateway = fleet.hosts[f"gw{index}"]
        assert set(gateway.logins()) == {fleet.address}
        for leaf in (1, 2):
            host = f"leaf{index}{leaf}"
            assert set(fleet.hosts[host].logins()) == {gateway.address_in(f"west{index}")}
            assert f"/gw{index}/leaf{leaf} on {host} under /gw{index}" in story(fleet, host)
            assert f"at {gateway.address} says hello" in story(fleet, host)


def test_a_second_apply_has_nothing_to_do_and_contacts_nobody(fleet: World, project: Path) -> None:
    before = {name: len(host.logins()) for name, host in fleet.hosts.items()}

    assert ramify(fleet, project, "plan")["summary"] == {"add": 0, "change": 0, "destroy": 0, "unchanged": 6}
    assert ramify(fleet, project, "apply", "-y")["counts"]["unchanged"] == 6
    assert {name: len(host.logins()) for name, host in fleet.hosts.items()} == before


def test_a_changed_variable_touches_only_its_branch(fleet: World, project: Path) -> None:
    before = {name: len(host.logins()) for name, host in fleet.hosts.items()}
    set_word(project, "gw1", "goodbye")

    planned = ramify(fleet, project, "plan")
    touched = [node["path"] for node in planned["nodes"] if node["action"] != "unchanged"]
    assert touched == ["/gw1/leaf1", "/gw1/leaf2"]
    assert ramify(fleet, project, "apply", "-y")["counts"]["done"] == 2
    after = {name: len(host.logins()) for name, host in fleet.hosts.items()}
    assert {name for name in after if after[name] != before[name]} == {"gw1", "leaf11", "leaf12"}
    assert "says goodbye" in story(fleet, "leaf11")
    assert "stopped" in story(fleet, "leaf11")


def test_a_killed_service_is_noticed_and_repaired(fleet: World, project: Path) -> None:
    assert fleet.hosts["leaf21"].kill9("beat.sh")

    seen = ramify(fleet, project, "status", "--refresh")
    states = {node["path"]: node["service"] for node in seen["nodes"]}
    assert states["/gw2/leaf1"] == "configured"
    assert states["/gw2/leaf2"] == "active"
    assert ramify(fleet, project, "apply", "-y")["counts"]["done"] == 1
    assert fleet.hosts["leaf21"].processes()
    assert ramify(fleet, project, "apply", "-y")["counts"]["unchanged"] == 6


def test_a_lost_directory_is_rebuilt_from_below(fleet: World, project: Path) -> None:
    for file in (project / ".ramify").glob("directory.db*"):
        file.unlink()

    ramify(fleet, project, "status", "--refresh")
    assert ramify(fleet, project, "plan")["summary"] == {"add": 0, "change": 0, "destroy": 0, "unchanged": 6}


def test_a_dead_initiator_is_started_again_and_finishes_the_work(fleet: World, project: Path) -> None:
    assert fleet.hosts["gw2"].kill9("run.py")
    set_word(project, "gw2", "again")

    assert ramify(fleet, project, "apply", "-y")["counts"]["done"] >= 2
    assert "says again" in story(fleet, "leaf22")
    assert ramify(fleet, project, "apply", "-y")["counts"]["unchanged"] == 6


def test_an_offline_leaf_is_told_apart_and_the_others_go_on(fleet: World, project: Path) -> None:
    set_word(project, "gw1", "third")
    fleet.hosts["leaf12"].cut()

    told = ramify(fleet, project, "apply", "-y", status=4)
    assert told["counts"]["offline"] == 1
    assert told["counts"]["done"] == 1
    assert sum(told["counts"].values()) == 6
    fleet.hosts["leaf12"].join()
    happens(lambda: fleet.hosts["gw1"].ssh(fleet.hosts["leaf12"].address, "true").returncode == 0)
    assert ramify(fleet, project, "apply", "-y")["counts"]["done"] == 1


def test_an_operator_killed_in_mid_run_leaves_work_that_the_next_apply_finishes(
    fleet: World, project: Path
) -> None:
    set_word(project, "gw1", "fourth")
    set_word(project, "gw2", "fourth")
    running = fleet.popen_operator([*RAMIFY, "-C", str(project), "apply", "-y"], stderr=subprocess.STDOUT)
    happens(lambda: "fourth" in story(fleet, "leaf11") or running.poll() is not None)
    running.kill()
    running.wait()

    told = ramify(fleet, project, "apply", "-y")
    assert sum(told["counts"].values()) == 6
    assert told["counts"]["failed"] == told["counts"]["unknown"] == 0
    for leaf in ("leaf11", "leaf12", "leaf21", "leaf22"):
        assert story(fleet, leaf).rstrip().endswith("says fourth")
    assert ramify(fleet, project, "apply", "-y")["counts"]["unchanged"] == 6


def test_a_change_that_fails_behind_one_gateway_is_taken_back_behind_both(
    fleet: World, project: Path
) -> None:
    before = (project / "hierarchy.yml").read_text()
    stood = {node["path"]: node["digest"] for node in ramify(fleet, project, "status")["nodes"]}
    words = [story(fleet, name).split()[-1] for name in ("leaf11", "leaf12", "leaf21", "leaf22")]
    for gateway in ("gw1", "gw2"):
        set_word(project, gateway, "rash")
    hierarchy = json.loads((project / "hierarchy.yml").read_text())
    hierarchy["rollout"] = {"waves": [1, "100%"], "on_failure": "rollback"}
    hierarchy["tree"]["gw2"]["vars"]["wait"] = "no time at all"
    (project / "hierarchy.yml").write_text(json.dumps(hierarchy))

    told = ramify(fleet, project, "apply", "-y", status=5)

    assert (told["counts"]["failed"], told["counts"]["skipped"]) == (1, 1)
    assert told["rollback"]["left"] == []
    looked = ramify(fleet, project, "status", "--refresh")["nodes"]
    assert {node["path"]: node["digest"] for node in looked} == stood
    assert {node["service"] for node in looked} == {"active"}
    assert [story(fleet, name).split()[-1] for name in ("leaf11", "leaf12", "leaf21", "leaf22")] == words
    (project / "hierarchy.yml").write_text(before)


def test_what_leaves_the_hierarchy_leaves_its_hosts_without_a_trace(fleet: World, project: Path) -> None:
    (project / "hierarchy.yml").write_text(
        json.dumps({"tree": {"gw1": {"vars": {"word": "fourth"}, "children": {"leaf1": {}}}}})
    )

    told = ramify(fleet, project, "apply", "-y")
    assert told["counts"]["failed"] == told["counts"]["unknown"] == 0
    for name in ("leaf12", "leaf21", "leaf22", "gw2"):
        assert not fleet.hosts[name].path("/root/.ramify").exists()
        assert not leftovers(fleet, name)
    assert ramify(fleet, project, "plan")["summary"] == {"add": 0, "change": 0, "destroy": 0, "unchanged": 2}
