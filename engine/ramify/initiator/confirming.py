"""Changes of what runs are confirmed over a new connection: that one there is, is what has to be shown.

A stub takes a change back that nobody confirms in time. Whoever was cut off by it comes again until it has.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from msgspec import Struct

from ramify.initiator.ports import Session
from ramify.stub.tables import INSTALLED, RUNNING
from ramify.stub.wire import LOCKED, REFUSED
from ramify.transport.errors import TransportError
from ramify.transport.replies import NodeState, StubError

Again = Callable[[], AbstractAsyncContextManager[Session]]
"""Opens another connection to the same host, by the same way."""

PAUSE = 1.0


class Ticket(Struct, frozen=True):
    """What a change is asked for with: its name, and the seconds in which it must be confirmed."""

    token: str
    seconds: float


def ticket(state: NodeState, seconds: float) -> Ticket | None:
    """What to ask for a change with, if there is something to go back to."""
    runs = state.environment == INSTALLED and state.service in RUNNING
    return Ticket(f"c{secrets.token_hex(8)}", seconds) if runs and seconds else None


async def confirm(again: Again, path: str, own: Ticket, patience: float) -> NodeState | None:
    """Come again and confirm; None when the host knows of no such change.

    Args:
        again: opens a connection.
        path: of the node.
        own: what the change was asked for with.
        patience: seconds beyond the ticket's in which the host must have come back, whichever way it went.

    Raises:
        StubError: it was taken back (`reverted`), or cannot be confirmed.
        TransportError, TimeoutError: the host did not come back.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + own.seconds + patience
    while True:
        try:
            async with asyncio.timeout_at(deadline), again() as stub:
                return (await stub.request("confirm", path=path, token=own.token)).state
        except StubError as error:
            if error.code == REFUSED:
                return None
            if error.code != LOCKED or loop.time() >= deadline:
                raise
        except (TransportError, TimeoutError):
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(min(PAUSE, own.seconds / 10))
