"""Two domains in one hierarchy on real sshd: one of files, one behind gateways that only its initiator sees.

The operator has a route to `gw1` alone. What is below /gwma/gw9 is another project: its repository server and
its hosts stand in a segment that nobody but `m9` is connected to.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts import namespaces, projects
from hosts.commands import RAMIFY, leftovers, ramify, story
from hosts.world import World

pytestmark = pytest.mark.hosts

PORT = 8086
MOUNT = "/gwma/gw9"
THERE = [f"{MOUNT}/leaf1", f"{MOUNT}/leaf2"]
HERE = ["/gwma", "/gwma/gw7", "/gwma/gw7/leaf1", MOUNT]
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


@pytest.fixture(scope="module", name="fleet")
def _fleet(new_world: Callable[[], World]) -> Iterator[World]:
    with new_world() as world:
        gw1 = world.host("gw1", gateway_to="west", own_key=True)
        m7 = world.host("m7", segment="west", own_key=True, authorized=[gw1.own_public])
        world.host("leaf71", segment="west", authorized=[m7.own_public])
        m9 = world.host("m9", segment="west", gateway_to="deep", own_key=True, authorized=[gw1.own_public])
        for name in ("leaf91", "leaf92"):
            world.host(name, segment="deep", authorized=[m9.own_public])
        yield world


@pytest.fixture(scope="module", name="domain")
def _domain(fleet: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that is planned there."""
    names = ("leaf91", "leaf92")
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": {name: {"address": fleet.hosts[name].address} for name in names},
        "placements": [{"match": "/leaf*", "host": "leaf9{{ node.index }}"}],
    }
    tree = {"tree": {"leaf[1-2]": {"vars": {"word": "nine"}}}}
    known = "".join(fleet.hosts[name].known_hosts for name in names)
    folder = projects.write(tmp_path_factory.mktemp("domain") / "m9", tree, inventory, known)
    # Code that nobody else has: it comes from the domain's own server.
    (folder / "beat/beat.sh").write_text(f"{projects.BEAT}# of m9\n")
    return folder


