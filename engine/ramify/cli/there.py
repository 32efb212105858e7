"""Plans with what is planned there: initiators are asked where only they can ask for a domain."""

from ramify.cli.session import Session
from ramify.initiator.operator import Workspace, ask
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.events import Event, Note
from ramify.model.plan import Goal, Plan

_MANY = frozenset("*?[{")
"""What a selection has that may take nodes which nobody here knows, beside those that are known."""


def whole_plan(
    session: Session,
    space: Workspace,
    selection: tuple[str, ...],
    goal: Goal = "apply",
    *,
    fix_drift: bool = False,
) -> Plan:
    """The plan as one tree; what initiators have to say of it is told beside it.

    Raises:
        DiagnosticsError: an expression selects nothing.
    """
    if not space.fleet.unseen or _is_all_here(space, selection):
        return space.plan(selection, goal=goal, fix_drift=fix_drift)
    import asyncio  # noqa: PLC0415 - whoever asks nobody starts faster without

    def emit(event: Event) -> None:
        if isinstance(event, Note):
            session.note(f"{event.path}: {event.text}")

    asked = () if goal == "apply" else selection
    there = asyncio.run(ask(space, emit, goal=goal, selection=asked, fix_drift=fix_drift))
    return space.plan(selection, there, goal, fix_drift=fix_drift)


def _is_all_here(space: Workspace, selection: tuple[str, ...]) -> bool:
    """Whether a selection surely takes nothing that is planned by an initiator."""
    if not selection or not _MANY.isdisjoint("".join(selection)):
        return False
    try:
        return not space.plan(selection).open
    except DiagnosticsError:
        return False  # an initiator may know what nobody knows here
