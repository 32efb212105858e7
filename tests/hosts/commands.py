"""Running Ramify as the operator of a world of real hosts."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hosts.world import World

RAMIFY = [sys.executable, "-m", "ramify"]


def ramify(
    world: World, project: Path, *words: str, status: int = 0, env: Mapping[str, str] | None = None
) -> Any:
    """Run a command with --json in the operator's namespace; what it says."""
    done = world.run_operator([*RAMIFY, "-C", str(project), "--json", *words], timeout=120, env=env)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def story(world: World, host: str) -> str:
    """What the service on a leaf has told of itself."""
    found = list(world.hosts[host].path("/root/.ramify/nodes").glob("*leaf*/data/story"))
    return found[0].read_text() if found else ""


def leftovers(world: World, host: str) -> list[str]:
    """Processes of a host that are Ramify's doing."""
    return [
        " ".join(argv)
        for _, argv in world.hosts[host].processes()
        if any(word in " ".join(argv) for word in ("beat.sh", "run.py", "install.sh", "ramify"))
    ]
