"""A world with an operator, and what makes bundles for it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sim.operators import Operator
from sim.spec import Spec
from sim.world import World

TURNS = 20_000


class Stage:
    """What a test needs."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.spec = Spec(folder)
        self.operator = Operator(self.world, self.spec.store)

    def close(self) -> None:
        """Let go of all files."""
        for host in self.world.hosts.values():
            for initiator in host.initiators.values():
                initiator.directory.close()
        self.operator.directory.close()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until something holds; it fails when nothing moves any more."""
    for _ in range(TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")
