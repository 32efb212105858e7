"""Rollouts: how a change reaches the children of a node, each with all that is below it.

What is not said is taken from the nearest node above that says it, key by key. Limits count nodes below the
node that has the rollout, whoever deploys them; waves count its children.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, structs

OnFailure = Literal["pause", "rollback", "continue"]

ORDERS = ("hierarchy", "reversed", "sorted", "shuffle")
"""As written; the other way round; by name, numbers by their value; by chance, another way in every run."""


class Amount(Struct, frozen=True, array_like=True):
    """A count, or a share in hundredths of what there is."""

    number: int
    share: bool = False

    def __str__(self) -> str:
        return f"{self.number}%" if self.share else f"{self.number:,}"

    def floor(self, total: int) -> int:
        """So many of a total, and no part of one more: as limits count."""
        return total * self.number // 100 if self.share else self.number

    def ceiling(self, total: int) -> int:
        """So many of a total, of a share one at least: as waves count."""
        return -(-total * self.number // 100) if self.share else min(self.number, total)


class Gate(Struct, frozen=True):
    """What opens the way to the next wave: a command that ends with 0, or, without one, good health."""

    command: tuple[str, ...] = ()


class Rollout(Struct, frozen=True):
    """What is said at one node, or in effect there; None is what is not said.

    `waves` say how many children have been taken when each ends. Between two waves `bake` seconds go by, and
    the `gate` must open. `max_inflight` children are worked on at once. `order` is one of ORDERS, or patterns
    of names: those that the first one takes come first.
    """

    waves: tuple[Amount, ...] | None = None
    order: tuple[str, ...] | None = None
    max_inflight: Amount | None = None
    bake: float | None = None
    gate: Gate | None = None
    max_fail: Amount | None = None
    max_offline: Amount | None = None
    on_failure: OnFailure | None = None

    def over(self, base: "Rollout") -> "Rollout":
        """This one where it says something, else what is below it."""
        said = {name: value for name, value in structs.asdict(self).items() if value is not None}
        return structs.replace(base, **said)

    @property
    def after_failure(self) -> OnFailure:
        """What happens when a limit is spent, or a gate stays shut."""
        return self.on_failure or "pause"

    @property
    def cautious(self) -> bool:
        """Whether it says that a failure matters without saying how many: then the first one does."""
        return bool(self.waves or self.gate or self.on_failure)

    def limits(self, planned: int) -> "Limits":
        """How many of the nodes that are planned may be lost before it stops."""
        if self.after_failure == "continue":
            return Limits()
        fail = Amount(0) if self.max_fail is None and self.cautious else self.max_fail
        return Limits(_limit(fail, planned), _limit(self.max_offline, planned))


class Limits(Struct, frozen=True):
    """After so many it stops; None for never. One is always allowed: nothing could be begun otherwise."""

    fail: int | None = None
    offline: int | None = None

    def within(self, other: "Limits") -> "Limits":
        """Whichever stops earlier."""
        return Limits(_least(self.fail, other.fail), _least(self.offline, other.offline))


def _limit(amount: Amount | None, planned: int) -> int | None:
    return None if amount is None else max(1, amount.floor(planned))


def _least(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


NO_ROLLOUT = Rollout()


def effective(nearest_first: Iterable[Rollout | None]) -> Rollout:
    """What is in effect at a node: its own word, then those of the nodes above."""
    result = NO_ROLLOUT
    for said in nearest_first:
        if said is not None:
            result = result.over(said)
    return result
