"""Rollouts: amounts, what is inherited, and how many may be lost."""

import pytest

from ramify.model.rollout import Amount, Limits, Rollout, effective


@pytest.mark.parametrize(
    ("amount", "total", "floor", "ceiling"),
    [
        (Amount(5), 40, 5, 5),
        (Amount(5), 3, 5, 3),
        (Amount(25, share=True), 40, 10, 10),
        (Amount(25, share=True), 10, 2, 3),
        (Amount(1, share=True), 10, 0, 1),
        (Amount(100, share=True), 7, 7, 7),
    ],
)
def test_limits_round_down_and_waves_round_up(amount: Amount, total: int, floor: int, ceiling: int) -> None:
    assert (amount.floor(total), amount.ceiling(total)) == (floor, ceiling)


def test_each_key_is_taken_from_the_nearest_node_that_says_it() -> None:
    near = Rollout(max_fail=Amount(1))
    far = Rollout(max_fail=Amount(9), bake=60.0, on_failure="rollback")

    assert effective((near, None, far)) == Rollout(max_fail=Amount(1), bake=60.0, on_failure="rollback")
    assert effective((None,)) == Rollout()


def test_whoever_says_nothing_is_never_stopped() -> None:
    assert Rollout().limits(40) == Limits()
    assert Rollout(max_inflight=Amount(3)).limits(40) == Limits()


def test_whoever_is_cautious_without_a_number_stops_at_the_first_failure() -> None:
    for cautious in (
        Rollout(waves=(Amount(1),)),
        Rollout(on_failure="rollback"),
        Rollout(on_failure="pause"),
    ):
        assert cautious.limits(40) == Limits(fail=1)


def test_a_limit_lets_at_least_one_be_at_risk() -> None:
    assert Rollout(max_fail=Amount(0)).limits(40) == Limits(fail=1)
    assert Rollout(max_offline=Amount(5, share=True)).limits(10) == Limits(offline=1)
    assert Rollout(max_fail=Amount(5, share=True)).limits(100) == Limits(fail=5)


def test_whoever_continues_has_no_limits() -> None:
    assert Rollout(max_fail=Amount(1), on_failure="continue").limits(40) == Limits()


def test_of_two_limits_the_lower_one_holds() -> None:
    assert Limits(fail=5).within(Limits(fail=2, offline=3)) == Limits(fail=2, offline=3)
