"""Selection: what is typed selects what it says, and a mistake selects nothing."""

import operator
from collections.abc import Callable
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.cli.folding import fold
from ramify.compile.selection import each, select, tops
from ramify.model.patterns import Matcher, Pattern

KNOWN = ("/r1", "/r1/z1", "/r1/z1/app1", "/r1/z10", "/r1/z2", "/r2", "/r2/z1")

TREE = tuple(
    path
    for r in range(1, 4)
    for path in (
        f"/r{r}",
        *(
            deeper
            for z in range(1, 4)
            for deeper in (f"/r{r}/z{z}", *(f"/r{r}/z{z}/{name}" for name in ("db", "a08", "a09", "a10")))
        ),
    )
)
SETS: dict[str, Callable[[set[str], set[str]], set[str]]] = {
    ",": operator.or_, "!": operator.sub, "&": operator.and_, "^": operator.xor,
}  # fmt: skip
PATTERNS = st.sampled_from(
    ["/", "/r1", "/r2/z3", "/r[1-2]", "/r[1-3/2]/z*", "/**/db", "/**/a[08-09]", "/r1/z[1,3]/a?8", "/*/z2"]
)
TERMS = st.tuples(st.sampled_from(",!&^"), PATTERNS, st.booleans())
EXPRESSIONS = st.lists(st.lists(TERMS, min_size=1, max_size=4), min_size=1, max_size=4)
Expressions = list[list[tuple[str, str, bool]]]


def written(terms: list[tuple[str, str, bool]]) -> str:
    return "".join(f"{sign}{text}{'/.' if alone and text != '/' else ''}" for sign, text, alone in terms)


def taken(text: str, alone: bool) -> set[str]:
    """The nodes of a term, by asking for each node and all its parents."""
    if text == "/":
        return set(TREE)
    matcher = Matcher([Pattern(text)])
    hits = {path for path in TREE if matcher.matches(path)}
    return hits if alone else {path for path in TREE for hit in hits if f"{path}/".startswith(f"{hit}/")}


def by_sets(expressions: Expressions) -> set[str]:
    """What expressions take, said with sets."""
    total = set() if expressions[0][0][0] == "," else set(TREE)
    for (sign, text, alone), *rest in expressions:
        unit = reduce(
            lambda found, term: SETS[term[0]](found, taken(term[1], term[2])), rest, taken(text, alone)
        )
        total = SETS[sign](total, unit)
    return total


def selected(*texts: str) -> set[str]:
    found, diagnostics = select(texts, KNOWN)

    assert list(diagnostics) == []
    assert found is not None
    return set(found)


def refused(*texts: str) -> list[tuple[str, str]]:
    found, diagnostics = select(texts, KNOWN)

    assert diagnostics.failed
    assert found is not None, "an error is never everything"
    return [(item.code, f"{item.summary} {item.detail}") for item in diagnostics]


@pytest.mark.parametrize("texts", [(), ("/",)])
def test_nothing_said_and_the_root_limit_nothing(texts: tuple[str, ...]) -> None:
    found, diagnostics = select(texts, KNOWN)

    assert found is None
    assert list(diagnostics) == []


def test_a_path_is_selected_with_all_below_it() -> None:
    assert selected("/r1/z1") == {"/r1/z1", "/r1/z1/app1"}


def test_a_slash_at_the_end_does_not_matter() -> None:
    assert selected("/r1/z1/") == selected("/r1/z1")


def test_patterns_and_ranges_select() -> None:
    assert selected("/r*/z[1-2]") == {"/r1/z1", "/r1/z1/app1", "/r1/z2", "/r2/z1"}


def test_several_expressions_add_up() -> None:
    assert selected("/r2", "/r1/z10") == {"/r2", "/r2/z1", "/r1/z10"}


def test_the_root_beside_others_is_everything_known() -> None:
    assert selected("/r2", "/") == set(KNOWN)


@pytest.mark.parametrize("text", ["", " ", "r1", "/r1/[z", "/r[9-1]", "//"])
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    assert [code for code, _ in refused(text)] == ["bad-selection"]


def test_what_selects_nothing_is_an_error_with_the_closest_path() -> None:
    ((code, words),) = refused("/r1/zz1")

    assert code == "no-such-path"
    assert 'Below "/r1" nothing fits "zz1". Did you mean "z1"?' in words


def test_one_mistake_among_several_is_told() -> None:
    assert [code for code, _ in refused("/r1", "/r7")] == ["no-such-path"]


def test_each_mistake_is_told() -> None:
    assert [code for code, _ in refused("/r7", "x")] == ["no-such-path", "bad-selection"]


