"""How a rollout stands: what a directory remembers of each run's waves, limits and end."""

from enum import Enum

from msgspec import Struct

from ramify.model.record import Outcome
from ramify.model.rollout import Limits


class State(Enum):
    """Where a rollout is."""

    RUNNING = "running"
    DONE = "done"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled back"
    NOT_ROLLED_BACK = "not rolled back"
    RESUMED = "resumed"
    SUPERSEDED = "superseded"


RESUMABLE = frozenset({State.PAUSED, State.INTERRUPTED})

NOT_BEGUN = frozenset({Outcome.SKIPPED, Outcome.UNKNOWN})
"""Nodes that ended so are left to do; in doubt is as good as not begun, since whoever goes on looks first."""

PAUSE, ABORT = "pause", "abort"


class Standing(Struct, frozen=True):
    """One run's rollout on its own level, with what may be lost below it and what was.

    `waves` are the sizes of its waves, in children; `started` counts those that were begun. `left` are the
    nodes that were not begun when it stopped, and `next` is the run that goes on in its place. `most` is what
    the operator allowed in all. `below` tells of levels further down in which wave they are, of how many.
    """

    run: str
    path: str
    state: State = State.RUNNING
    reason: str = ""
    waves: tuple[int, ...] = ()
    wave: int = 1
    started: int = 0
    limits: Limits = Limits()
    failed: int = 0
    offline: int = 0
    most: Limits = Limits()
    below: dict[str, tuple[int, int]] = {}
    left: tuple[str, ...] = ()
    next: str = ""
