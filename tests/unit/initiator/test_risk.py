"""Tickets: what is out and what is spent never exceed a limit, and whoever waits gets one or is told."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.initiator.budget import Budget
from ramify.initiator.messages import Balance
from ramify.initiator.risk import HaltedError, Risk
from ramify.initiator.stakes import Loan, Stake
from ramify.model.events import Event, Halted
from ramify.model.record import Outcome
from ramify.model.rollout import Limits


class Above:
    """Whoever is above, as this side sees it."""

    def __init__(self) -> None:
        self.gone = False
        self.heard: list[Balance] = []

    def tell_above(self, balance: Balance) -> None:
        self.heard.append(balance)


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@given(
    st.integers(1, 5) | st.none(),
    st.integers(1, 5) | st.none(),
    st.lists(st.tuples(st.sampled_from(["take", "back", "fail", "offline"]), st.integers(1, 3))),
)
def test_what_is_out_and_what_is_spent_never_exceed_a_limit(
    fail: int | None, offline: int | None, steps: list[tuple[str, int]]
) -> None:
    budget = Budget(Limits(fail, offline))
    for word, wanted in steps:
        if word == "take":
            free = budget.free
            budget.take(wanted if free is None else min(wanted, free))
        elif budget.at_risk and word == "back":
            budget.give_back(1)
        elif budget.at_risk:
            budget.spend(failed=int(word == "fail"), offline=int(word == "offline"))
        assert fail is None or budget.failed + budget.at_risk <= fail
        assert offline is None or budget.offline + budget.at_risk <= offline
        assert bool(budget.spent("/")) == (budget.failed == fail or budget.offline == offline)


async def test_whoever_comes_late_waits_until_a_ticket_is_back() -> None:
    risk = Risk("/", Limits(fail=1))
    await risk.take()
    late = asyncio.create_task(risk.take())
    await turn()
    assert not late.done()

    risk.settle(Outcome.DONE)

    assert await late == 1


async def test_a_spent_limit_halts_and_tells_whoever_waits() -> None:
    told: list[Event] = []
    risk = Risk("/gw1", Limits(fail=1), "rollback", tell=told.append)
    await risk.take()
    late = asyncio.create_task(risk.take())
    await turn()

    risk.settle(Outcome.FAILED)

    reason = "1 node failed or got lost below /gw1: no more may (max_fail)"
    assert told == [Halted("/gw1", reason, "rollback")]
    with pytest.raises(HaltedError, match="no more may"):
        await late
    with pytest.raises(HaltedError):
        await risk.take()


async def test_a_ticket_whose_taker_left_is_not_lost() -> None:
    risk = Risk("/", Limits(fail=1))
    await risk.take()
    late = asyncio.create_task(risk.take())
    await turn()
    risk.settle(Outcome.DONE)
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)

    assert await risk.take() == 1


async def test_what_is_missing_is_asked_for_once_and_what_is_idle_goes_back() -> None:
    above = Above()
    risk = Risk("/gw1", Limits(), above=above, tickets=1)
    takers = [asyncio.create_task(risk.take()) for _ in range(3)]
    await turn()
    assert (above.heard, [taker.done() for taker in takers]) == ([Balance(wanted=2)], [True, False, False])

    risk.grant(1)
    await turn()
    assert above.heard == [Balance(wanted=2), Balance(wanted=1)]
    for _ in range(2):
        risk.settle(Outcome.DONE)
        await turn()

    assert takers[2].done()
    assert above.heard[2:] == [Balance(returned=1)]


async def test_a_loss_is_told_above_and_its_ticket_is_gone() -> None:
    above = Above()
    risk = Risk("/gw1", Limits(), above=above, tickets=1)
    await risk.take()

    risk.settle(Outcome.UNKNOWN)

    assert above.heard == [Balance(failed=1)]


async def test_whoever_is_alone_goes_on_with_what_it_has_and_halts_when_that_is_spent() -> None:
    above = Above()
    risk = Risk("/gw1", Limits(), above=above, tickets=1)
    above.gone = True
    await risk.take()
    late = asyncio.create_task(risk.take())
    await turn()
    assert not late.done()

    risk.settle(Outcome.FAILED)

    with pytest.raises(HaltedError, match="the parent is gone"):
        await late


async def test_a_child_s_tickets_come_back_when_it_is_through_and_are_spent_when_it_is_lost() -> None:
    risk = Risk("/", Limits(fail=4))
    await risk.take(2)
    well, lost = Loan(risk, 1), Loan(risk, 1)
    assert await lost.more(1) == 1
    lost.hear(Balance(failed=1))

    well.close()
    lost.lose()

    assert (risk.budget.at_risk, risk.budget.failed) == (0, 2)


async def test_a_child_that_is_lost_without_tickets_is_one_loss_itself() -> None:
    risk = Risk("/", Limits(fail=4))
    await risk.take(2)
    loan = Loan(risk, 1)
    loan.hear(Balance(returned=1))

    loan.lose()

    assert (risk.budget.at_risk, risk.budget.failed) == (1, 1)


async def test_a_child_cannot_give_back_more_than_it_has() -> None:
    risk = Risk("/", Limits(fail=4))
    await risk.take(2)
    loan = Loan(risk, 1)

    loan.hear(Balance(returned=100))

    assert risk.budget.at_risk == 1


async def test_a_child_that_tells_of_more_losses_than_it_has_tickets_takes_nobody_else_s() -> None:
    risk = Risk("/", Limits(fail=9))
    await risk.take(2)
    loan = Loan(risk, 1)

    loan.hear(Balance(failed=5))

    assert (risk.budget.at_risk, risk.budget.failed, loan.out) == (1, 5, 0)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.DONE])
async def test_a_branch_has_one_ticket_whoever_holds_it(outcome: Outcome) -> None:
    risk = Risk("/", Limits(fail=4))
    stake = Stake(risk)
    await stake.take()
    stake.lend()

    stake.settle(outcome, lost=False)

    assert (risk.budget.at_risk, risk.budget.failed) == (0, int(outcome is Outcome.FAILED))
