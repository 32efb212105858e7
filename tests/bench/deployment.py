"""A first deployment of fifty flat hosts with real sshd, against one connection and one exec per host.

The floor does with a shell script and asyncssh what any deployer must: carry the bytes over on stdin, unpack,
run the installer, start the agent in the background. Then a second apply, which contacts nobody.

Counted is the CPU of the operator's process and of all that runs on the hosts (sshd, shells, installers, and
agents until they have come up), the same for both. Each measurement has fifty new hosts, which nobody has
used, and who goes first changes from round to round.
"""

import base64
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import measure
from hosts.namespaces import unavailable
from hosts.world import World

HOSTS = 50
ROUNDS = 4

ROOT = Path(__file__).parents[2]
AGENT = (ROOT / "collections" / "demo" / "monitor" / "agent" / "agent.py").read_text()
INSTALL = "#!/bin/sh\nset -e\nmkdir -p state\necho installed > state/installed\n"
SETTINGS = {"INTERVAL": "600", "PARENT_PORT": "9"}

FLOOR = """
import asyncio, asyncssh, json, sys
work = json.load(open(sys.argv[1]))
async def one(address, gate, known, key):
    async with gate:
        how = dict(username="root", known_hosts=known, client_keys=[key], config=None)
        async with asyncssh.connect(address, **how) as link:
            await link.run("sh -s", input=work["script"], check=True)
async def main():
    gate = asyncio.Semaphore(32)
    known = asyncssh.import_known_hosts(work["known_hosts"])
    key = asyncssh.read_private_key(work["key"])
    await asyncio.gather(*(one(address, gate, known, key) for address in work["addresses"]))
asyncio.run(main())
"""


def script() -> str:
    """All that one host needs, as one shell script."""
    install, agent = (base64.b64encode(text.encode()).decode() for text in (INSTALL, AGENT))
    settings = {**SETTINGS, "RAMIFY_PARENT_ADDRESS": "127.0.0.1", "RAMIFY_PATH": "/leaf"}
    env = " ".join(f"{name}={value}" for name, value in settings.items())
    return f"""set -e
mkdir -p /root/floor && cd /root/floor
echo {install} | base64 -d > install; echo {agent} | base64 -d > agent.py; chmod 755 install
./install
{env} setsid python3 -I agent.py >log 2>&1 </dev/null &
"""


def project(folder: Path, world: World) -> None:
    """The same for Ramify."""
    code = folder / "agent"
    code.mkdir(parents=True)
    (code / "agent.py").write_text(AGENT)
    (code / "install").write_text(INSTALL)
    (code / "install").chmod(0o755)
    hosts = {name: {"address": host.address} for name, host in world.hosts.items()}
    texts: dict[str, Any] = {
        "agent/component.yml": {
            "name": "bench.agent",
            "install": ["./install"],
            "start": ["{python}", "-I", "agent.py"],
        },
        "ramify.yml": {
            "project": "bench",
            "hierarchy": "hierarchy.yml",
            "inventory": "inventory.yml",
            "repository": "repository.yml",
        },
        "hierarchy.yml": {"tree": {f"leaf[1-{HOSTS}]": {}}},
        "repository.yml": {
            "code": [{"match": "/leaf*", "ref": "agent"}],
            "service-config": [{"match": "/leaf*", "ref": "service.yml"}],
        },
        "service.yml": {"env": {**SETTINGS, "NAME": "{{ node.name }}"}},
        "inventory.yml": {
            "defaults": {"user": "root"},
            "known_hosts": "known_hosts",
            "hosts": hosts,
            "placements": [{"match": "/leaf*", "host": "leaf{{ node.index }}"}],
        },
    }
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value))
    (folder / "known_hosts").write_text(world.known_hosts())


def measured(which: str) -> tuple[measure.Cost, measure.Cost]:
    """What the floor or Ramify costs on fifty new hosts, and what it costs once more."""
    with tempfile.TemporaryDirectory() as name, measure.account() as within:
        folder = Path(name)
        with World(folder / "world") as world:
            argv = _ready(folder, world)[which]
            first = measure.command(argv, world.popen_operator, within)
            return first, measure.command(argv, world.popen_operator, within)


def _ready(folder: Path, world: World) -> dict[str, list[str]]:
    """Fifty hosts, and the command lines of the floor and of Ramify."""
    for index in range(1, HOSTS + 1):
        world.host(f"leaf{index}")
    work = {
        "addresses": [host.address for host in world.hosts.values()],
        "known_hosts": world.known_hosts(),
        "key": str(world.key.file),
        "script": script(),
    }
    (folder / "work.json").write_text(json.dumps(work))
    project(folder / "project", world)
    ramify = [sys.executable, "-m", "ramify", "-C", str(folder / "project"), "apply", "-y"]
    return {"floor": [sys.executable, "-c", FLOOR, str(folder / "work.json")], "ramify": ramify}


def report() -> None:
    """Print the figures."""
    reason = unavailable()
    if reason:
        print(f"first deployment of {HOSTS} hosts: left out, {reason}\n")
        return
    floors, firsts, agains = [], [], []
    for number in range(ROUNDS):
        costs = {which: measured(which) for which in sorted(("floor", "ramify"), reverse=number % 2 == 1)}
        floors.append(costs["floor"][0])
        firsts.append(costs["ramify"][0])
        agains.append(costs["ramify"][1])
    print(f"first deployment of {HOSTS} flat hosts, an installer and the demo's agent, median of {ROUNDS}")
    print(measure.line("  floor: asyncssh, one exec, bytes on stdin", measure.median(floors)))
    print(measure.line("  ramify apply", measure.median(firsts)))
    print(measure.line("  ramify apply again (contacts nobody)", measure.median(agains)))
    wall, cpu = (_ratio(firsts, floors, figure) for figure in ("wall", "all_cpu"))
    print(f"  ratio to the floor: {wall} wall, {cpu} cpu with hosts\n")


def _ratio(firsts: list[measure.Cost], floors: list[measure.Cost], figure: str) -> str:
    """The median of the rounds' own ratios: both halves of a round saw about the same machine."""
    pairs = zip(firsts, floors, strict=True)
    ratios = sorted(getattr(first, figure) / getattr(floor, figure) for first, floor in pairs)
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
