"""Who takes longest: told on Enter, with the step that each is at and for how long."""

from collections.abc import Iterable
from typing import NamedTuple

from ramify.cli.words import counted
from ramify.model import paths
from ramify.model.events import Event, Finished, Started, Step

MOST = 10
_HOUR, _MINUTE = 3600, 60


class _At(NamedTuple):
    since: float
    step: str
    stepped: float


class Slowest:
    """Since when work on each node goes on, and at which step it is known to be.

    Initiators tell steps of those only that take long: of all others it is known that they have begun.
    """

    def __init__(self) -> None:
        self._running: dict[str, _At] = {}

    def feed(self, event: Event, now: float) -> None:
        """Take an event in, at a time."""
        if isinstance(event, Started | Step):
            self._entrusted(event.path)
        match event:
            case Started():
                self._running[event.path] = _At(now, "begun", now)
            case Step():
                before = self._running.get(event.path)
                stepped = now - event.seconds
                since = before.since if before is not None else stepped
                self._running[event.path] = _At(since, event.step, stepped)
            case Finished():
                self._running.pop(event.result.path, None)
            case _:
                pass

    def _entrusted(self, path: str) -> None:
        """Whoever is above a node that is worked on has handed it on, and just waits."""
        while (path := paths.parent(path)) != paths.ROOT:
            self._running.pop(path, None)

    def text(self, now: float) -> str:
        """The slowest ten, the one that is at it for the longest time first."""
        found = sorted(self._running.items(), key=lambda item: (item[1].since, item[0]))
        if not found:
            return "Nothing is being worked on right now."
        rows = [(path, at.step, age(now - at.stepped), age(now - at.since)) for path, at in found[:MOST]]
        head = counted(len(found), "node") + " at work"
        more = f", the slowest {MOST}" if len(found) > MOST else ""
        return "\n".join([f"{head}{more}:", *_aligned([("", "step", "for", "in all"), *rows])])


def age(seconds: float) -> str:
    """`4 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def _aligned(rows: list[tuple[str, str, str, str]]) -> Iterable[str]:
    path, step, since, whole = (max(map(len, column)) for column in zip(*rows, strict=True))
    for row in rows:
        yield f"  {row[0]:{path}}  {row[1]:{step}}  {row[2]:>{since}}  {row[3]:>{whole}}"
