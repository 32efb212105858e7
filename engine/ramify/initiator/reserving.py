"""Before an initiator is stopped: whoever else is at work through it is named or waited for.

What is below an initiator is guarded by the lease that it holds itself. That ends with its process: so who
is about to stop it asks it first, and has it refuse all others for a while. What comes next is the stop.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ramify.initiator import messages
from ramify.initiator.link import RunRefusedError
from ramify.initiator.messages import Events, Refused, Reserve
from ramify.initiator.ports import Hosts
from ramify.model.events import Event
from ramify.model.history import Lease
from ramify.model.inventory import Host
from ramify.transport import frames
from ramify.transport.channel import Channel
from ramify.transport.errors import TransportError
from ramify.transport.replies import StubError

if TYPE_CHECKING:
    from ramify.initiator.job import Job

LASTS = 20.0
"""Seconds for which it refuses others: it is stopped long before that, or was not to be stopped after all."""

PATIENCE = 20.0


def reservation(job: "Job", path: str) -> Reserve:
    """What the initiator of a path is asked for."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kind = job.cause.kind or job.kind
    lease = Lease(run=job.run, kind=kind, paths=(path,), who=job.cause.who, started=now)
    return Reserve(path, lease, job.options.wait)


async def make_way(hosts: Hosts, host: Host, request: Reserve, tell: Callable[[Event], None]) -> None:
    """Have an initiator begin nothing for others.

    One that does not listen, or is of an earlier version and hangs up, has nobody who could be asked.

    Raises:
        RunRefusedError: another run is at work there, and did not end while we waited.
    """
    try:
        async with hosts.session(host) as stub:
            channel = await stub.attach(request.path, wait=0)
            await frames.write(channel, messages.encode(request))
            await _answer(channel, host.name, request.wait, tell)
    except (StubError, TransportError, TimeoutError):
        return


async def _answer(channel: Channel, host: str, wait: float | None, tell: Callable[[Event], None]) -> None:
    async with asyncio.timeout(None if wait is None else wait + PATIENCE):
        while (frame := await frames.read(channel, host)) is not None:
            try:
                message = messages.decode_upward(frame.header)
            except messages.UnusableMessageError:
                return
            match message:
                case Events():
                    for event in message.events:
                        tell(event)
                case Refused(locked=True):
                    raise RunRefusedError(message.message, begun=False, locked=True)
                case _:
                    return
