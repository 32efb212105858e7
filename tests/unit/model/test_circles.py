"""Circles: found exactly where there are some, each told once from its earliest name."""

from graphlib import CycleError, TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.model.circles import MAX_TOLD, arrows, circles

GRAPHS = st.dictionaries(
    st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefx"), max_size=4), max_size=6
)


@given(GRAPHS)
def test_a_graph_has_circles_exactly_when_it_cannot_be_sorted(graph: dict[str, list[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        assert circles(graph)
    else:
        assert not circles(graph)


@given(GRAPHS)
def test_what_is_told_is_a_circle_and_told_once(graph: dict[str, list[str]]) -> None:
    found = circles(graph)

    order = list(graph)
    assert len(set(found)) == len(found) <= MAX_TOLD
    for circle in found:
        assert circle[0] == min(circle, key=order.index)
        assert len(set(circle)) == len(circle)
        for one, following in zip(circle, circle[1:] + circle[:1], strict=True):
            assert following in graph[one]


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        ({"site": ["base"], "base": ["site"]}, ["site -> base -> site"]),
        ({"a": ["a"]}, ["a -> a"]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b -> c -> b"]),
        ({"a": ["b"], "b": ["nowhere"]}, []),
    ],
)
def test_a_circle_reads_as_arrows(graph: dict[str, list[str]], told: list[str]) -> None:
    assert [arrows(circle) for circle in circles(graph)] == told


def test_a_long_chain_is_no_trouble() -> None:
    graph = {str(at): [str(at + 1)] for at in range(50_000)}

    assert circles(graph) == []
    assert [len(circle) for circle in circles(graph | {"50000": ["0"]})] == [50_001]
