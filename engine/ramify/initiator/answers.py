"""A question handed to a child's initiator, and what it says of it until it has said all."""

import asyncio
from collections.abc import AsyncIterator
from typing import overload

from msgspec import structs

from ramify.initiator import messages
from ramify.initiator.messages import Ended, Holds, LockRequest, LogRequest, Over, Refused, Said, Unasked
from ramify.initiator.ports import Session
from ramify.transport import frames
from ramify.transport.errors import ConnectionLostError, UnusableReplyError

PATIENCE = 60.0
"""Seconds after which an initiator that says nothing is given up."""

_KINDS = {LogRequest: (Said, Over), LockRequest: (Holds, Unasked)}


@overload
def answers(stub: Session, child: str, request: LogRequest) -> AsyncIterator[Said | Over]: ...
@overload
def answers(stub: Session, child: str, request: LockRequest) -> AsyncIterator[Holds | Unasked]: ...
async def answers(
    stub: Session, child: str, request: LogRequest | LockRequest
) -> AsyncIterator[Said | Over | Holds | Unasked]:
    """Ask the initiator of `child`, and give what it answers.

    Raises:
        TransportError: the link broke, it says something else, or it refuses.
        TimeoutError: it says nothing.
    """
    agent = (await stub.greeted()).agent
    channel = await stub.attach(child)
    await frames.write(channel, messages.encode(structs.replace(request, path=child, agent=agent)))
    while True:
        async with asyncio.timeout(PATIENCE):
            frame = await frames.read(channel, child)
        if frame is None:
            raise ConnectionLostError(child, "its initiator ended the link; it may be of an earlier version")
        try:
            message = messages.decode_upward(frame.header)
        except messages.UnusableMessageError as error:
            raise UnusableReplyError(child, str(error)) from error
        match message:
            case Ended():
                return
            case Refused():
                raise ConnectionLostError(child, message.message)
            case Said() | Over() | Holds() | Unasked() if isinstance(message, _KINDS[type(request)]):
                yield message
            case _:
                raise UnusableReplyError(child, f"it sent {type(message).__name__}, which nobody asked for")
