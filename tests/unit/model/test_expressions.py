"""Path expressions: terms and operators, read from left to right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.model import expressions
from ramify.model.expressions import Term, parse


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("/a", [(",", "/a")]),
        ("/a,/b", [(",", "/a"), (",", "/b")]),
        ("/a!/b&/c^/d", [(",", "/a"), ("!", "/b"), ("&", "/c"), ("^", "/d")]),
        ("/a[1-5,8],/b[0-10/2]", [(",", "/a[1-5,8]"), (",", "/b[0-10/2]")]),
        ("/a[ 1 , 3 ]", [(",", "/a[ 1 , 3 ]")]),
        (" /a !  /b /c", [(",", "/a"), ("!", "/b"), (",", "/c")]),
        ("!/b", [("!", "/b")]),
        (",/b", [(",", "/b")]),
        ("/a,!/b,&/c", [(",", "/a"), ("!", "/b"), ("&", "/c")]),
        ("/a[1-3,/b", [(",", "/a[1-3"), (",", "/b")]),
    ],
)
def test_an_expression_is_these_terms(text: str, terms: list[tuple[str, str]]) -> None:
    assert [(term.operator, term.text) for term in parse(text)] == terms


@pytest.mark.parametrize("text", ["", " ", ",", "!", "/a,", "/a!", "/a,,/b", "/a!!/b", "/a!,/b", "!,/a"])
def test_a_path_that_is_missing_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"a path (is missing|cannot be empty)"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "named", "taken", "plain"),
    [
        ("/a/b", "/a/b", "/a/b/**", True),
        ("/a/b/.", "/a/b", "/a/b", True),
        ("/a/b/", "/a/b", "/a/b/**", False),
        ("/a*/.", "/a*", "/a*", False),
        ("/", "/**", "/**/**", False),
    ],
)
def test_a_term_takes_its_nodes_and_all_below_unless_alone(
    text: str, named: str, taken: str, plain: bool
) -> None:
    term = Term(",", text)
    assert (term.named.text, term.taken.text, term.plain) == (named, taken, plain)
    assert term.problem is None


@pytest.mark.parametrize("text", ["a", "//", "/.", "/a[1", "/a[3-1]", "/[!a]", "region2"])
def test_a_term_says_what_is_wrong_with_it(text: str) -> None:
    assert Term(",", text).problem


@given(st.text(alphabet="/a.[1-3],!&^ *\n", max_size=14))
def test_any_text_is_terms_or_refused(text: str) -> None:
    try:
        terms = parse(text)
    except ValueError:
        return
    assert parse("".join(term.operator + term.text for term in terms)) == terms


@pytest.mark.parametrize(
    ("operator", "taken"),
    [(",", [0, 1, 1, 1]), ("!", [0, 0, 1, 0]), ("&", [0, 0, 0, 1]), ("^", [0, 1, 1, 0])],
)
def test_operators_are_those_of_sets(operator: str, taken: list[int]) -> None:
    pairs = [(before, hit) for before in (False, True) for hit in (False, True)]
    assert [expressions.apply(operator, before=before, hit=hit) for before, hit in pairs] == taken
