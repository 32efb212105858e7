"""Diagnostics are collected, told once, and name what was meant."""

import pytest

from ramify.model.diagnostics import Diagnostic, Diagnostics, DiagnosticsError, Origin, Severity, did_you_mean

HERE = Origin("h.yml", 3, 5)


def test_equal_problems_are_kept_once_in_the_order_found() -> None:
    found = Diagnostics()
    found.error("b", "second")
    found.warning("a", "first", "way out", HERE)
    found.error("b", "second")

    assert [item.code for item in found] == ["b", "a"]
    assert len(found) == 2


def test_warnings_alone_do_not_fail() -> None:
    found = Diagnostics()
    assert not found.failed

    found.warning("a", "mind this")
    assert not found.failed

    found.extend([Diagnostic(Severity.ERROR, "b", "stop")])
    assert found.failed


def test_a_diagnostic_reads_as_editors_expect() -> None:
    assert str(Diagnostic(Severity.ERROR, "bad-name", "no", origin=HERE)) == "h.yml:3:5: error[bad-name]: no"
    assert str(Diagnostic(Severity.WARNING, "x", "no")) == "warning[x]: no"


def test_the_error_that_ends_a_stage_tells_them_all() -> None:
    found = Diagnostics()
    found.error("a", "one", "", HERE)
    found.error("b", "two")

    error = DiagnosticsError(found)

    assert error.diagnostics == tuple(found)
    assert str(error) == "h.yml:3:5: error[a]: one\nerror[b]: two"


@pytest.mark.parametrize(
    ("word", "known", "says"),
    [
        ("childern", ["vars", "children"], 'Did you mean "children"?'),
        ("x", ["b", "a"], "Known here: a, b."),
        ("x", [], ""),
        ("x", [f"name{at:02}" for at in range(13)], "name11, ...."),
    ],
)
def test_the_closest_known_word_is_offered_or_what_is_known(word: str, known: list[str], says: str) -> None:
    assert did_you_mean(word, known).endswith(says)
