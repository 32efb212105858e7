"""A run that went wrong, taken back: what it touched is brought to the releases that were there before it."""

from msgspec import Struct, structs

from ramify.cli import report_view
from ramify.cli.accounts import Counts, counts
from ramify.cli.carrying import Carried, carry
from ramify.cli.folding import fold, shortened
from ramify.cli.project import hosts
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.initiator.messages import Options
from ramify.initiator.operator import Workspace
from ramify.initiator.taking_back import to_undo, ways_back
from ramify.model.record import NodeResult
from ramify.model.standing import State


class Undone(Struct, frozen=True):
    """What came of it: one result for each node on the way back, and the nodes that are not back."""

    results: tuple[NodeResult, ...] = ()
    left: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def counts(self) -> Counts:
        """How the nodes on the way back ended."""
        return counts(self.results)


def undo(session: Session, space: Workspace, carried: Carried) -> Undone:
    """Take a run back, and tell what came of it."""
    ways, stuck = ways_back(space, carried.run)
    total = sum(len(way.plan.nodes) for way in ways)
    session.say(f"\nRolling back {counted(total + len(stuck), 'node')} …")
    results: list[NodeResult] = []
    interrupted = False
    for way in ways:
        # What the hierarchy says of waves and limits is for changes: who falls back does not wait.
        back = carry(session, way.space, way.plan, "apply", options=Options(rollouts=False))
        results += back.results
        interrupted |= back.interrupted
        told = report_view.problems(back.results, hosts(way.plan), session.paint, full=session.verbose)
        if told:
            session.say(told)
    left = tuple(change.path for change in to_undo(space, carried.run))
    _remember(space, carried.run, State.NOT_ROLLED_BACK if left else State.ROLLED_BACK)
    undone = Undone(tuple(results), left, interrupted)
    session.say(_last_line(session, undone))
    return undone


def _remember(space: Workspace, run: str, state: State) -> None:
    standing = space.directory.rollouts.get(run)
    if standing is not None:
        space.directory.rollouts.put(structs.replace(standing, state=state))


def _last_line(session: Session, undone: Undone) -> str:
    each = ", ".join(f"{number} {name}" for name, number in undone.counts.items())
    total = counted(len(undone.results), "node")
    if not undone.left:
        return f"{session.paint('warning', 'Rolled back.')} {total} brought back: {each}."
    names, more = shortened(fold(undone.left), 4)
    told = f"{', '.join(names)}{' …' if more else ''}"
    return (
        f"{session.paint('bad', 'Not rolled back.')} {total} on the way back: {each}.\n"
        f"{counted(len(undone.left), 'node')} not as before: {told}"
    )
