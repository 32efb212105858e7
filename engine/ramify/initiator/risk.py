"""Who may be at risk now: tickets of a run's own budget and of those above it, waited for in turn.

Rule 1: what is begun needs a ticket of this level and one from above; `tickets` from above are the only
ones there are, until more are asked for. Whoever has no use for some gives them back.
Rule 2: once halted there are no tickets: what is in flight ends, nothing else begins.
Rule 3: whoever has lost the one above goes on with what it has, and halts when it needs more.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ramify.initiator.budget import Budget
from ramify.initiator.messages import Balance, Stop
from ramify.model.events import Event, Halted
from ramify.model.record import Outcome
from ramify.model.rollout import Limits, OnFailure

_LOST = frozenset({Outcome.FAILED, Outcome.UNKNOWN})


class HaltedError(Exception):
    """Nothing new is begun any more; the sentence says why."""


class Above(Protocol):
    """Whoever hands tickets down."""

    @property
    def gone(self) -> bool:
        """Whether it can be asked no more."""

    def tell_above(self, balance: Balance) -> None:
        """Say what became of tickets, or ask for some."""


class _Waiting:
    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.came: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class Risk:
    """The tickets of one run."""

    def __init__(
        self,
        path: str,
        limits: Limits,
        on_failure: OnFailure = "pause",
        *,
        above: Above | None = None,
        tickets: int | None = None,
        tell: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """`tickets` come from above, None where nobody has a limit there; `tell` hears that it halted."""
        self.path = path
        self.budget = Budget(limits)
        self.halted: Halted | None = None
        self.over = asyncio.Event()
        self._stop: Stop | None = None
        self._stopping = asyncio.Event()
        self._action = on_failure
        self._above = above
        self._pool = tickets
        self._tell = tell
        self._asked = False
        self._queue: deque[_Waiting] = deque()

    @property
    def limited(self) -> bool:
        """Whether those below have to ask."""
        return self._pool is not None or self.budget.limits != Limits()

    # Tickets.

    async def take(self, wanted: int = 1) -> int:
        """Have some tickets, at least one and at most so many.

        Raises:
            HaltedError: there are none any more.
        """
        self.must_go_on()
        waiting = _Waiting(wanted)
        self._queue.append(waiting)
        self.look()
        try:
            return await waiting.came
        except asyncio.CancelledError:
            self._leave(waiting)
            raise

    def must_go_on(self) -> None:
        """Begin something.

        Raises:
            HaltedError: nothing is begun any more.
        """
        if self.halted is not None:
            raise HaltedError(self.halted.reason)

    def _leave(self, waiting: _Waiting) -> None:
        if waiting in self._queue:
            self._queue.remove(waiting)
            self.look()
        elif waiting.came.done() and not waiting.came.cancelled() and not waiting.came.exception():
            self.give_back(waiting.came.result())

    def give_back(self, tickets: int) -> None:
        """All went well with so many."""
        self.budget.give_back(tickets)
        if self._pool is not None:
            self._pool += tickets
        self.look()

    def spend(self, *, failed: int = 0, offline: int = 0) -> None:
        """So many tickets are lost with their nodes."""
        if not failed and not offline:
            return
        self.budget.spend(failed=failed, offline=offline)
        if self._pool is not None:
            self._say(Balance(failed=failed, offline=offline))
        spent = self.budget.spent(self.path)
        if spent:
            self.halt(Halted(self.path, spent, self._action))
        self.look()

    def settle(self, outcome: Outcome | None) -> None:
        """One ticket's node has ended."""
        if outcome in _LOST:
            self.spend(failed=1)
        elif outcome is Outcome.OFFLINE:
            self.spend(offline=1)
        else:
            self.give_back(1)

    async def has_halted(self) -> Halted:
        """Wait until it is halted, and hear why."""
        while self.halted is None:
            await self.over.wait()
        return self.halted

    # From above.

    def grant(self, tickets: int) -> None:
        """Some more came from above."""
        self._asked = False
        if self._pool is not None:
            self._pool += tickets
        self.look()

    def halt(self, halted: Halted, *, told: bool = False) -> None:
        """Begin nothing any more; what is `told` already is not told again."""
        if self.halted is not None:
            return
        self.halted = halted
        self.over.set()
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.came.done():
                waiting.came.set_exception(HaltedError(halted.reason))
        if not told:
            self._tell(halted)

    def stop(self, stop: Stop) -> None:
        """End what is in flight, too."""
        if self._stop is None:
            self._stop = stop
            self.halt(Halted(self.path, stop.reason), told=True)
            self._stopping.set()

    @property
    def stopped(self) -> Stop | None:
        """How soon what is in flight shall end, if it shall."""
        return self._stop

    async def has_stopped(self) -> Stop:
        """Wait until what is in flight shall end."""
        while self._stop is None:
            await self._stopping.wait()
        return self._stop

    def look(self) -> None:
        """Give whoever waits what there is, and keep even with the one above."""
        while self._queue and self._able() != 0:
            waiting = self._queue.popleft()
            if waiting.came.done():
                continue
            able = self._able()
            share = waiting.wanted if able is None else max(1, able // (len(self._queue) + 1))
            tickets = min(waiting.wanted, share)
            self.budget.take(tickets)
            if self._pool is not None:
                self._pool -= tickets
            waiting.came.set_result(tickets)
        if self._pool is not None:
            self._even(self._pool)

    def _able(self) -> int | None:
        there = [number for number in (self.budget.free, self._pool) if number is not None]
        return min(there) if there else None

    def _even(self, pool: int) -> None:
        gone = self._above is None or self._above.gone
        if not self._queue:
            if pool and not gone:
                self._pool = 0
                self._say(Balance(returned=pool))
            return
        if pool or self.budget.free == 0:
            return
        if not gone and not self._asked:
            # Soon, not now: others may come that want some, too.
            self._asked = True
            asyncio.get_running_loop().call_soon(self._ask)
        elif gone and not self.budget.at_risk:
            self.halt(Halted(self.path, "the parent is gone, and all that it allowed is spent", self._action))

    def _ask(self) -> None:
        wanted, free = sum(one.wanted for one in self._queue), self.budget.free
        wanted = wanted if free is None else min(wanted, free)
        self._asked = wanted > 0
        if wanted:
            self._say(Balance(wanted=wanted))

    def _say(self, balance: Balance) -> None:
        if self._above is not None:
            self._above.tell_above(balance)
