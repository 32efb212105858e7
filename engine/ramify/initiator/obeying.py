"""Words from other terminals: whoever carries a run out hears them in its directory."""

import asyncio

from ramify.directory.rollouts import Rollouts
from ramify.initiator.risk import Risk
from ramify.model import paths
from ramify.model.events import Halted
from ramify.model.standing import ABORT, PAUSE

ATTENTION = 0.5
"""Seconds after which a word is heard."""

_SAID = {PAUSE: "paused", ABORT: "aborted"}


async def obey(rollouts: Rollouts, run: str, risk: Risk) -> None:
    """Halt when somebody wishes it."""
    while True:
        word, by = rollouts.wished(run)
        if word in _SAID:
            risk.halt(Halted(paths.ROOT, f"{_SAID[word]} by {by}"))
            return
        await asyncio.sleep(ATTENTION)
