"""Progress of a run: what is told of it, and when."""

from collections.abc import Callable
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ramify.cli.bars import bars
from ramify.cli.progress import EVERY, Lines, Tracker
from ramify.cli.slowest import Slowest
from ramify.model.events import Event, Finished, Halted, Note, Started
from ramify.model.plan import Action, NodePlan, Plan, Summary
from ramify.model.record import NodeResult, Outcome

PATHS = ("/r", "/r/a", "/r/b", "/r/c")


def plan(unchanged: str = "/r") -> Plan:
    nodes = (
        NodePlan(path, Action.UNCHANGED if path == unchanged else Action.CREATE, "h", "/") for path in PATHS
    )
    return Plan("", tuple(nodes), Summary(add=3, unchanged=1))


def ended(path: str, outcome: Outcome = Outcome.DONE) -> Finished:
    return Finished(NodeResult(path, outcome))


class Clock:
    """Time that goes by when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(*events: tuple[float, Event | None]) -> list[str]:
    said: list[str] = []
    clock, tracker = Clock(), Tracker(plan())
    lines = Lines(tracker, said.append, clock)
    for now, event in events:
        clock.now = now
        if event is None:
            lines.tick()
        else:
            lines.event(event, tracker.feed(event))
    return said


SEEN: tuple[tuple[float, Event], ...] = (
    (0, Started("/r/a", "h")),
    (0, Started("/r/b", "h")),
    (2, Note("/r/a", "was started again")),
    (3, ended("/r/a", Outcome.FAILED)),
    (4, ended("/r/b")),
    (7, Started("/r/c", "h")),
    (8, Halted("/r", "1 node failed or got lost: no more may (max_fail)")),
)


def test_how_progress_reads_without_a_terminal(golden: Callable[[str, str], None]) -> None:
    said = told(*SEEN, (EVERY, None), (2 * EVERY - 1, None), (2 * EVERY, None), (21, ended("/r/c")))
    golden("cli/progress-lines.txt", "\n".join(said) + "\n")


def test_how_progress_reads_on_a_terminal(golden: Callable[[str, str], None]) -> None:
    clock, tracker, slowest = Clock(), Tracker(plan()), Slowest()
    shown = StringIO()
    with bars(tracker, Console(file=shown, width=90, color_system=None), clock) as view:
        for now, event in SEEN:
            clock.now = now
            slowest.feed(event, now)
            view.event(event, tracker.feed(event))
        clock.now = 12
        view.tell(slowest.text(clock.now))
    golden("cli/progress-bars.txt", shown.getvalue())


def test_text_above_the_bars_is_shown_as_it_is() -> None:
    shown = StringIO()
    with bars(Tracker(plan()), Console(file=shown, width=20, color_system=None), Clock()) as view:
        view.tell("/r/a main | \x1b[31m[bold]not markup[/] https://a.example/1 is not torn\x1b[0m")
    assert shown.getvalue().startswith("/r/a main | [bold]not markup[/] https://a.example/1 is not torn\n")


def test_a_level_that_is_through_is_told_once() -> None:
    assert told(
        (0, Started("/r/a", "h")),
        (1, ended("/r/a")),
        (1, ended("/r/b", Outcome.OFFLINE)),
        (2, ended("/r/c", Outcome.FAILED)),
    ) == ["level 2: 3 of 3 ended (1 done, 1 failed, 1 offline)"]


def test_who_waits_long_is_told_where_it_is() -> None:
    line = "level 2: 1 of 3 ended (1 done, 1 running)"
    started, first = (1.0, Started("/r/b", "h")), (2.0, ended("/r/a"))
    assert told(started, first, (EVERY - 1, None)) == []
    assert told(started, first, (EVERY, None), (EVERY + 1, None), (2 * EVERY, None)) == [line, line]


def test_notes_are_told_at_once() -> None:
    assert told((0, Note("/r/a", "was started again"))) == ["/r/a: was started again"]


def test_a_node_that_nobody_planned_for_is_counted_too() -> None:
    tracker = Tracker(plan())
    level = None
    for path in (*PATHS[1:], "/r/old"):
        level = tracker.feed(ended(path))
    assert str(level) == "level 2: 4 of 4 ended (4 done)"


@given(st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(Outcome))))
def test_a_run_broken_off_still_accounts_for_every_node(events: list[tuple[str, Outcome]]) -> None:
    tracker = Tracker(plan())
    for path, outcome in events:
        tracker.feed(ended(path, outcome))
    last = {"/r": Outcome.UNCHANGED, **dict(events)}
    results = tracker.report("interrupted").results
    assert [result.path for result in results] == list(PATHS)
    assert [result.outcome for result in results] == [last.get(path, Outcome.UNKNOWN) for path in PATHS]


@given(st.lists(st.tuples(st.sampled_from(PATHS[1:]), st.sampled_from(Outcome)), min_size=1))
def test_numbers_of_a_level_add_up(events: list[tuple[str, Outcome]]) -> None:
    tracker = Tracker(plan())
    for path, outcome in events:
        level = tracker.feed(ended(path, outcome))
        assert level is not None
        assert sum(level.numbers().values()) == level.ended
