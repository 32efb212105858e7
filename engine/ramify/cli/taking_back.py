"""A run that went wrong, taken back: what it touched is brought to the releases that were there before it."""

from collections.abc import Collection

from msgspec import Struct, structs

from ramify.cli import report_view
from ramify.cli.accounts import Counts, counts
from ramify.cli.carrying import Carried, carry
from ramify.cli.folding import fold, shortened
from ramify.cli.project import hosts
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.initiator.operator import Workspace
from ramify.initiator.taking_back import Stuck, made_by, to_undo, ways_back
from ramify.model.record import NodeResult
from ramify.model.standing import State


class Again(Struct, frozen=True):
    """Nodes that are not back, and the run that had made of them what they were."""

    run: str
    nodes: tuple[str, ...]


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
    left = to_undo(space, carried.run)
    if not left:
        _remember(space, carried.run, State.ROLLED_BACK)
    undone = Undone(
        tuple(results),
        tuple(change.path for change in left),
        interrupted,
        tuple(one.why for one in stuck),
        tuple(Again(run, tuple(nodes)) for run, nodes in made_by(space, carried.run, left).items()),
    )
    session.say(_last_lines(session, undone))
    return undone


def _told_stuck(session: Session, stuck: Stuck) -> str:
    """Why there is no way back for some nodes: told before the others go."""
    head = session.paint("bad", f"No way back for {counted(len(stuck.nodes), 'node')}: {_named(stuck.nodes)}")
    return f"{head}\n  {stuck.why}\n  {stuck.way_out}"


def _named(nodes: Collection[str]) -> str:
    names, more = shortened(fold(nodes), 4)
    return f"{', '.join(names)}{' …' if more else ''}"


def _remember(space: Workspace, run: str, state: State) -> None:
    standing = space.directory.rollouts.get(run)
    if standing is not None:
        space.directory.rollouts.put(structs.replace(standing, state=state))


def _last_lines(session: Session, undone: Undone) -> str:
    each = ", ".join(f"{number} {name}" for name, number in undone.counts.items())
    total = counted(len(undone.results), "node")
    if not undone.left:
        return f"{session.paint('warning', 'Rolled back.')} {total} brought back: {each}."
    return "\n".join(
        (
            f"{session.paint('bad', 'Not rolled back.')} {total} on the way back: {each}.",
            f"{counted(len(undone.left), 'node')} not as before: {_named(undone.left)}",
            *(f"  {_command(one)} goes back to what that run had made." for one in undone.again),
        )
    )


def _command(again: Again) -> str:
    names, more = shortened(fold(again.nodes), 4)
    chosen = "PATH..." if more else " ".join(f"'{name}'" for name in names)
    return f"`ramify rollback {chosen} --to {again.run}`"
