"""Budgets: how many nodes of one level, and of all below it, may be at risk. Accounts only, no waiting.

A ticket stands for one node that may be lost. Whoever begins something takes one; it comes back when all
went well, and is spent when not. Tickets out and tickets spent never exceed a limit together, so that no
limit is exceeded however the work is spread over initiators.
"""

from ramify.model import paths
from ramify.model.rollout import Limits


class Budget:
    """The tickets of one level."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.at_risk = 0
        self.failed = 0
        self.offline = 0

    @property
    def free(self) -> int | None:
        """How many tickets there are to be had; None for any number."""
        spent = ((self.limits.fail, self.failed), (self.limits.offline, self.offline))
        left = [limit - used - self.at_risk for limit, used in spent if limit is not None]
        return max(0, min(left)) if left else None

    def take(self, tickets: int) -> None:
        """So many nodes are at risk now."""
        self.at_risk += tickets

    def give_back(self, tickets: int) -> None:
        """All went well with so many."""
        self.at_risk -= tickets

    def spend(self, *, failed: int = 0, offline: int = 0) -> None:
        """So many were lost: failed or in doubt, or not to be reached at all."""
        self.at_risk -= failed + offline
        self.failed += failed
        self.offline += offline

    def spent(self, path: str) -> str:
        """Which limit is reached, in words; nothing as long as none is."""
        below = "" if path == paths.ROOT else f" below {path}"
        if self.limits.fail is not None and self.failed >= self.limits.fail:
            return f"{_nodes(self.failed)} failed or got lost{below}: no more may (max_fail)"
        if self.limits.offline is not None and self.offline >= self.limits.offline:
            return f"{_nodes(self.offline)} offline{below}: no more may be (max_offline)"
        return ""


def _nodes(number: int) -> str:
    return "1 node" if number == 1 else f"{number:,} nodes"
