"""A run that went wrong, taken back: what it touched is brought to the releases that were there before it."""

from collections.abc import Iterator

from msgspec import Struct, structs

from ramify.cli import not_back, report_view
from ramify.cli.accounts import Counts, counts
from ramify.cli.carrying import Carried, carry
from ramify.cli.not_back import Again, NotBack
from ramify.cli.project import hosts
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.initiator.operator import Workspace
from ramify.initiator.taking_back import Stuck, ways_back
from ramify.model.record import NodeResult
from ramify.model.standing import State


class Undone(Struct, frozen=True):
    """What came of it: one result for each node on the way back, and the nodes that are not back.

    `why` says of nodes that there is no way back for them, `again` where those might still be brought to that
    are not back.
    """

    results: tuple[NodeResult, ...] = ()
    left: tuple[str, ...] = ()
    interrupted: bool = False
    why: tuple[str, ...] = ()
    again: tuple[Again, ...] = ()

    @property
    def counts(self) -> Counts:
        """How the nodes on the way back ended."""
        return counts(self.results)


def undo(session: Session, space: Workspace, carried: Carried) -> Undone:
    """Take a run back, and tell what came of it."""
    ways, stuck = ways_back(space, carried.run)
    total = sum(len(way.plan.nodes) for way in ways) + sum(len(one.nodes) for one in stuck)
    session.say(f"\nRolling back {counted(total, 'node')} …")
    for one in stuck:
        session.say(_told_stuck(session, one))
    # As long as it is not through it is not done: whoever is killed now has said so.
    _remember(space, carried.run, State.NOT_ROLLED_BACK)
    results: list[NodeResult] = []
    interrupted = False
    for way in ways:
        # What the hierarchy says of waves and limits is for changes: who falls back does not wait.
        back = carry(session, way.space, way.plan, "apply", rollouts=False)
        results += back.results
        interrupted |= back.interrupted
        told = report_view.problems(back.results, hosts(way.plan), session.paint, full=session.verbose)
        if told:
            session.say(told)
    left = not_back.after(space.directory, carried.run)
    if not left.all:
        _remember(space, carried.run, State.ROLLED_BACK)
    undone = Undone(
        tuple(results),
        left.all,
        interrupted,
        (*(one.why for one in stuck), *left.ill.values()),
        left.again,
    )
    session.say("\n".join((_last_line(session, undone), *_told_left(space, left))))
    return undone


def _told_stuck(session: Session, stuck: Stuck) -> str:
    """Why there is no way back for some nodes: told before the others go."""
    many, which = counted(len(stuck.nodes), "node"), not_back.named(stuck.nodes)
    head = session.paint("bad", f"No way back for {many}: {which}")
    return f"{head}\n  {stuck.why}\n  {stuck.way_out}"


def _remember(space: Workspace, run: str, state: State) -> None:
    standing = space.directory.rollouts.get(run)
    if standing is not None:
        space.directory.rollouts.put(structs.replace(standing, state=state))


def _last_line(session: Session, undone: Undone) -> str:
    each = ", ".join(f"{number} {name}" for name, number in undone.counts.items())
    total = counted(len(undone.results), "node")
    if not undone.left:
        return f"{session.paint('warning', 'Rolled back.')} {total} brought back: {each}."
    return f"{session.paint('bad', 'Not rolled back.')} {total} on the way back: {each}."


def _told_left(space: Workspace, left: NotBack) -> Iterator[str]:
    if left.all:
        yield from not_back.lines(left, space.records())
