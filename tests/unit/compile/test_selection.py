"""Selection: what is typed selects what it says, and a mistake selects nothing."""

import pytest

from ramify.compile.selection import select

KNOWN = ("/r1", "/r1/z1", "/r1/z1/app1", "/r1/z10", "/r1/z2", "/r2", "/r2/z1")


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
    assert 'Did you mean "/r1/z1"?' in words


def test_one_mistake_among_several_is_told() -> None:
    assert [code for code, _ in refused("/r1", "/r7")] == ["no-such-path"]


def test_each_mistake_is_told() -> None:
    assert [code for code, _ in refused("/r7", "x")] == ["no-such-path", "bad-selection"]


def test_nothing_is_known_yet() -> None:
    found, diagnostics = select(("/r1",), ())

    assert found == frozenset()
    assert [item.code for item in diagnostics] == ["no-such-path"]
