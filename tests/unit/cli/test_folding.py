"""Folding paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.cli.folding import expand, fold, fold_words, natural, shortened, size

NAMES = st.one_of(
    st.from_regex(r"[ab][0-9]{0,3}", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}", fullmatch=True),
    st.from_regex(r"x[.-][0-9]{1,2}[a-c]?", fullmatch=True),
)
PATHS = st.sets(st.lists(NAMES, min_size=1, max_size=4).map(lambda steps: "/" + "/".join(steps)), max_size=60)


@given(PATHS)
def test_expanding_what_was_folded_gives_exactly_the_paths(paths: set[str]) -> None:
    unfolded = [path for folded in fold(paths) for path in expand(folded)]
    assert sorted(unfolded) == sorted(paths)


@given(PATHS)
def test_order_does_not_matter(paths: set[str]) -> None:
    assert fold(sorted(paths)) == fold(sorted(paths, reverse=True))


@given(PATHS)
def test_sizes_add_up(paths: set[str]) -> None:
    assert sum(map(size, fold(paths))) == len(paths)


@pytest.mark.parametrize(
    ("paths", "folded"),
    [
        ([], []),
        (["/a"], ["/a"]),
        (["/a", "/a"], ["/a"]),
        (["/a1", "/a2", "/a4"], ["/a[1-2,4]"]),
        (["/r1/z1", "/r1/z2", "/r2/z1", "/r2/z2"], ["/r[1-2]/z[1-2]"]),
        (["/r1/z1", "/r1/z2", "/r2/z1"], ["/r1/z[1-2]", "/r2/z1"]),
        (["/a01", "/a09", "/a10"], ["/a[01,09-10]"]),
        (["/r1", "/r1/z1", "/r2"], ["/r[1-2]", "/r1/z1"]),
        (["/z10", "/z2", "/y"], ["/y", "/z[2,10]"]),
    ],
)
def test_folded_forms(paths: list[str], folded: list[str]) -> None:
    assert fold(paths) == folded


def test_ten_thousand_leaves_are_one_word() -> None:
    paths = [
        f"/r{r}/z{z}/k{k}/a{a:02}"
        for r in range(1, 11)
        for z in range(1, 11)
        for k in range(1, 11)
        for a in range(1, 11)
    ]
    assert fold(paths) == ["/r[1-10]/z[1-10]/k[1-10]/a[01-10]"]


def test_numbers_sort_as_numbers() -> None:
    assert sorted(["z10", "z9", "a", "z"], key=natural) == ["a", "z", "z9", "z10"]


def test_long_lists_are_cut_and_the_rest_is_counted() -> None:
    assert shortened(["/a", "/b[1-3]", "/c"], 2) == (["/a"], 4)
    assert shortened(["/a", "/b"], 2) == (["/a", "/b"], 0)


def test_words_that_do_not_fit_a_line_are_not_folded() -> None:
    assert fold_words(["h2", "h1"]) == "h[1-2]"
    assert fold_words(["a", "b", "c", "d"], 3) == ""
