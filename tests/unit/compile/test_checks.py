"""Checks: what only the whole fleet can tell, each problem once and at its place."""

import pytest

from ramify.compile.fleet import compile_fleet
from ramify.model.hierarchy import Assertion
from unit.compile.bundles import at, bundle, document, entry, placement, problems, spec, told


def assertion(match: str, that: str, line: int = 30) -> Assertion:
    return Assertion(tuple(match.split()), that, "the message", at(line))


# Roles.


def test_nodes_without_code_are_told_once_for_their_spec() -> None:
    tree = spec("r", spec("app[1-3]", line=5), spec("web", line=8))

    found = problems(tree, code=(entry("/r", "init"),))

    assert [(item.code, item.origin) for item in found] == [("no-code", at(5)), ("no-code", at(8))]
    assert found[0].summary == "/r/app1 and 2 more: no code reference matches"


def test_nodes_with_children_and_no_initiator_are_told_once() -> None:
    tree = spec("r", spec("z[1-3]", spec("app")), spec("app"))

    (found,) = problems(tree, code=(entry("/r", "init", 1), entry("/r/*/**", "agent", 2)))

    assert (found.code, found.origin) == ("not-an-initiator", at(2, "repository.yml"))
    assert found.summary == '/r/z1 and 2 more: has children, but its code "agent" is no initiator'


def test_an_initiator_may_have_no_children() -> None:
    assert told(spec("r"), code=(entry("/r", "init"),)) == []


def test_code_that_could_not_be_read_was_told_by_the_loader() -> None:
    assert told(spec("app"), components={}) == []


# Assertions.

TREE = spec("r", spec("app[1-3]", vars={"x": 3}), spec("app4", vars={"x": 5}), vars={"x": 1})


def test_an_assertion_that_holds_says_nothing() -> None:
    assert told(TREE, assertions=(assertion("/**", "vars.x < 9"),)) == []


def test_an_assertion_speaks_of_the_paths_that_it_matches() -> None:
    assert (
        told(TREE, assertions=(assertion("/r/app*", "vars.x > 1"), assertion("/** !/**/app4", "vars.x < 5")))
        == []
    )


@pytest.mark.parametrize("that", ["vars.x > 3", "node.vars.x > 3", "vars.x > 3 or host.name == 'h2'"])
def test_an_assertion_that_does_not_hold_is_told_once_in_its_own_words(that: str) -> None:
    (found,) = problems(TREE, assertions=(assertion("/r/*", that),))

    assert (found.code, found.origin) == ("assert", at(30))
    assert found.summary == "/r/app1 and 2 more: the message"
    assert found.detail == f"It must hold: {that}"


def test_every_assertion_that_does_not_hold_is_told() -> None:
    broken = assertion("/**", "vars.x > 9", 30), assertion("/r", "children | length == 9", 31)

    assert told(TREE, assertions=broken) == [("assert", at(30)), ("assert", at(31))]


@pytest.mark.parametrize(
    ("that", "expected"),
    [
        ("node.level == 1", True),
        ("children | length == 4", True),
        ("children | map(attribute='name') | first == 'app1'", True),
        ("children[0].vars.x == 3", True),
        ("parent.path == '/'", True),
        ("host.address == '10.0.0.1'", True),
        ("vars.y is defined", False),
        ("'app9' in children | map(attribute='name')", False),
    ],
)
def test_an_assertion_sees_what_templates_see(that: str, *, expected: bool) -> None:
    assert (told(TREE, assertions=(assertion("/r", that),)) == []) is expected


@pytest.mark.parametrize(
    ("that", "words", "hint"),
    [
        ("vars.y > 1", '"y" is not defined', "Known here: x."),
        ("var.x > 1", '"var" is not defined', 'Did you mean "vars"?'),
        ("facts.cpus > 1", '"facts" is not defined', ""),
        ("vars.x > 'a'", "TypeError", ""),
    ],
)
def test_an_assertion_that_cannot_be_answered_is_told_once(that: str, words: str, hint: str) -> None:
    (found,) = problems(TREE, assertions=(assertion("/**", that),))

    assert (found.code, found.origin) == ("assert-error", at(30))
    assert words in found.summary
    assert hint in found.detail


@pytest.mark.parametrize("that", ["vars.x >", "vars.x >> 1", "not", "}}"])
def test_an_assertion_that_cannot_be_read_is_told_once(that: str) -> None:
    assert [code for code, _ in told(TREE, assertions=(assertion("/**", that),))] == ["bad-template"]


def test_an_assertion_that_cannot_be_read_hides_no_other() -> None:
    broken = assertion("/**", "vars.x >", 30), assertion("/r", "vars.x > 1", 31)

    assert told(TREE, assertions=broken) == [("bad-template", at(30)), ("assert", at(31))]


def test_a_part_of_a_fleet_is_not_held_against_what_is_above_it() -> None:
    made = bundle(TREE, assertions=(assertion("/r", "vars.x > 9"),))

    assert list(compile_fleet(made, "/r/app1").diagnostics) == []


def test_a_node_without_a_host_is_told_for_that_alone() -> None:
    found = told(
        TREE,
        placements=(placement("/r", host="h1"),),
        documents=[document("a.yml", {"X": "{{ host.address }}"})],
        assertions=(assertion("/**", "host.name"),),
    )

    assert [code for code, _ in found] == ["not-placed"]
