"""Waves: which branches of a run may start now. A machine without a clock; whoever executes only asks it.

Rule 1: a branch starts when its wave is open, all that it comes after have ended, and there is room.
Rule 2: a wave is over when all that may start in it have ended; between it and the next one somebody says
`open_next` or `stop`. Without waves there is one, and nobody waits for anybody.
Rule 3: once stopped nothing starts; it is over when what is in flight has ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

from ramify.model.rollout import Rollout

After = Mapping[str, Iterable[str]]


class Waves:
    """The branches of one level, by their paths, in the order in which they are taken."""

    def __init__(self, order: Sequence[str], after: After, rollout: Rollout) -> None:
        """`order` is the wished one: whom others come after is taken before them, whatever it says."""
        self._order = _prerequisites_first(order, after)
        self._at = {path: at for at, path in enumerate(self._order)}
        self._missing, self._dependents = _counted(self._order, after)
        self._ends = _ends(len(self._order), rollout)
        most = rollout.max_inflight
        self._most = max(1, most.floor(len(self._order))) if most else len(self._order)
        self._flying = 0
        self._ended = 0
        self._waiting = dict.fromkeys(self._order)
        self._able: list[int] = []
        self.stopped = False
        self.number = 1
        self._open(0)

    @property
    def count(self) -> int:
        """How many waves there are."""
        return len(self._ends)

    @property
    def current(self) -> tuple[str, ...]:
        """The branches of the wave that is open, or was the last one."""
        first = self._ends[self.number - 2] if self.number > 1 else 0
        return tuple(self._order[first : self._ends[self.number - 1]])

    def waves(self) -> tuple[tuple[str, ...], ...]:
        """All waves."""
        return tuple(tuple(self._order[a:b]) for a, b in zip((0, *self._ends), self._ends, strict=False))

    def ready(self) -> tuple[str, ...]:
        """Those that may start now; whoever starts one says so."""
        room = 0 if self.stopped else self._most - self._flying
        found: list[int] = []
        while self._able and len(found) < room:
            at = heappop(self._able)
            if self._order[at] in self._waiting:
                found.append(at)
        for at in found:
            heappush(self._able, at)
        return tuple(self._order[at] for at in found)

    def start(self, path: str) -> None:
        """A branch is in flight."""
        self._flying += 1
        del self._waiting[path]

    def end(self, path: str) -> None:
        """All of a branch has ended, however."""
        self._flying -= 1
        self._ended += 1
        for later in self._dependents.get(path, ()):
            self._missing[later] -= 1
            self._may_start(self._at[later])

    def _open(self, first: int) -> None:
        for at in range(first, self._ends[self.number - 1]):
            self._may_start(at)

    def _may_start(self, at: int) -> None:
        """Take a branch that nothing has to wait for; those of waves that are not open yet come with them."""
        if at < self._ends[self.number - 1] and not self._missing[self._order[at]]:
            heappush(self._able, at)

    @property
    def between(self) -> bool:
        """Whether a wave is over, and the next one waits to be opened."""
        last = self.number == len(self._ends)
        return not self.stopped and not last and self._ended == self._ends[self.number - 1]

    def open_next(self) -> None:
        """Let the next wave begin."""
        self.number += 1
        self._open(self._ends[self.number - 2])

    def stop(self) -> None:
        """Let nothing start any more."""
        self.stopped = True

    @property
    def begun(self) -> int:
        """How many have been started."""
        return len(self._order) - len(self._waiting)

    @property
    def left(self) -> tuple[str, ...]:
        """Those that have not been started."""
        return tuple(self._waiting)

    @property
    def over(self) -> bool:
        """Whether nothing is in flight, and nothing will start any more."""
        return not self._flying and (self.stopped or not self._waiting)


def _counted(order: Sequence[str], after: After) -> tuple[dict[str, int], dict[str, list[str]]]:
    """On how many others each branch waits, and who waits for it."""
    known, missing = set(order), dict.fromkeys(order, 0)
    dependents: dict[str, list[str]] = {}
    for path in order:
        for first in known.intersection(after.get(path, ())) - {path}:
            missing[path] += 1
            dependents.setdefault(first, []).append(path)
    return missing, dependents


def _ends(total: int, rollout: Rollout) -> list[int]:
    """How many have been taken when each wave ends; all, when the last one does."""
    ends: list[int] = []
    for wave in rollout.waves or ():
        end = wave.ceiling(total)
        if end > (ends[-1] if ends else 0):
            ends.append(end)
    if not ends or ends[-1] < total:
        ends.append(total)
    return ends


def _prerequisites_first(order: Sequence[str], after: After) -> list[str]:
    """The order, but whom somebody comes after before that one: no wave waits for a later one."""
    known, done = set(order), dict[str, None]()

    def take(path: str) -> None:
        waiting = [(path, iter(after.get(path, ())))]
        seen = {path}
        while waiting:
            one, firsts = waiting[-1]
            first = next((f for f in firsts if f in known and f not in done and f not in seen), None)
            if first is None:
                done[one] = None
                waiting.pop()
            else:
                seen.add(first)
                waiting.append((first, iter(after.get(first, ()))))

    for path in order:
        if path not in done:
            take(path)
    return list(done)
