"""A large artifact to forty hosts: it crosses each link once, and a link that is cut carries the rest later.

RAMIFY_ARTIFACT_MB makes it larger; each host keeps its own copies, packed and unpacked.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lab.crossing import Crossing, crossing
from ramify.transport import lab
from ramify.transport.labstate import LabState

pytestmark = pytest.mark.lab
logger = logging.getLogger(__name__)

SIZE = int(os.environ.get("RAMIFY_ARTIFACT_MB", "16")) << 20
SITES, LEAVES = 4, 9
SPARE = 2 << 20
"""What else crosses a link: SSH itself, the bundle, commands."""

FILES: dict[str, Any] = {
    "ramify.yml": {
        "project": "large",
        "hierarchy": "hierarchy.yml",
        "inventory": "inventory.yml",
        "repository": "repository.yml",
    },
    "hierarchy.yml": {"tree": {f"site[1-{SITES}]": {"children": {f"leaf[1-{LEAVES}]": {}}}}},
    "repository.yml": {
        "code": [
            {"match": "/site*", "ref": "collection:ramify.core.initiator"},
            {"match": "/site*/leaf*", "ref": "agent"},
        ]
    },
}
PLACEMENTS = [
    {"match": "/site*", "host": "site{{ node.index }}"},
    {"match": "/site*/leaf*", "host": "site{{ parent.index }}leaf{{ node.index }}"},
]

PARTS = ("nodes/site*/data/packs/*.part", "packs/*.part")
"""Where an initiator, and a stub, keep what has come of a pack."""

SITE_NAMES = [f"site{site}" for site in range(1, SITES + 1)]
LEAF_NAMES = {f"{site}leaf{leaf}": site for site in SITE_NAMES for leaf in range(1, LEAVES + 1)}


def ramify(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ramify", "-C", str(folder), *words]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=900)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[LabState]:
    """Hosts of a lab: the operator may log in to the sites, and each site to its leaves."""
    folder = tmp_path / "lab"
    open_to = {name: [lab.OPERATOR] for name in SITE_NAMES}
    yield lab.up(folder, open_to | {name: [site] for name, site in LEAF_NAMES.items()})
    lab.down(folder)


@pytest.fixture
def links(hosts: LabState) -> Iterator[dict[str, Crossing]]:
    """The ways to the operator's children, and one from a child to a leaf."""
    with ExitStack() as stack:
        names = [*SITE_NAMES, "site2leaf1"]
        yield {name: stack.enter_context(crossing(hosts.hosts[name].port)) for name in names}


@pytest.fixture
def project(
    hosts: LabState, links: dict[str, Crossing], tmp_path: Path, built: Callable[[Path], None]
) -> Path:
    """A project for these hosts as for any others, reached by way of the links."""
    folder = tmp_path / "project"
    (folder / "agent").mkdir(parents=True)
    built(folder)
    known, inventory = "", {}
    for name, host in hosts.hosts.items():
        port = links[name].port if name in links else host.port
        known += f"[127.0.0.1]:{port} {host.host_public_key}\n"
        inventory[name] = {"address": "127.0.0.1", "port": port, "user": host.user, "auth": "key"}
        if name in SITE_NAMES:
            inventory[name]["identity"] = str(hosts.operator_key)
    document = {"known_hosts": "known_hosts", "hosts": inventory, "placements": PLACEMENTS}
    for file, value in {**FILES, "inventory.yml": document}.items():
        (folder / file).write_text(json.dumps(value))
    (folder / "known_hosts").write_text(known)
    (folder / "agent/start").write_text("#!/bin/sh\nexec sleep 1000\n")
    (folder / "agent/start").chmod(0o755)
    return folder


def apply(project: Path, links: dict[str, Crossing]) -> tuple[dict[str, int], dict[str, int], int]:
    """One more apply: what crossed each link, how many nodes ended how, and the exit code."""
    before = {name: link.down for name, link in links.items()}
    done = ramify(project, "apply", "-y", "--json")
    assert done.stdout, done.stderr
    crossed = {name: link.down - before[name] for name, link in links.items()}
    counts = json.loads(done.stdout.splitlines()[-1])["counts"]
    logger.info("crossed %s, nodes %s", crossed, counts)
    return crossed, counts, done.returncode


def on_leaves(hosts: LabState, name: str) -> list[bytes]:
    """The digests of a file of the code, as the leaves run it now."""
    homes = [Path(hosts.hosts[leaf].home) for leaf in LEAF_NAMES]
    files = [file for home in homes for file in home.glob(f".ramify/nodes/*/current/code/{name}")]
    return [sha256(file.read_bytes()).digest() for file in files]


def arrived(hosts: LabState, name: str) -> int:
    """How many bytes of a pack are on a host whose transfer is not through."""
    home = Path(hosts.hosts[name].home) / ".ramify"
    return sum(file.stat().st_size for where in PARTS for file in home.glob(where))


def test_a_large_artifact_crosses_each_link_once_also_when_links_are_cut_on_the_way(
    project: Path, hosts: LabState, links: dict[str, Crossing]
) -> None:
    assert apply(project, links)[2] == 0
    data = os.urandom(SIZE)
    (project / "agent/data").write_bytes(data)
    # What a host has counts, not what was sent: servers read ahead, and a cut loses what they hold.
    links["site1"].cut_when = lambda: arrived(hosts, "site1") > SIZE // 4
    links["site2leaf1"].cut_when = lambda: arrived(hosts, "site2leaf1") > SIZE // 4

    once, broken, failed = apply(project, links)
    there = {name: arrived(hosts, name) for name in ("site1", "site2leaf1")}
    rest, counts, again = apply(project, links)

    assert (failed, again) == (2, 0)
    assert broken["done"] == SITES * LEAVES - LEAVES - 1
    assert counts["done"] + counts["unchanged"] == SITES * (LEAVES + 1)
    for name, size in there.items():
        assert SIZE // 4 < size < SIZE
        assert rest[name] < SIZE - size + SPARE
    for name in links.keys() - there.keys():
        assert SIZE <= once[name] < SIZE + SPARE
        assert rest[name] < SPARE
    assert on_leaves(hosts, "data") == [sha256(data).digest()] * len(LEAF_NAMES)