@pytest.fixture(scope="module", name="server")
def _server(fleet: World, domain: Path) -> "Iterator[subprocess.Popen[str]]":
    """`ramify repo serve` of that project, in the network of one of its hosts."""
    host = fleet.hosts["leaf92"]
    with namespaces.births_in(host.holder):
        process = subprocess.Popen(
            [
                *namespaces.entering(host.holder, "net"),
                *(*RAMIFY, "-C", str(domain), "repo", "serve", "--host", host.address, "--port", str(PORT)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any(line.startswith("Serving the repository") for line in lines)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module", name="project")
def _project(
    fleet: World,
    server: "subprocess.Popen[str]",
    tmp_path_factory: pytest.TempPathFactory,
    new_project: Callable[..., Path],
) -> Path:
    assert server.poll() is None
    folder = tmp_path_factory.mktemp("project") / "p"
    url = f"http://{fleet.hosts['leaf92'].address}:{PORT}/"
    hierarchy = {
        "tree": {
            "gwma": {
                "children": {
                    "gw7": {"domain": {"repository": "m7/repository.yml", "hierarchy": "m7/hierarchy.yml"}},
                    "gw9": {"domain": {"server": url, "planned": "there"}},
                }
            }
        }
    }
    names = ("gw1", "m7", "m9", "leaf71")
    inventory = {
        "defaults": {"user": "root", "auth": "key"},
        "hosts": {name: {"address": fleet.hosts[name].address} for name in names},
        "placements": [
            {"match": "/gwma", "host": "gw1"},
            {"match": "/gwma/gw[7-9]", "host": "m{{ node.name[2:] }}"},
            {"match": "/gwma/gw7/leaf1", "host": "leaf71"},
        ],
    }
    known = "".join(fleet.hosts[name].known_hosts for name in names)
    new_project(folder, hierarchy, inventory, known)
    projects.write(folder / "m7", {"tree": {"leaf1": {"vars": {"word": "seven"}}}}, inventory, known)
    return folder


def changed(told: dict[str, list[dict[str, str]]]) -> list[str]:
    return [node["path"] for node in told["nodes"] if node["action"] != "unchanged"]


def set_word(domain: Path, word: str) -> None:
    (domain / "hierarchy.yml").write_text(json.dumps({"tree": {"leaf[1-2]": {"vars": {"word": word}}}}))


def test_nobody_but_its_initiator_has_a_way_there(fleet: World, project: Path) -> None:
    assert project.exists()
    server = fleet.hosts["leaf92"].address
    tried = [sys.executable, "-c", CONNECT, server, str(PORT)]

    assert fleet.run_operator(tried).returncode != 0
    assert fleet.hosts["gw1"].exec(["python3", *tried[1:]]).returncode != 0
    assert fleet.hosts["m9"].exec(["python3", *tried[1:]]).returncode == 0


def test_it_is_valid_and_says_who_plans_what(fleet: World, project: Path) -> None:
    done = fleet.run_operator([*RAMIFY, "-C", str(project), "validate"])

    assert done.returncode == 0, done.stdout + done.stderr
    assert MOUNT in done.stdout + done.stderr


def test_before_its_initiator_runs_what_is_below_is_open(fleet: World, project: Path) -> None:
    told = ramify(fleet, project, "plan")
    text = fleet.run_operator([*RAMIFY, "-C", str(project), "plan"]).stdout

    assert sorted(changed(told)) == sorted(HERE)
    assert told["open"] == [{"path": MOUNT, "why": ""}]
    assert f"? below {MOUNT}: planned there once its initiator runs" in text
    assert not fleet.hosts["gw1"].logins()


def test_one_apply_brings_up_both_domains(fleet: World, project: Path) -> None:
    told = ramify(fleet, project, "apply", "-y")

    assert {result["path"]: result["outcome"] for result in told["results"]} == dict.fromkeys(
        HERE + THERE, "done"
    )
    assert told["counts"]["done"] == 6
    assert told["others"] == []
    for name, index in (("leaf91", 1), ("leaf92", 2)):
        assert set(fleet.hosts[name].logins()) == {fleet.hosts["m9"].address_in("deep")}
        assert f"{MOUNT}/leaf{index} on {name} under {MOUNT}" in story(fleet, name)
        assert "says nine" in story(fleet, name)
    assert "says seven" in story(fleet, "leaf71")


def test_then_there_is_one_tree_and_nothing_to_do(fleet: World, project: Path) -> None:
    told = ramify(fleet, project, "plan")

    assert sorted(node["path"] for node in told["nodes"]) == sorted(HERE + THERE)
    assert (changed(told), told["open"], list(told["domains"])) == ([], [], [MOUNT])
    asked = len(fleet.hosts["gw1"].logins())
    assert ramify(fleet, project, "plan", "/gwma/gw7")["open"] == []
    assert len(fleet.hosts["gw1"].logins()) == asked
    before = len(fleet.hosts["leaf91"].logins())
    assert ramify(fleet, project, "apply", "-y")["counts"]["unchanged"] == 6
    assert len(fleet.hosts["leaf91"].logins()) == before


def test_status_shows_what_is_below(fleet: World, project: Path) -> None:
    recorded = {node["path"]: node for node in ramify(fleet, project, "status")["nodes"]}
    found = {node["path"]: node for node in ramify(fleet, project, "status", "--refresh")["nodes"]}

    assert set(recorded) == set(found) == set(HERE + THERE)
    assert {node["service"] for node in found.values()} == {"active"}
    assert [recorded[path]["in_sync"] for path in (*HERE, *THERE)] == [True] * 4 + [None] * 2
    assert {node["in_sync"] for node in found.values()} == {True}


def test_a_variable_of_the_domains_project_changes_its_nodes_only(
    fleet: World, project: Path, domain: Path
) -> None:
    set_word(domain, "changed")
    seven = story(fleet, "leaf71")

    told = ramify(fleet, project, "plan")
    assert changed(told) == THERE
    assert [change["after"] for change in told["nodes"][-1]["changes"]] == ["changed"]
    assert changed(ramify(fleet, project, "plan", THERE[0])) == THERE[:1]
    applied = ramify(fleet, project, "apply", "-y")
    assert (applied["counts"]["done"], applied["counts"]["unchanged"]) == (2, 4)
    assert "says changed" in story(fleet, "leaf91")
    assert story(fleet, "leaf71") == seven
    assert changed(ramify(fleet, project, "plan")) == []


def test_without_the_server_the_last_copy_does_and_that_is_said(
    fleet: World, project: Path, server: "subprocess.Popen[str]"
) -> None:
    server.kill()
    server.wait()

    done = fleet.run_operator([*RAMIFY, "-C", str(project), "plan"])

    assert "No changes." in done.stdout
    assert f"{MOUNT}: planned from the copy of http://" in done.stderr


def test_a_domain_that_leaves_the_hierarchy_leaves_its_hosts_without_a_trace(
    fleet: World, project: Path
) -> None:
    hierarchy = json.loads((project / "hierarchy.yml").read_text())
    del hierarchy["tree"]["gwma"]["children"]["gw9"]
    (project / "hierarchy.yml").write_text(json.dumps(hierarchy))

    told = ramify(fleet, project, "apply", "-y")

    assert told["counts"]["failed"] == told["counts"]["unknown"] == told["counts"]["skipped"] == 0
    for name in ("leaf91", "leaf92", "m9"):
        assert not fleet.hosts[name].path("/root/.ramify").exists()
        assert not leftovers(fleet, name)
    assert ramify(fleet, project, "plan")["summary"] == {"add": 0, "change": 0, "destroy": 0, "unchanged": 3}