def test_nothing_is_known_yet() -> None:
    found, diagnostics = select(("/r1",), ())

    assert found == frozenset()
    assert [item.code for item in diagnostics] == ["no-such-path"]


@given(EXPRESSIONS)
def test_expressions_are_operations_on_sets_from_left_to_right(expressions: Expressions) -> None:
    texts = [written(terms) for terms in expressions]
    wanted = by_sets(expressions)

    found, diagnostics = select(texts, TREE)

    assert (set(TREE) if found is None else found) == wanted
    assert [item.code for item in diagnostics] == ([] if wanted else ["empty-selection"])


@given(EXPRESSIONS, st.sampled_from(["/r1", "/r2", "/r3/z1"]))
def test_an_initiator_finds_for_its_part_what_the_operator_found(
    expressions: Expressions, scope: str
) -> None:
    texts = [written(terms) for terms in expressions]
    part = [path for path in TREE if path.startswith(f"{scope}/")]

    everywhere, _ = select(texts, TREE)
    here, _ = select(texts, part)

    assert (here is None) == (everywhere is None)
    assert here is None or everywhere is None or here == everywhere & frozenset(part)


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (["/r1!/r1/z1"], {"/r1", "/r1/z10", "/r1/z2"}),
        (["/r1!/r1/z1/."], {"/r1", "/r1/z1/app1", "/r1/z10", "/r1/z2"}),
        (["/r1/."], {"/r1"}),
        (["/r1!/r1/*"], {"/r1"}),
        (["/r1", "!/**/z1"], {"/r1", "/r1/z10", "/r1/z2"}),
        (["!/r1"], {"/r2", "/r2/z1"}),
        (["/r1!/**/z1,/r2"], {"/r1", "/r1/z10", "/r1/z2", "/r2", "/r2/z1"}),
        (["/r1", "/r2!/**/z1"], {"/r1", "/r1/z1", "/r1/z1/app1", "/r1/z10", "/r1/z2", "/r2"}),
        (["/r1", "!/r1/z1,/r1/z2"], {"/r1", "/r1/z10"}),
        (["/r1&/**/z1"], {"/r1/z1", "/r1/z1/app1"}),
        (["/r2^/**/z1"], {"/r2", "/r1/z1", "/r1/z1/app1"}),
        (["/*/z[0-2/2]"], {"/r1/z2"}),
        (["/r1/z[1,10]/."], {"/r1/z1", "/r1/z10"}),
    ],
)
def test_a_node_goes_with_its_subtree(texts: list[str], left: set[str]) -> None:
    assert selected(*texts) == left


@pytest.mark.parametrize("text", ["/r1!/r1/z7", "/r7,/r1", "/r1&/r7", "!/r7"])
def test_each_part_that_takes_no_node_is_told(text: str) -> None:
    assert [code for code, _ in refused(text)] == ["no-such-path"]


@pytest.mark.parametrize("texts", [["/r1!/r1"], ["/r1/z1", "!/r1"], ["!/"], ["/r1&/r2"], ["/r1", "!/**"]])
def test_a_selection_that_leaves_nothing_is_an_error(texts: list[str]) -> None:
    assert [code for code, _ in refused(*texts)] == ["empty-selection"]
    assert select(texts, KNOWN)[0] == frozenset()


def test_what_cannot_be_read_selects_nothing_beside_what_can() -> None:
    found, diagnostics = select(["x", "!/r1"], KNOWN)

    assert found == frozenset()
    assert diagnostics.failed


@given(st.sets(st.sampled_from(TREE), min_size=1))
def test_what_is_told_of_a_selection_selects_just_it_again(chosen: set[str]) -> None:
    for told in (tops(chosen, TREE), each(chosen, TREE), fold(tops(chosen, TREE))):
        again, diagnostics = select(told, TREE)
        assert again is not None
        assert set(again) == chosen
        assert list(diagnostics) == []


@given(st.sets(st.sampled_from(TREE), min_size=1))
def test_no_top_can_be_left_out(chosen: set[str]) -> None:
    told = tops(chosen, TREE)
    for at in range(len(told)):
        rest = told[:at] + told[at + 1 :]
        assert not rest or set(select(rest, TREE)[0] or TREE) != chosen


def test_a_list_as_long_as_the_fleet_is_looked_up() -> None:
    known = [f"/r{r}/n{n}" for r in range(100) for n in range(300)]
    found, diagnostics = select([*known, "!/r7/n[0-9]"], known)

    assert len(found or ()) == len(known) - 10
    assert list(diagnostics) == []
