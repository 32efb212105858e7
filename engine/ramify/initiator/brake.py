"""The brake of a run: whoever has started it ends it before its end, gently or at once."""

from ramify.initiator.messages import Stop
from ramify.initiator.risk import Risk
from ramify.model import paths
from ramify.model.events import Halted

WITHIN = 4.0
"""Seconds in which all levels shall have stopped."""


class Brake:
    """Held by whoever may stop a run; it can be pulled before the run has begun."""

    def __init__(self) -> None:
        self._risk: Risk | None = None
        self._word: Halted | Stop | None = None

    def fit(self, risk: Risk) -> None:
        """Have it act on a run."""
        self._risk = risk
        self._act()

    def drain(self, reason: str) -> None:
        """Begin nothing any more, on any level; what is in flight ends."""
        self._word = Halted(paths.ROOT, reason)
        self._act()

    def stop(self, reason: str) -> None:
        """End what is in flight, too, down to the leaves."""
        self._word = Stop(reason, WITHIN)
        self._act()

    def _act(self) -> None:
        if self._risk is None:
            return
        if isinstance(self._word, Halted):
            self._risk.halt(self._word, told=True)
        elif self._word is not None:
            self._risk.stop(self._word)
