"""Give a stub commands, and judge what it says of them; changes of what runs are confirmed."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from msgspec import Struct

from ramify.compile.steps import HOLD, RELEASE
from ramify.initiator import confirming
from ramify.initiator.asking import Asking
from ramify.initiator.confirming import Again, Ticket
from ramify.initiator.failing import NoAnswerError, failed, told
from ramify.initiator.ports import Session
from ramify.initiator.veil import Veil
from ramify.stub.tables import DEPLOY
from ramify.stub.wire import MISSING, REFUSED
from ramify.transport.errors import ConnectionLostError, TransportError
from ramify.transport.replies import NodeState, Reply, StubError

Fields = dict[str, Any]

_NO_COMMANDS = frozenset({HOLD, RELEASE})


class Asked(Struct, frozen=True):
    """What a node's stub is asked for."""

    path: str
    steps: tuple[str, ...]
    order: Fields | None = None
    signed: Fields | None = None
    held: str | None = None


class Commanding:
    """Commands over sessions."""

    def __init__(self, asking: Asking, veil: Veil) -> None:
        self._asking = asking
        self._veil = veil

    async def give(self, stub: Session, asked: Asked, own: Ticket | None = None) -> NodeState:
        """Have commands carried out.

        Raises:
            NodeFailedError: one was refused or failed.
            NoAnswerError: they took too long.
            TransportError: the host was lost.
        """
        names = [step for step in asked.steps if step not in _NO_COMMANDS]
        more: Fields = {"confirm": {"token": own.token, "seconds": own.seconds}} if own else {}
        answer = stub.request(
            "commands",
            path=asked.path,
            commands=names,
            order=asked.order,
            signed=asked.signed,
            held=asked.held,
            **more,
        )
        try:
            reply = await self._carried_out(stub, ", ".join(asked.steps), answer, asked.path)
        except StubError as error:
            raise failed(error, asked.path, self._veil) from error
        return told(reply.state, asked.path)

    async def deploy_at_once(
        self, stub: Session, asked: Asked, artifact: str, pack: bytes
    ) -> NodeState | None:
        """Send code and command without waiting for an answer; None when the node is not new after all."""
        put = stub.request("put", pack, artifact=artifact, size=len(pack), offset=0)
        deploy = stub.request(
            "commands", path=asked.path, commands=[DEPLOY], order=asked.order, signed=asked.signed
        )
        try:
            reply = await self._carried_out(stub, DEPLOY, _pipelined(put, deploy), asked.path)
        except StubError as error:
            if error.code == REFUSED:
                return None
            raise failed(error, asked.path, self._veil) from error
        return told(reply.state, asked.path)

    async def give_and_confirm(self, stub: Session, asked: Asked, own: Ticket, again: Again) -> NodeState:
        """A change, once it is confirmed; its answer may be what it cut off, and is not needed for that.

        Raises: as `give`; a change that was taken back is a failure.
        """
        lost: Exception | None = None
        try:
            made = await self.give(stub, asked, own)
            if made.pending is None:  # nothing ran any more that it could have gone back to
                return made
        except (ConnectionLostError, NoAnswerError) as error:
            lost = error
        found = await self._confirm(asked.path, own, again)
        if found is None and lost is not None:  # it had not got there
            raise lost
        return told(found, asked.path)

    async def stay(self, stub: Session, state: NodeState) -> NodeState:
        """What an earlier run left to be confirmed is wished: that this session exists confirms it."""
        if state.pending is None or state.pending.why:
            return state
        try:
            asked = stub.request("confirm", path=state.path, token=state.pending.token)
            return told((await self._asking.within("confirm", asked)).state, state.path)
        except StubError as error:
            raise failed(error, state.path, self._veil) from error

    async def _confirm(self, path: str, own: Ticket, again: Again) -> NodeState | None:
        self._asking.doing.at("confirm")
        patience = self._asking.return_patience(path)
        try:
            return await confirming.confirm(again, path, own, patience)
        except StubError as error:
            raise failed(error, path, self._veil) from error
        except (TransportError, TimeoutError) as error:
            why = f"nobody knows whether its change was taken back: {str(error) or 'no answer'}"
            after = f"{own.seconds + patience:g} s"
            raise NoAnswerError(f"the host did not come back after {after}, {why}") from error

    async def _carried_out(self, stub: Session, what: str, answer: Awaitable[Reply], path: str) -> Reply:
        with self._asking.doing.commanding(stub):
            return await self._asking.within(what, answer, self._asking.patience(path))


async def _pipelined(put: Awaitable[Reply], command: Awaitable[Reply]) -> Reply:
    # Both are written before either is answered, and both are answered before either is judged.
    sent, reply = await asyncio.gather(put, command, return_exceptions=True)
    if isinstance(sent, BaseException) and isinstance(reply, StubError) and reply.code == MISSING:
        # What was wrong with the code says more than that there is none.
        raise sent
    if isinstance(reply, BaseException):
        raise reply
    return reply
