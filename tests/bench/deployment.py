"""A first deployment of fifty flat hosts with real sshd, against one connection and one exec per host.

The floor does with a shell script and asyncssh what any deployer must: carry the bytes over on stdin, unpack,
run the installer, start the agent in the background. Then a second apply, which contacts nobody.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

from bench import measure
from hosts.namespaces import unavailable
from hosts.world import World

HOSTS = 50

INSTALL = "#!/bin/sh\nset -e\nmkdir -p state\necho installed for $RAMIFY_NAME > state/installed\n"
AGENT = "#!/bin/sh\nwhile :; do date +%s > state/beat; sleep 30; done\n"

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
    return f"""set -e
mkdir -p /root/floor && cd /root/floor
echo {install} | base64 -d > install; echo {agent} | base64 -d > agent; chmod 755 install agent
./install
setsid ./agent >log 2>&1 </dev/null &
"""


def project(folder: Path, world: World) -> None:
    """The same for Ramify."""
    code = folder / "agent"
    code.mkdir(parents=True)
    for name, text in (("install", INSTALL), ("agent", AGENT)):
        (code / name).write_text(text)
        (code / name).chmod(0o755)
    (code / "component.yml").write_text('name: bench.agent\ninstall: ["./install"]\nstart: ["./agent"]\n')
    (folder / "ramify.yml").write_text(
        "project: bench\nhierarchy: hierarchy.yml\ninventory: inventory.yml\nrepository: repository.yml\n"
    )
    (folder / "hierarchy.yml").write_text(f"tree: {{'leaf[1-{HOSTS}]': {{}}}}\n")
    (folder / "repository.yml").write_text('code: [{match: "/leaf*", ref: agent}]\n')
    (folder / "known_hosts").write_text(world.known_hosts())
    hosts = {name: {"address": host.address} for name, host in world.hosts.items()}
    inventory = {
        "defaults": {"user": "root"},
        "known_hosts": "known_hosts",
        "hosts": hosts,
        "placements": [{"match": "/leaf*", "host": "leaf{{ node.index }}"}],
    }
    (folder / "inventory.yml").write_text(json.dumps(inventory))


def report() -> None:
    """Print the figures."""
    reason = unavailable()
    if reason:
        print(f"first deployment of {HOSTS} hosts: left out, {reason}\n")
        return
    with tempfile.TemporaryDirectory() as name, World(Path(name) / "world") as world:
        folder = Path(name)
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
        floor = measure.command(
            [sys.executable, "-c", FLOOR, str(folder / "work.json")], world.popen_operator
        )
        first = measure.command(ramify, world.popen_operator)
        again = measure.command(ramify, world.popen_operator)
    print(f"first deployment of {HOSTS} flat hosts, real sshd, installer and agent")
    print(measure.line("  floor: asyncssh, one exec, bytes on stdin", floor))
    print(measure.line("  ramify apply", first))
    print(measure.line("  ramify apply again (contacts nobody)", again))
    ratios = f"{first.wall / floor.wall:.2f} wall, {first.machine / floor.machine:.2f} machine cpu"
    print(f"  ratio to the floor: {ratios}\n")
