"""Siblings: names once, and an order that comes to an end."""

from graphlib import CycleError, TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.hierarchy import NodeSpec
from ramify.model.order import check_order
from ramify.model.patterns import Step
from ramify.model.ranges import expand
from ramify.model.siblings import check_names


def specs(**after: list[str]) -> list[NodeSpec]:
    return [
        NodeSpec(name.replace("__", "[1-3]"), Origin("h.yml", line, 1), after=tuple(words))
        for line, (name, words) in enumerate(after.items(), 1)
    ]


def told(given_specs: list[NodeSpec]) -> list[str]:
    found = Diagnostics()
    check_order(given_specs, found)
    return [f"{item.code}: {item.summary} {item.detail}" for item in found]


@pytest.mark.parametrize(
    "after",
    [
        {"db": [], "app": ["db"]},
        {"app": ["db"], "db": []},
        {"db": [], "app__": ["db"], "last": ["*"]},
        {"app__": ["app1"]},
        {"app__": ["db[1-3]"], "db__": []},
        {"a": ["?"], "b": []},
        {},
    ],
)
def test_an_order_that_comes_to_an_end_is_fine(after: dict[str, list[str]]) -> None:
    assert told(specs(**after)) == []


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (
            {"db": [], "app": ["dbb"]},
            'unknown-sibling: `after` of "app" names no sibling: "dbb" Did you mean "db"?',
        ),
        ({"app__": [], "b": ["app4"]}, 'Did you mean "app3"?'),
        ({"app__": [], "b": ["x*"]}, "Known here: app[1-3]."),
        ({"app": ["x["]}, "It has no siblings."),
        ({"app": ["app"]}, 'after-cycle: "app" waits for itself'),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, "a -> b -> c -> a"),
        ({"app__": ["app*"]}, "app1 -> app2 -> app1"),
        ({"app__": ["app1", "app2"]}, "app1 -> app2 -> app1"),
        ({"app__": ["b"], "b": ["app2"]}, "app2 -> b -> app2"),
    ],
)
def test_what_cannot_be_waited_for_is_told(after: dict[str, list[str]], says: str) -> None:
    (problem,) = told(specs(**after))

    assert says in problem


NAMES = st.sampled_from(["a", "b", "n[1-3]", "m[1-2]", "app"])
WORDS = st.sampled_from(["a", "b", "n1", "n2", "n[2-3]", "n*", "m1", "m*", "*", "app", "?", "a*"])


@given(st.dictionaries(NAMES, st.lists(WORDS, max_size=2), max_size=5))
def test_a_circle_is_told_exactly_when_no_order_of_all_names_exists(after: dict[str, list[str]]) -> None:
    written = [NodeSpec(name, Origin("h.yml", 1, 1), after=tuple(words)) for name, words in after.items()]
    names = {name: spec for spec in written for name, _ in expand(spec.name)}
    waits = {
        name: [other for word in spec.after for other in names if other != name and Step(word).fits(other)]
        for name, spec in names.items()
    }
    for_itself = any(
        {name for name in names if Step(word).fits(name)} == {spec.name}
        for spec in written
        for word in spec.after
    )
    try:
        TopologicalSorter(waits).prepare()
        circle = False
    except CycleError:
        circle = True

    assert any(item.startswith("after-cycle") for item in told(written)) == (circle or for_itself)


def test_thousands_of_siblings_in_a_chain_are_no_trouble() -> None:
    chain = [NodeSpec(f"n{at}", Origin("h.yml", at + 1, 1), after=(f"n{at - 1}",)) for at in range(1, 5000)]

    assert told([NodeSpec("n0", Origin("h.yml", 1, 1)), *chain]) == []


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["a", "b", "n[1-3]", "n[4-6]"], []),
        (["n[1-3]", "n[3-5]"], ["duplicate-name"]),
        (["n[01-03]", "n[1-3]"], []),
        (["n[1,1]"], ["duplicate-name"]),
        (["n[1-", "a b", "ok"], ["bad-range", "bad-name"]),
        (["n[1-3].example.com"], []),
    ],
)
def test_siblings_have_names_of_their_own(names: list[str], codes: list[str]) -> None:
    found = Diagnostics()
    check_names([NodeSpec(name, Origin("h.yml", at, 1)) for at, name in enumerate(names, 1)], found)

    assert [item.code for item in found] == codes
