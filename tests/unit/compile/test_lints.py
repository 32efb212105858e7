"""Lints: each finds what it is for, and is silent about what people do on purpose."""

from typing import Any

import pytest
from hypothesis import given, settings

from ramify.compile.fleet import compile_fleet
from ramify.compile.lints import lint
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostic
from ramify.model.hierarchy import Assertion
from ramify.model.repository import Entry
from unit.compile.bundles import ANYWHERE, at, bundle, document, entry, fleets, host, placement, spec

TREE = spec("r[1-2]", spec("z[1-2]", spec("app[1-2]")))


def linted(*tree: Any, **more: Any) -> list[Diagnostic]:
    return list(lint(compile_fleet(bundle(*tree, **more))))


def told(*tree: Any, **more: Any) -> list[tuple[str, int]]:
    return [(item.code, item.origin.line if item.origin else 0) for item in linted(*tree, **more)]


def service(*entries: Entry, **documents: dict[str, str]) -> dict[str, Any]:
    """A service list, and documents with environments."""
    return {"service": entries, "others": tuple(document(ref, env) for ref, env in documents.items())}


# Patterns.


def test_a_pattern_whose_nodes_are_all_taken_away_is_unreachable() -> None:
    lists = service(entry("/r1/** !/**/app1 !/r1/z* !/**/app2 !/r1", "a", 4), a={"A": "1"})
    (found,) = linted(TREE, **lists)

    assert (found.code, found.origin) == ("unreachable", at(4, "repository.yml"))
    assert found.summary == (
        'pattern "/r1/**" takes no node: "!/**/app1" and "!/r1/z*" and "!/**/app2" '
        "of the same entry takes all that it matches away"
    )


def test_one_pattern_of_several_can_be_unreachable() -> None:
    assert told(TREE, **service(entry("/r1/z1 /r2/z1 !/r1/**", "a", 4), a={"A": "1"})) == [("unreachable", 4)]


def test_a_pattern_that_keeps_one_node_is_not_unreachable() -> None:
    assert told(TREE, **service(entry("/r1/** !/r1/*/**", "a"), a={"A": "1"})) == []
    assert told(TREE, **service(entry("/** !/r*/z1/**", "a"), a={"A": "1"})) == []


def test_placements_and_assertions_can_be_unreachable_too() -> None:
    rules = (placement("/r1/** !/r1 !/r1/**", 8, host="h1"), *ANYWHERE)
    never = Assertion(("/r2", "!/r*"), "true", "", at(20))

    assert told(TREE, placements=rules, assertions=(never,)) == [("unreachable", 20), ("unreachable", 8)]


def test_a_dead_pattern_is_told_by_the_compiler_and_not_twice() -> None:
    assert told(TREE, **service(entry("/nowhere !/r1/nowhere", "a"), a={"A": "1"})) == []


# Placements.


def test_a_special_placement_after_the_general_one_is_shadowed() -> None:
    rules = (placement("/r*/**", 8, host="h1"), placement("/r1/z1", 9, host="h2"))
    (found,) = linted(TREE, placements=rules)

    assert (found.code, found.origin) == ("shadowed", at(9, "inventory.yml"))
    assert "inventory.yml:8:1 takes all of its nodes first" in found.summary


def test_a_net_at_the_end_is_no_mistake() -> None:
    rules = (placement("/r*/**", 8, host="h1"), placement("/**", 9, host="h2"))

    assert told(TREE, placements=rules) == []


def test_a_placement_that_several_leave_nothing_to_is_no_mistake() -> None:
    rules = (
        placement("/r1/**", 7, host="h1"),
        placement("/r2/**", 8, host="h1"),
        placement("/r*/**", 9, host="h2"),
    )

    assert told(TREE, placements=rules) == []


# Values.


def test_an_entry_whose_values_are_all_overridden_is_shadowed() -> None:
    first, second, third = entry("/r1/**", "a", 4), entry("/r*/**", "b", 5), entry("/**", "c", 6)
    (found,) = linted(
        TREE, **service(first, second, third, a={"A": "1", "B": "1"}, b={"A": "2"}, c={"B": "3"})
    )

    assert (found.code, found.origin) == ("shadowed", first.origin)
    assert "repository.yml:5:1 and repository.yml:6:1 overrides all of its values" in found.summary


def test_an_entry_that_gives_one_node_one_value_is_not_shadowed() -> None:
    lists = service(entry("/**", "a"), entry("/r1/** !/r1/z1/app1", "b"), a={"A": "1"}, b={"A": "2"})

    assert told(spec("r1", spec("z1", spec("app1"))), **lists) == []


