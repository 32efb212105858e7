"""How rollouts are told: in a plan in a line or few, and of one that stands all that matters."""

import pytest

from ramify.cli import rollout_view
from ramify.model.rollout import Amount, Gate, Limits, Rollout
from ramify.model.standing import Standing, State

SHARE = Amount(25, share=True)


@pytest.mark.parametrize(
    ("rollout", "words"),
    [
        (Rollout(), ""),
        (Rollout(max_fail=Amount(5)), "stops after 5 failures"),
        (
            Rollout(waves=(Amount(1), SHARE), max_fail=Amount(5, share=True), on_failure="rollback"),
            "in waves of 1, 25%; stops and rolls back after 5% failures",
        ),
        (Rollout(waves=(Amount(1),)), "in waves of 1; stops after the first failure"),
        (Rollout(waves=(Amount(1),), on_failure="continue"), "in waves of 1; goes on whatever fails"),
        (
            Rollout(bake=90, gate=Gate(("check", "it")), max_inflight=Amount(4), max_fail=Amount(0)),
            "at most 4 at once; 90 s between waves; a wave must pass `check`; stops after the first failure",
        ),
        (Rollout(max_offline=Amount(2)), "stops after 2 offline"),
        (Rollout(gate=Gate()), "a wave must stay healthy; stops after the first failure"),
    ],
)
def test_a_rollout_is_told_in_one_line(rollout: Rollout, words: str) -> None:
    assert rollout_view.words_of(rollout) == words


def test_of_one_that_waits_all_that_matters_is_told() -> None:
    standing = Standing(
        "3f2a", "/", State.PAUSED, "2 nodes failed or got lost: no more may (max_fail)", (1, 3), 2, 4,
        Limits(fail=2), 2, below={"/site1": (1, 3), "/site2": (1, 3), "/site3": (2, 3)},
        left=("/site1/a1", "/site1/a2"),
    )  # fmt: skip

    assert rollout_view.status(standing, 7) == (
        "Rollout 3f2a: paused\n"
        "  2 nodes failed or got lost: no more may (max_fail)\n"
        "  wave 2 of 2, 4 of 4 branches begun\n"
        "  waves of 1, 3\n"
        "  below /site[1-2]: wave 1 of 3\n"
        "  below /site3: wave 2 of 3\n"
        "  7 nodes touched; 2 failed of 2 allowed, 0 offline\n"
        "  2 nodes left: /site1/a[1-2]\n"
        "  `ramify rollout resume 3f2a` goes on, "
        "`ramify rollout abort 3f2a` ends it, a new apply replaces it."
    )
