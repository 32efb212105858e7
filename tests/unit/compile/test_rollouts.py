"""Which rollout is in effect where, and the order of children."""

import pytest
from msgspec import structs

from ramify.compile.fleet import compile_fleet
from ramify.compile.rollouts import ordered, rollout_of
from ramify.model.hierarchy import Domain, NodeSpec
from ramify.model.rollout import Amount, Rollout
from unit.compile.bundles import at, bundle, compiled, sound, spec

CHILDREN = ("/z10", "/z2", "/canary", "/a")
SLOW = Rollout(bake=60.0)
STRICT = Rollout(max_fail=Amount(1))


def tree(**rollouts: Rollout) -> NodeSpec:
    inner = spec("zone", spec("app1"), rollout=rollouts.get("zone"))
    return spec("region", inner, rollout=rollouts.get("region"))


@pytest.mark.parametrize(
    ("order", "taken"),
    [
        (None, CHILDREN),
        (("hierarchy",), CHILDREN),
        (("reversed",), ("/a", "/canary", "/z2", "/z10")),
        (("sorted",), ("/a", "/canary", "/z2", "/z10")),
        (("canary*", "z[1-5]"), ("/canary", "/z2", "/z10", "/a")),
    ],
)
def test_children_are_taken_in_the_order_that_is_said(
    order: tuple[str, ...] | None, taken: tuple[str, ...]
) -> None:
    assert tuple(ordered(CHILDREN, Rollout(order=order), "run1")) == taken


def test_chance_is_the_same_within_a_run_and_another_one_in_the_next() -> None:
    many, shuffled = [f"/n{at}" for at in range(50)], Rollout(order=("shuffle",))

    assert ordered(many, shuffled, "run1") == ordered(list(reversed(many)), shuffled, "run1")
    assert ordered(many, shuffled, "run1") != ordered(many, shuffled, "run2")
    assert sorted(ordered(many, shuffled, "run1")) == sorted(many)


def test_a_rollout_is_inherited_key_by_key() -> None:
    fleet = compiled(tree(region=SLOW, zone=STRICT))

    assert rollout_of(fleet, "/") == Rollout()
    assert rollout_of(fleet, "/region") == SLOW
    assert rollout_of(fleet, "/region/zone") == Rollout(bake=60.0, max_fail=Amount(1))
    assert rollout_of(fleet, "/gone") == Rollout()


def test_that_of_the_hierarchy_is_that_of_the_top_nodes_and_the_last_word_below() -> None:
    made = bundle(tree(zone=STRICT))
    fleet = sound(
        compile_fleet(structs.replace(made, hierarchy=structs.replace(made.hierarchy, rollout=SLOW)))
    )

    assert rollout_of(fleet, "/") == rollout_of(fleet, "/region") == SLOW
    assert rollout_of(fleet, "/region/zone") == Rollout(bake=60.0, max_fail=Amount(1))


def test_an_initiator_sees_what_is_said_above_it() -> None:
    fleet = sound(compile_fleet(bundle(tree(region=SLOW)), "/region/zone"))

    assert rollout_of(fleet, "/region/zone") == SLOW


def test_a_domain_inherits_none_and_who_carries_it_is_asked_how_its_top_nodes_are_taken() -> None:
    domain = Domain(at(5), repository="m7.xml", hierarchy="m7.yml")
    inner = bundle(spec("top", spec("app1")), placements=(), hosts=())
    inner = structs.replace(inner, hierarchy=structs.replace(inner.hierarchy, rollout=STRICT))
    fleet = compiled(spec("site", domain=domain, rollout=SLOW), domains={domain.key: inner})

    assert rollout_of(fleet, "/site") == SLOW
    assert rollout_of(fleet, "/site/top") == STRICT


def test_digests_do_not_know_how_a_change_is_rolled_out() -> None:
    assert compiled(tree()).digests == compiled(tree(region=SLOW)).digests
