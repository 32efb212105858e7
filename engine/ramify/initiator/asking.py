"""Ask stubs, each question within the time that its answer may take."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ramify.compile.fleet import Fleet
from ramify.initiator.doing import Doing
from ramify.initiator.failing import NoAnswerError, told
from ramify.initiator.messages import Options
from ramify.initiator.ports import Session
from ramify.transport.replies import NodeState

T = TypeVar("T")


class Asking:
    """How long answers may take; whoever watches sees what is being asked."""

    def __init__(self, fleet: Fleet, options: Options, doing: Doing) -> None:
        self._fleet = fleet
        self.options = options
        self.doing = doing

    async def within(self, what: str, answer: Awaitable[T], seconds: float | None = None) -> T:
        """An answer, if it comes in time.

        Raises:
            NoAnswerError: it does not.
        """
        limit = self.options.reply_timeout if seconds is None else seconds
        self.doing.at(what)
        try:
            async with asyncio.timeout(limit):
                return await answer
        except TimeoutError as error:
            raise NoAnswerError(f"no answer to {what} within {limit:g} s") from error

    async def look(self, stub: Session, path: str, *, closely: bool = False) -> NodeState:
        """Where a node stands on its host; `closely` also what there is not as it was put there."""
        operation = "verify" if closely else "status"
        reply = await self.within(operation, stub.request(operation, paths=[path]))
        return told(reply.nodes[0] if reply.nodes else None, path)

    def patience(self, path: str) -> float:
        """How long commands may take."""
        return self.options.command_timeout + self._own(path)

    def return_patience(self, path: str) -> float:
        """How long a host may take to come back with a change, beyond the time to confirm it."""
        return self.options.reply_timeout + self._own(path)

    def _own(self, path: str) -> float:
        """A service has its own time to become healthy."""
        node = self._fleet.by_path.get(path)
        component = self._fleet.class_of(node).component if node else None
        return component.health.patience if component and component.health else 0.0
