"""What follows when a run was halted: it waits for somebody, or it is taken back."""

from typing import Any

from ramify.cli import rollout_view
from ramify.cli.carrying import Carried
from ramify.cli.session import Session
from ramify.cli.taking_back import Undone, undo
from ramify.initiator.operator import Workspace
from ramify.model.standing import State


def aftermath(session: Session, space: Workspace, carried: Carried) -> Undone | None:
    """Say what is to be done with a run that was halted, or take it back; None if it is not taken back."""
    if carried.halted is None:
        return None
    if carried.halted.action == "rollback":
        return undo(session, space, carried)
    standing = space.directory.rollouts.get(carried.run)
    state = standing.state if standing is not None else State.PAUSED
    if state is State.DONE:
        session.say(f"\nIt was to stop, when nothing was left to do: {carried.halted.reason}.")
        return None
    session.say(f"\n{session.paint('warning', _head(carried.halted.reason))}")
    if state is not State.ABORTED:
        session.say(rollout_view.way_on(carried.run))
    return None


def _head(reason: str) -> str:
    """Who halted it, or what did."""
    by_somebody = reason.startswith(("paused by ", "aborted by "))
    return f"{reason[0].upper()}{reason[1:]}." if by_somebody else f"Paused: {reason}."


def document(carried: Carried, undone: Undone | None) -> dict[str, Any]:
    """The same as data; nothing where a run went to its end."""
    if carried.halted is None:
        return {}
    found: dict[str, Any] = {"run": carried.run, "halted": carried.halted}
    if undone is not None:
        found["rollback"] = {
            "counts": undone.counts,
            "results": undone.results,
            "left": undone.left,
            "why": undone.why,
            "again": undone.again,
        }
    return found
