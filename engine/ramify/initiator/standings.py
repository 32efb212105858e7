"""A run's own word on its rollout, kept in the directory while it goes on: whoever asks looks there."""

from msgspec import structs

from ramify.directory.rollouts import Rollouts
from ramify.initiator.job import Job
from ramify.initiator.risk import Risk
from ramify.initiator.waves import Waves
from ramify.model.events import Event, Report, Wave
from ramify.model.record import NodeResult, Outcome
from ramify.model.standing import ABORT, NOT_BEGUN, Standing, State

OFTEN = 20
"""So many times the number of those that were begun is written, at most, while nothing else moves."""

MOST_BELOW = 200
"""So many levels further down are kept in sight."""

_WELL = frozenset({Outcome.DONE, Outcome.UNCHANGED})


class Kept:
    """The standing of one run."""

    def __init__(self, job: Job, rollouts: Rollouts, waves: Waves, risk: Risk) -> None:
        self._rollouts = rollouts
        self._waves = waves
        self._risk = risk
        self._nodes = [node.path for node in job.plan.nodes if node.action.acts]
        # Whoever brings all to what the hierarchy says has looked at what needs nothing, too.
        planned = (node.path for node in job.plan.nodes)
        self._replaced = tuple(planned) if job.plan.goal == "apply" else self._nodes
        sizes = tuple(len(wave) for wave in waves.waves())
        self._total = sum(sizes)
        self._last = Standing(job.run, job.fleet.scope, waves=sizes, limits=risk.budget.limits, most=job.most)
        self._counts = job.kind == "apply" and job.options.rollouts

    def begin(self) -> None:
        """It begins, in the place of those that stopped before."""
        if self._counts:
            self._rollouts.begin(self._last, self._nodes)
            self._rollouts.supersede(self._last.run, self._replaced)

    def moved(self) -> None:
        """Something may have changed: written if it matters."""
        last, now = self._last, self._now()
        same = (last.wave, last.failed, last.offline) == (now.wave, now.failed, now.offline)
        if self._counts and (not same or (now.started - last.started) * OFTEN > self._total):
            self._put(now)

    def hear(self, event: Event) -> None:
        """An initiator further down began a wave."""
        if isinstance(event, Wave) and event.path != self._last.path and self._counts:
            below = dict(self._last.below)
            if event.path in below or len(below) < MOST_BELOW:
                below[event.path] = (event.number, event.count)
                self._put(structs.replace(self._last, below=below))

    def end(self, report: Report, *, finished: bool) -> None:
        """It has ended, or was `finished` by nobody."""
        if not self._counts:
            return
        halted = self._risk.halted
        complete = all(result.outcome in _WELL for result in report.results)
        state = State.DONE if finished and (complete or not halted) else _stopped(halted is not None)
        if halted and self._rollouts.wished(self._last.run)[0] == ABORT:
            state = State.ABORTED
        left = () if state is State.DONE else tuple(map(_path, filter(_is_left, report.results)))
        self._put(
            structs.replace(self._now(), state=state, reason=halted.reason if halted else "", left=left)
        )

    def _now(self) -> Standing:
        budget = self._risk.budget
        return structs.replace(
            self._last,
            wave=self._waves.number,
            started=self._waves.begun,
            failed=budget.failed,
            offline=budget.offline,
        )

    def _put(self, standing: Standing) -> None:
        self._last = standing
        self._rollouts.put(standing)


def _stopped(halted: bool) -> State:
    """The state of a run that did not come to its end."""
    return State.PAUSED if halted else State.INTERRUPTED


def _is_left(result: NodeResult) -> bool:
    return result.outcome in NOT_BEGUN and not result.stale


def _path(result: NodeResult) -> str:
    return result.path
