"""Progress of a run, level by level: what is known of it as values, and as plain lines."""

import time
from collections.abc import Callable
from typing import Protocol

from ramify.model import paths
from ramify.model.events import (
    Event,
    Finished,
    Found,
    Halted,
    Note,
    Planned,
    Report,
    Started,
    Step,
    Stray,
    Unheard,
    Wave,
    untouched,
)
from ramify.model.plan import Plan
from ramify.model.record import NodeResult, Outcome

EVERY = 10.0
"""Seconds after which a plain line is due although nothing ended."""

Say = Callable[[str], None]


class LevelProgress:
    """How far one level is."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.total = 0
        self.running: set[str] = set()
        self._outcomes: dict[str, Outcome] = {}
        self._counts = dict.fromkeys(Outcome, 0)

    @property
    def ended(self) -> int:
        """How many nodes have an outcome."""
        return len(self._outcomes)

    def started(self, path: str) -> None:
        """Work on a node began."""
        self.running.add(path)

    def finished(self, path: str, outcome: Outcome) -> None:
        """A node has an outcome, or another one than was thought."""
        self.running.discard(path)
        before = self._outcomes.get(path)
        if before is not None:
            self._counts[before] -= 1
        self._outcomes[path] = outcome
        self._counts[outcome] += 1
        # A node that nobody planned for: only its initiator knew of it.
        self.total = max(self.total, self.ended)

    def numbers(self) -> dict[str, int]:
        """How many nodes stand where, by the words of the display; those that nobody is at are left out."""
        found = {
            "done": self._counts[Outcome.DONE],
            "unchanged": self._counts[Outcome.UNCHANGED],
            "failed": self._counts[Outcome.FAILED] + self._counts[Outcome.UNKNOWN],
            "offline": self._counts[Outcome.OFFLINE],
            "skipped": self._counts[Outcome.SKIPPED],
            "running": len(self.running),
        }
        return {name: number for name, number in found.items() if number}

    def __str__(self) -> str:
        told = ", ".join(f"{number:,} {name}" for name, number in self.numbers().items())
        return f"level {self.depth}: {self.ended:,} of {self.total:,} ended ({told or 'waiting'})"


class Tracker:
    """What has been heard of each planned node so far."""

    def __init__(self, plan: Plan, *, everything: bool = False) -> None:
        self._plan = plan
        self.levels: dict[int, LevelProgress] = {}
        self._results: dict[str, NodeResult] = {}
        for node in plan.nodes:
            if everything or node.action.acts:
                self._level(node.path).total += 1

    def _level(self, path: str) -> LevelProgress:
        depth = paths.depth(path)
        return self.levels.setdefault(depth, LevelProgress(depth))

    def feed(self, event: Event) -> LevelProgress | None:
        """Take an event in; the level that moved."""
        match event:
            case Started():
                level = self._level(event.path)
                level.started(event.path)
                return level
            case Finished():
                return self._finished(event.result)
            case Step() | Found() | Note() | Planned() | Unheard() | Halted() | Wave() | Stray():
                return None

    def _finished(self, result: NodeResult) -> LevelProgress:
        level = self._level(result.path)
        level.finished(result.path, result.outcome)
        self._results[result.path] = result
        return level

    def report(self, reason: str) -> Report:
        """What is known when the run is broken off: a node that did not end is unknown."""
        return Report(
            tuple(
                self._results.get(node.path)
                or (
                    untouched(node, self._plan.goal)
                    if not node.action.acts
                    else NodeResult(node.path, Outcome.UNKNOWN, reason)
                )
                for node in self._plan.nodes
            )
        )


class Display(Protocol):
    """Shows progress while it lasts."""

    def event(self, event: Event, level: LevelProgress | None) -> None:
        """Something happened; the tracker has taken it in."""

    def tick(self) -> None:
        """Some time went by."""

    def tell(self, text: str) -> None:
        """Show text that somebody asked for."""


class Lines:
    """Plain lines: one when a level is through, and one every ten seconds."""

    def __init__(self, tracker: Tracker, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._tracker = tracker
        self._say = say
        self._clock = clock
        self._last = clock()

    def event(self, event: Event, level: LevelProgress | None) -> None:
        """Say it if it is a note or ends a level, or if the last line is long ago."""
        if isinstance(event, Note):
            self._say(f"{event.path}: {event.text}")
        if isinstance(event, Halted):
            self._say(f"Nothing new is begun: {event.reason}")
        if level is not None and isinstance(event, Finished) and level.ended == level.total:
            self._tell(str(level))
        self.tick()

    def tick(self) -> None:
        """Say where all levels are, if that is due."""
        if self._clock() - self._last < EVERY:
            return
        moving = [level for _, level in sorted(self._tracker.levels.items()) if level.ended < level.total]
        for level in moving:
            self._tell(str(level))

    def tell(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def _tell(self, text: str) -> None:
        self._last = self._clock()
        self._say(text)
