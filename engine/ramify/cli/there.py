"""Plans with what is planned there: initiators are asked where only they can ask for a domain."""

import asyncio

from ramify.cli.session import Session
from ramify.initiator.operator import Workspace, ask
from ramify.model.events import Event, Note
from ramify.model.plan import Plan


def whole_plan(session: Session, space: Workspace, selection: tuple[str, ...]) -> Plan:
    """The plan as one tree; what initiators have to say of it is told beside it.

    Raises:
        DiagnosticsError: an expression selects nothing.
    """
    if not space.fleet.unseen:
        return space.plan(selection)

    def emit(event: Event) -> None:
        if isinstance(event, Note):
            session.note(f"{event.path}: {event.text}")

    return space.plan(selection, asyncio.run(ask(space, emit)))
