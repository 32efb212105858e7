"""The ledger of a run: what has become of every node, in memory, in the directory and in the events told.

Rule 1: a node is marked in the directory (`open`) before anything is done to it, and not earlier: what was
never touched is recorded as it was.
Rule 2: a node that ended with a record is recorded so; without one it is recorded as before the run.
Rule 3: a node in doubt keeps its mark, and whoever plans next looks first.
"""

from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from ramify.compile.fleet import Fleet
from ramify.compile.lifecycle import LOOK
from ramify.directory.sqlite import Directory
from ramify.initiator.strays import unknown
from ramify.model import paths
from ramify.model.events import (
    Event,
    Finished,
    Found,
    Halted,
    Note,
    Planned,
    Report,
    Started,
    Step,
    Stray,
    Unheard,
    Wave,
    untouched,
)
from ramify.model.history import NodeChange
from ramify.model.plan import Plan
from ramify.model.record import NodeRecord, NodeResult, Outcome, generation

Emit = Callable[[Event], None]

MOST_MESSAGE = 500
"""Characters that history keeps of what was told of a node."""

KNOWN_OTHERWISE = "its initiator knew it otherwise than it was recorded here, and did what was due"

_WELL = frozenset({Outcome.DONE, Outcome.UNCHANGED})


class Ledger:
    """Results and records of one run."""

    def __init__(self, run: str, plan: Plan, fleet: Fleet, directory: Directory, emit: Emit) -> None:
        scope = fleet.scope
        self._fleet = fleet
        self._run = run
        self._goal = plan.goal
        self._planned = {planned.path: planned for planned in plan.nodes}
        self._directory = directory
        self._emit = emit
        self._before = directory.records(scope)
        self._results: dict[str, NodeResult] = {}
        self._marked: set[str] = set()
        self._lost: list[Unheard] = []
        self._known_otherwise: set[str] = set()
        self._strays: dict[tuple[str, str], Stray] = {}

    # What is known.

    @property
    def before(self) -> dict[str, NodeRecord]:
        """Records as they were before the run, or as initiators below told that they were."""
        return self._before

    def below(self, path: str) -> list[NodeRecord]:
        """What is recorded strictly below a path now."""
        return [record for record in self._directory.records(path).values() if record.path != path]

    def outcome(self, path: str) -> Outcome | None:
        """How a node ended, if it has."""
        result = self._results.get(path)
        return result.outcome if result else None

    def has_ended(self, path: str) -> bool:
        """Whether there is a result."""
        return path in self._results

    def is_marked(self, path: str) -> bool:
        """Whether a node is being touched."""
        return path in self._marked

    def is_well(self, path: str) -> bool:
        """Whether a node ended as it was wished, or needed nothing."""
        result = self._results.get(path)
        return result is None or result.outcome in _WELL

    def not_well(self, nodes: Iterable[str]) -> str | None:
        """The first of some nodes that did not end as wished, or not at all."""
        return next((path for path in nodes if not (self.has_ended(path) and self.is_well(path))), None)

    def heard_below(self, path: str) -> list[str]:
        """The nodes below one of which there are results."""
        return [found for found in self._results if found != path and paths.within(found, path)]

    # What happens.

    def tell(self, event: Event) -> None:
        """Tell something that changes no account."""
        self._emit(event)

    def mark(self, nodes: Iterable[str]) -> None:
        """Note that nodes are about to be touched."""
        new = [path for path in nodes if path not in self._marked]
        self._marked.update(new)
        self._directory.write([self._opened(path) for path in new])

    def _opened(self, path: str) -> NodeRecord:
        record = self._before.get(path)
        if record is None:
            planned = self._planned.get(path)
            record = NodeRecord(path, planned.host if planned else "", paths.parent(path))
        return structs.replace(record, open=self._run)

    def end(self, result: NodeResult, record: NodeRecord | None = None, *, gone: bool = False) -> None:
        """A node has ended: recorded as `record`, as nothing when it is `gone`, else as before."""
        self._end([Finished(result, record, gone)])

    def break_off(self, result: NodeResult) -> None:
        """A node has ended, and if anything had begun, nobody knows how it stands."""
        self._end([self._in_doubt(result)])

    def doubt(self, nodes: Iterable[str], message: str, detail: str = "") -> None:
        """Nobody knows what has become of those nodes that have not ended."""
        left = [path for path in nodes if path not in self._results]
        self._end([self._in_doubt(NodeResult(path, Outcome.UNKNOWN, message, detail)) for path in left])

    def suspect(self, path: str) -> None:
        """What is recorded of a node is to be looked at before it is believed again; its outcome stands."""
        record = self._directory.records(path).get(path)
        if record is not None:
            result = self._results.get(path) or NodeResult(path, Outcome.UNCHANGED)
            self._end([Finished(result, structs.replace(record, open=self._run))])

    def skip(self, nodes: Iterable[str], why: str, detail: str = "") -> None:
        """Those nodes that have not ended are left as they were."""
        left = [path for path in nodes if path not in self._results]
        self._end([Finished(NodeResult(path, Outcome.SKIPPED, why, detail)) for path in left])

    def pass_over(self, stale: Mapping[str, str]) -> None:
        """Nodes that moved on since they were planned are left as they are, each for a reason."""
        self._end(
            [
                Finished(NodeResult(path, Outcome.SKIPPED, why, stale=True), record, gone=record is None)
                for path, why in stale.items()
                for record in (self._before.get(path),)
            ]
        )

    def leave(self, nodes: Iterable[str]) -> None:
        """Those nodes that have not ended needed nothing after all."""
        left = [path for path in nodes if path not in self._results]
        self._end([Finished(NodeResult(path, Outcome.UNCHANGED)) for path in left])

    def unheard(self, event: Unheard, handed: Iterable[str] = ()) -> None:
        """Of nodes handed over, below one whose domain only its initiator can ask for, no more is heard.

        Where none was known by name, and nobody knows how they stand, their number stays unknown: that one
        stands for them.
        """
        below = [path for path in handed if path != event.path and paths.within(path, event.path)]
        if event.outcome is Outcome.UNKNOWN:
            self.doubt(below, event.message, event.detail)
            if not below:
                self._lost.append(event)
        else:
            self.skip(below, event.message)
        self._emit(event)

    def hear(self, events: tuple[Event, ...], handed: Iterable[str] = ()) -> None:
        """Take in what the initiator of a child told, which some nodes were handed to, and pass it on."""
        finished: list[Finished] = []
        for event in events:
            match event:
                case Finished():
                    finished.append(event)
                case Found():
                    self._end(finished)
                    finished = []
                    self._find(event)
                case Unheard():
                    self._end(finished)
                    finished = []
                    self.unheard(event, handed)
                case Stray():
                    self.find_stray(event)
                case Started() | Step() | Note() | Planned() | Halted() | Wave():
                    self._emit(event)
        self._end(finished)

    def find_stray(self, stray: Stray) -> None:
        """Something lies on a host that whoever found it does not know; here it may be known."""
        place = stray.path, stray.host
        if place not in self._strays and unknown(stray, self._fleet, self._directory.records(stray.path)):
            self._strays[place] = stray
            self._emit(stray)

    def _in_doubt(self, result: NodeResult) -> Finished:
        return Finished(result, self._opened(result.path) if result.path in self._marked else None)

    def _end(self, ended: Iterable[Finished]) -> None:
        """Account for nodes: one write for all of them, and an event for each."""
        events = [self._explained(self._settled(event)) for event in ended]
        written = {event.result.path: event.record for event in events if event.record is not None}
        gone = [event.result.path for event in events if event.gone]
        changes = [change for event in events if (change := self._change(event)) is not None]
        if written or gone or changes:
            self._directory.write(written.values(), gone, self._run, changes)
        for event in events:
            self._results[event.result.path] = event.result
            self._marked.discard(event.result.path)
            self._emit(event)

    def _change(self, event: Finished) -> NodeChange | None:
        """What history remembers of a node that did not stay as it was, or should not have."""
        result = event.result
        before = self._before.get(result.path)
        after = None if event.gone else event.record or before
        if result.outcome is Outcome.UNCHANGED and state(before) == state(after):
            return None
        host = (after or before or NodeRecord("", "", "")).host
        return NodeChange(
            result.path, result.outcome, host, result.message[:MOST_MESSAGE], *state(before), *state(after)
        )

    def _settled(self, event: Finished) -> Finished:
        """What is told of a node that was marked says how it is recorded now: nobody has to know the mark."""
        path = event.result.path
        if event.record is not None or event.gone or path not in self._marked:
            return event
        record = self._before.get(path)
        return Finished(event.result, record, gone=record is None)

    def _explained(self, event: Finished) -> Finished:
        """What was planned from records that its initiator had otherwise may have been done otherwise."""
        result = event.result
        if result.outcome is not Outcome.DONE or result.message or result.path not in self._known_otherwise:
            return event
        return structs.replace(event, result=structs.replace(result, message=KNOWN_OTHERWISE))

    def _find(self, event: Found) -> None:
        """An initiator's own records are nearer to the truth than ours; it knows nothing of our marks."""
        here = {record.path: record for record in self.below(event.path)}
        for path in here:
            self._before.pop(path, None)
        known = {record.path: record for record in event.records}
        self._known_otherwise |= {
            path
            for path in (here.keys() | known.keys()) & self._planned.keys()
            if generation(here.get(path)) != generation(known.get(path))
            and LOOK not in self._planned[path].steps
        }
        self._before.update(known)
        opened = {path: self._opened(path) for path in here if path in self._marked}
        self._directory.replace_below(event.path, {**known, **opened}.values())
        self._emit(event)

    def report(self) -> Report:
        """One result for every planned node, then those of nodes that only an initiator knew of."""
        for lost in self._lost:
            message = f"what is below it is in doubt: {lost.message}"
            self._results[lost.path] = NodeResult(lost.path, Outcome.UNKNOWN, message, lost.detail)
        planned = [self._results.get(path) or self._not_ended(path) for path in self._planned]
        others = [result for path, result in self._results.items() if path not in self._planned]
        return Report((*planned, *others), strays=self._unknown())

    def _unknown(self) -> tuple[Stray, ...]:
        """Since one was found somebody may have told that he knows it."""
        records = self._directory.records() if self._strays else {}
        return tuple(one for one in self._strays.values() if unknown(one, self._fleet, records))

    def _not_ended(self, path: str) -> NodeResult:
        if not self._planned[path].action.acts:
            return untouched(self._planned[path], self._goal)
        if path in self._marked:
            return NodeResult(path, Outcome.UNKNOWN, "the run was broken off")
        return NodeResult(path, Outcome.SKIPPED, "the run was broken off before it came to it")


def state(record: NodeRecord | None) -> tuple[int, str]:
    """What history remembers of how a node stood: its release and its digest."""
    return (record.release, record.digest) if record is not None and record.exists else (0, "")
