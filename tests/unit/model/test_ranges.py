"""Ranges stand for names, and names fold to ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.model import ranges

NUMBERED = st.builds(
    lambda prefix, number, width, suffix: f"{prefix}{number:0{width}d}{suffix}",
    st.sampled_from(["app", "n", "db-1x"]),
    st.integers(0, 130),
    st.integers(1, 4),
    st.sampled_from(["", "", "x", ".lan"]),
)


def names(text: str) -> list[str]:
    return [name for name, _ in ranges.expand(text)]


@given(st.lists(NUMBERED | st.sampled_from(["db", "web", "a.b"]), max_size=40))
def test_folding_and_expanding_gives_the_same_names(given_names: list[str]) -> None:
    folded = ranges.fold_names(given_names)

    assert sorted(name for text in folded for name in names(text)) == sorted(set(given_names))
    assert folded == sorted(folded)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 7), st.integers(1, 4))
def test_a_range_is_what_counting_gives(first: int, more: int, step: int, width: int) -> None:
    last = first + more
    text = f"n[{first:0{width}d}-{last:0{width}d}/{step}]"

    expected = [f"n{number:0{width}d}" for number in range(first, last + 1, step)]

    if width > 1 and first < 10:  # else nothing shows that numbers are padded
        assert names(text) == expected
    if width == 1:
        assert names(text) == expected
        assert ranges.count(text) == len(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db", ["db"]),
        ("zone[1-3]", ["zone1", "zone2", "zone3"]),
        ("app[08-11]x", ["app08x", "app09x", "app10x", "app11x"]),
        ("n[0-6/2]", ["n0", "n2", "n4", "n6"]),
        ("n[1,4-6]", ["n1", "n4", "n5", "n6"]),
        ("n[7]", ["n7"]),
        ("[1-2]", ["1", "2"]),
        ("n[ 1 , 3 ]", ["n1", "n3"]),
    ],
)
def test_a_name_stands_for_these(text: str, expected: list[str]) -> None:
    assert names(text) == expected
    assert ranges.count(text) == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        "n[",
        "n]",
        "n[1-3",
        "n1-3]",
        "n[[1]]",
        "n[]",
        "n[a]",
        "n[3-1]",
        "n[1-3/0]",
        "n[-1]",
        "n[1-]",
        "n[1--3]",
        "n[1-2]m[1-2]",
        "n[010-5]",
        "n[08-9]",
        "n[1-100001]",
        f"n[1-{'9' * 30}]",
        "n[\u0661-\u0663]",
        "n[1 2]",
    ],
)
def test_what_is_no_range_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r'"|\d'):
        ranges.expand(text)
    with pytest.raises(ValueError, match=r'"|\d'):
        ranges.count(text)


@given(st.text(alphabet="an[]0123-/, ", max_size=14))
def test_any_text_is_names_or_refused(text: str) -> None:
    try:
        expanded = names(text)
    except ValueError:
        return
    assert len(expanded) == ranges.count(text) <= ranges.MAX_EXPANSION


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 5), st.text(alphabet="0123456789x", max_size=3))
def test_an_item_contains_exactly_what_it_counts(first: int, more: int, step: int, text: str) -> None:
    (item,) = ranges.parse_items(f"{first}-{first + more}/{step}")

    assert (text in item) == (text in [item.written(number) for number in item])
    assert len(item) == len(list(item))


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        (["app01", "app02", "db"], ["app[01-02]", "db"]),
        (["n9", "n10", "n11"], ["n[9-11]"]),
        (["n08", "n09", "n10"], ["n[08-10]"]),
        (["n1", "n3", "n5", "n6"], ["n[1,3,5-6]"]),
        (["n1"], ["n1"]),
        (["n1", "n01"], ["n01", "n1"]),
        (["app8x", "app9x", "app9"], ["app9", "app[8-9]x"]),
        (["web1.lan", "web2.lan", "web02.lan"], ["web02.lan", "web[1-2].lan"]),
        ([], []),
    ],
)
def test_names_fold_to_the_shortest_form(given_names: list[str], expected: list[str]) -> None:
    assert ranges.fold_names(given_names) == expected
