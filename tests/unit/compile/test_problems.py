"""Problems: many nodes with one cause are one diagnostic."""

from ramify.compile.problems import Problem, Problems, first_of
from ramify.model.diagnostics import Diagnostics, Severity
from unit.compile.bundles import at

ONE, OTHER = Problem("one", "is wrong", "Mend it.", at(1)), Problem("one", "is wrong", "Mend it.", at(2))


def test_each_cause_is_told_once_with_its_first_node_in_the_order_found() -> None:
    problems, diagnostics = Problems(), Diagnostics()
    for path, problem in [("/b", OTHER), ("/a", ONE), ("/c", OTHER), ("/d", OTHER)]:
        problems.add(path, problem)

    problems.tell(diagnostics)

    assert [(item.code, item.summary, item.detail, item.origin) for item in diagnostics] == [
        ("one", "/b and 2 more: is wrong", "Mend it.", at(2)),
        ("one", "/a: is wrong", "Mend it.", at(1)),
    ]
    assert {item.severity for item in diagnostics} == {Severity.ERROR}


def test_what_was_told_is_not_told_again() -> None:
    problems, diagnostics = Problems(), Diagnostics()
    problems.add("/a", ONE)
    problems.tell(Diagnostics())

    problems.tell(diagnostics)

    assert len(diagnostics) == 0


def test_large_counts_are_readable() -> None:
    assert first_of(["/a"] * 10_001) == "/a and 10,000 more"
