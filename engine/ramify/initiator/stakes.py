"""Tickets in other hands: a branch has one while its node is worked on, its initiator has some after that.

Rule 1: what was handed to an initiator comes back, is spent, or is still out there; it tells which.
Rule 2: an initiator that is lost is lost with all that it has, and with one ticket at least: nobody knows
what it had begun since it was heard of.
"""

from ramify.initiator.messages import Balance, Stop
from ramify.initiator.risk import Risk
from ramify.model.events import Halted
from ramify.model.record import Outcome


class Loan:
    """The tickets in the hands of one child's initiator."""

    def __init__(self, risk: Risk, tickets: int) -> None:
        self._risk = risk
        self.out = tickets

    @property
    def tickets(self) -> int | None:
        """What it begins with; None where nobody has a limit."""
        return self.out if self._risk.limited else None

    async def halted(self) -> Halted:
        """Wait until the run is halted."""
        return await self._risk.has_halted()

    async def stopped(self) -> Stop:
        """Wait until what is in flight shall end."""
        return await self._risk.has_stopped()

    def hear(self, balance: Balance) -> None:
        """Take in what became of some."""
        back = min(self.out, balance.returned)
        lost = balance.failed + balance.offline
        self.out -= back
        # Whoever tells of more than it was given is believed that it is lost, and nobody else pays for it.
        self._risk.budget.take(max(0, lost - self.out))
        self.out = max(0, self.out - lost)
        self._risk.give_back(back)
        self._risk.spend(failed=balance.failed, offline=balance.offline)

    async def more(self, wanted: int) -> int:
        """Have more of them, some at least.

        Raises:
            HaltedError: there are none any more.
        """
        tickets = await self._risk.take(wanted)
        self.out += tickets
        return tickets

    def close(self) -> None:
        """The initiator is through."""
        out, self.out = self.out, 0
        self._risk.give_back(out)

    def lose(self) -> None:
        """Nobody knows what becomes of those that it has, and of itself."""
        out, self.out = self.out, 0
        if not out:
            self._risk.budget.take(1)
        self._risk.spend(failed=max(1, out))


class Stake:
    """The ticket of one branch: its own while its node is worked on, its initiator's after that."""

    def __init__(self, risk: Risk) -> None:
        self._risk = risk
        self._held = False
        self._loan: Loan | None = None

    async def take(self) -> None:
        """Be at risk.

        Raises:
            HaltedError: nothing is begun any more.
        """
        await self._risk.take()
        self._held = True

    def lend(self) -> Loan:
        """Hand the ticket to the child's initiator."""
        self._held = False
        self._loan = Loan(self._risk, 1)
        return self._loan

    def back(self) -> None:
        """The initiator is through: it has no ticket any more, and neither has the branch."""
        if self._loan is not None:
            self._loan.close()
            self._loan = None

    def settle(self, outcome: Outcome | None, *, lost: bool) -> None:
        """The branch has ended; `lost` says that its initiator was, with what it has."""
        loan, self._loan = self._loan, None
        if loan is not None and lost:
            loan.lose()
        elif loan is not None and loan.out:
            # Its initiator began nothing: the ticket is the branch's own again.
            self._risk.give_back(loan.out - 1)
            self._risk.settle(outcome)
        if self._held:
            self._held = False
            self._risk.settle(outcome)
