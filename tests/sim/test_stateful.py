"""Random sequences of all that can be asked for and go wrong end in the state that a small model predicts."""

import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ramify.model.drift import Drift
from ramify.model.plan import Goal
from sim.expected import GOALS
from sim.operators import QUICK
from sim.projects import MOVABLE, NODES, OPTIONAL, POOLS, Project
from sim.test_faults import KINDS, Fault
from sim.troubled import Troubled

EDIT = Drift("config/app.conf", "edited", "e" * 64, "a" * 64, "word=hello\n", "word=bye\n")
ASKED = ["/", "/gw1", "/gw1/.", "/gw1/zone1", "/gw*/app1", "/**/app*", "/lone", "/gw2!/gw2/app1"]
ENDS = ["operator dies", "drained", "stopped"]

goals, selections, nodes = st.sampled_from(GOALS), st.sampled_from(["/", *ASKED]), st.sampled_from(NODES)
faults = st.builds(Fault, st.sampled_from([*KINDS, "cut off"]), nodes, st.integers(1, 14))
ends = st.none() | st.builds(Fault, st.sampled_from(ENDS), st.just("/"), st.integers(1, 60))
tops = st.integers(0, 2)
CHANGES = st.one_of(
    st.tuples(st.just("absent"), st.sampled_from(OPTIONAL)),
    st.tuples(st.just("words"), st.tuples(tops, st.sampled_from("abc"))),
    st.tuples(st.just("on_drift"), st.tuples(tops, st.sampled_from(["", "report", "stop"]))),
    st.tuples(st.just("leaf"), st.sampled_from(["leaf", "leaf2"])),
    st.tuples(st.just("moved"), st.sampled_from(MOVABLE)),
    st.tuples(st.just("pool"), st.sampled_from(POOLS)),
)


events = st.lists(
    CHANGES
    | st.tuples(st.just("edit"), nodes)
    | st.tuples(st.just("end"), nodes)
    | st.tuples(st.just("operator"), st.none()),
    max_size=3,
)
Events = list[tuple[str, Any]]


def changed(project: Project, what: str, value: Any) -> Project:
    """A project with one thing changed: some are there or not, some are said by number."""
    before = getattr(project, what)
    if what in {"absent", "moved"}:
        value = before ^ {value}
    elif what in {"words", "on_drift"}:
        number, word = value
        value = (*before[:number], word, *before[number + 1 :])
    return project._replace(**{what: value})


class Fleet(RuleBasedStateMachine):
    """A fleet and its model; whatever is asked for, both come to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.played = Troubled(Path(self.folder.name))
        self.is_well = False

    def act(self, work: Coroutine[Any, Any, None]) -> None:
        self.is_well = False
        self.played.act(work)
        self.is_well = True

    @initialize()
    def begin(self) -> None:
        self.act(self.played.applies("/"))

    def happens(self, events: Events) -> None:
        """What changes by itself, and what people change, before somebody asks for something."""
        played = self.played
        for what, value in events:
            if what == "edit":
                played.edits(value, EDIT)
            elif what == "end":
                self.act(played.dies(value))
            elif what == "operator":
                played.takes_over()
            else:
                played.project = changed(played.project, what, value)

    # What can be asked for.

    @rule(events=events, selection=selections, looks=st.booleans(), fix=st.booleans())
    def apply(self, events: Events, selection: str, looks: bool, fix: bool) -> None:
        self.happens(events)
        self.act(self.played.applies(selection, looks=looks, fix=fix))

    @rule(events=events, goal=goals, selection=selections, looks=st.booleans())
    def command(self, events: Events, goal: Goal, selection: str, looks: bool) -> None:
        self.happens(events)
        self.act(self.played.commands(goal, selection, looks=looks))

    @rule(events=events, selection=selections)
    def roll_back(self, events: Events, selection: str) -> None:
        self.happens(events)
        self.act(self.played.rolls_back(selection))

    @rule(events=events, selection=selections)
    def save(self, events: Events, selection: str) -> None:
        self.happens(events)
        self.act(self.played.saves(selection))

    @precondition(lambda self: self.played.kept is not None)
    @rule(events=events)
    def apply_saved(self, events: Events) -> None:
        self.happens(events)
        self.act(self.played.applies_kept())

    @precondition(lambda self: self.played.waiting() is not None)
    @rule(events=events)
    def go_on_with_what_waits(self, events: Events) -> None:
        self.happens(events)
        self.act(self.played.goes_on())

    # What goes wrong.

    @rule(
        events=events, goal=st.just("apply") | goals, selection=selections,
        wrong=st.lists(faults, max_size=3), end=ends, most=st.sampled_from([None, 1, 2]),
    )  # fmt: skip
    def something_goes_wrong(
        self,
        events: Events,
        goal: Goal,
        selection: str,
        wrong: list[Fault],
        end: Fault | None,
        most: int | None,
    ) -> None:
        self.happens(events)
        self.act(self.played.goes_wrong(goal, selection, wrong, end, most))

    @rule(events=events, path=nodes, word=st.sampled_from("abc"))
    def a_change_cuts_its_host_off(self, events: Events, path: str, word: str) -> None:
        self.happens(events)
        self.act(self.played.cuts_itself_off(path, word))

    @rule(
        events=events, selection=selections, failing=st.lists(nodes, max_size=3),
        most=st.integers(1, 2), action=st.sampled_from(["pause", "rollback"]),
    )  # fmt: skip
    def a_rollout_fails(
        self, events: Events, selection: str, failing: list[str], most: int, action: str
    ) -> None:
        self.happens(events)
        self.act(self.played.rolls_out(selection, failing, most, action))

    async def ends_well(self) -> None:
        """Without faults, what is wished for comes to be, and then there is nothing to do."""
        played, operator = self.played, self.played.operator
        await played.applies("/")
        await played.applies("/")
        await played.looks()
        bundle = played.said()
        assert played.planned(bundle, "apply", "/") <= played.orphans(bundle)
        said = len(played.world.commands)
        await operator.apply(bundle, options=QUICK)
        assert len(played.world.commands) == said

    def teardown(self) -> None:
        try:
            if self.is_well:
                self.act(self.ends_well())
        finally:
            self.played.close()
            self.folder.cleanup()


TestFleet = Fleet.TestCase
TestFleet.settings = settings(
    max_examples=60,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