def test_an_entry_is_shadowed_by_a_later_one_with_the_same_document() -> None:
    assert told(TREE, **service(entry("/r1/**", "a", 4), entry("/**", "a", 5), a={"A": "1"})) == [
        ("shadowed", 4)
    ]
    assert told(TREE, **service(entry("/**", "a", 4), entry("/r1/**", "a", 5), a={"A": "1"})) == []


@pytest.mark.parametrize("base", [document("a"), document("a", args=("-v",)), None])
def test_entries_that_have_no_value_to_override_are_not_shadowed(base: Any) -> None:
    others = tuple(made for made in (base, document("b", {"A": "1"}, ("-x",))) if made)

    assert told(TREE, service=(entry("/**", "a"), entry("/**", "b")), others=others) == []


def test_a_special_case_after_the_general_one_is_what_lists_are_for() -> None:
    values = {"a": {"A": "1", "B": "1"}, "b": {"A": "2"}, "c": {"A": "3"}}
    lists = service(entry("/**", "a"), entry("/r1/**", "b"), entry("/r1/z1/**", "c"), **values)

    assert told(TREE, **lists) == []


def test_two_entries_for_the_same_nodes_are_layers() -> None:
    lists = service(entry("/r1/**", "a"), entry("/r1 /r1/**", "b"), a={"A": "1", "B": "1"}, b={"A": "2"})

    assert told(TREE, **lists) == []


def test_entries_that_overlap_with_two_values_are_told_with_both_places() -> None:
    lists = service(
        entry("/**/app*", "a", 4), entry("/r1/**", "b", 5), a={"A": "1", "B": "1"}, b={"A": "2", "B": "2"}
    )
    (found,) = linted(TREE, **lists)

    assert (found.code, found.origin) == ("two-values", at(5, "repository.yml"))
    assert found.summary == (
        '/r1/z1/app1 and 3 more: "A" (and 1 more) gets two values, at a:1:1 and, winning, at b:1:1'
    )
    assert "The entry at repository.yml:4:1 comes first" in found.detail


def test_the_same_value_twice_is_no_two_values() -> None:
    assert (
        told(TREE, **service(entry("/**/app*", "a"), entry("/r1/**", "b"), a={"A": "1"}, b={"A": "1"})) == []
    )


def test_an_entry_for_just_the_overlap_settles_it() -> None:
    values = {"a": {"A": "1"}, "b": {"A": "2"}, "c": {"A": "3"}}
    lists = service(entry("/**/app*", "a"), entry("/r1/**", "b"), entry("/r1/**/app*", "c"), **values)

    assert told(TREE, **lists) == []


def test_the_two_lists_have_nothing_to_do_with_each_other() -> None:
    documents = (document("a", {"A": "1"}), document("b", {"A": "2"}))

    assert told(TREE, install=(entry("/**", "a"),), service=(entry("/**", "b"),), others=documents) == []


# Names beside facts.


def test_a_name_beside_facts_is_looked_for() -> None:
    values = {"A": "{{ vars.x }}{{ facts.cpus }}{{ vars.y }}", "B": "{{ facts.cpus }}{{ parent.host.name }}"}
    tree = spec("r1", spec("app1"), vars={"x": 1})
    found = linted(tree, documents=[document("a", values)])

    assert [item.summary for item in found] == [
        '/r1 and 1 more: value of "A": "vars.y" is not defined',
        '/r1: value of "B": "parent.host.name" is not defined',
    ]


def test_an_expression_may_ask_whether_a_name_is_there() -> None:
    value = "{{ vars.y | default(facts.cpus) }}"

    assert told(spec("r1", spec("app1")), documents=[document("a", {"A": value})]) == []


# All.


def test_lints_are_told_by_place() -> None:
    lists = service(entry("/r1 !/r1", "a", 9), entry("/r2 !/r2", "a", 4), a={})
    never = placement("/r1 !/r1", 3, host="h1")

    assert [str(item.origin) for item in linted(TREE, placements=(*ANYWHERE, never), **lists)] == [
        "inventory.yml:3:1",
        "repository.yml:4:1",
        "repository.yml:9:1",
    ]


def test_where_there_is_no_tree_there_is_nothing_to_find() -> None:
    assert told(spec("r1", spec("app[1-100000]"), extends=()), spec("x[1-100000]", spec("y[1-100]"))) == []


def test_a_fleet_with_other_errors_is_linted_all_the_same() -> None:
    rules = (placement("/r1 !/r1", 3, host="h1"), placement("/r1", 4, host="nobody"))

    assert told(spec("r1"), placements=rules, hosts=(host("h1"),)) == [("unreachable", 3)]


@given(fleets())
@settings(max_examples=50, deadline=None)
def test_sound_fleets_with_one_document_have_no_lints(made: Bundle) -> None:
    assert [str(item) for item in lint(compile_fleet(made)) if item.code != "shadowed"] == []
