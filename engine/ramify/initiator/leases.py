"""Leases: one run on a subtree at a time. Who takes one, how long it lasts, and what a refusal says.

The operator's lease lies in its directory, where every process on the machine sees it; it is renewed while
the run goes on, and ends with it, with the process, or a minute after its last renewal. An initiator's lease
is its run itself: it is held as long as the run goes on, and no longer. Without a parent it goes on for the
time that its options give it (`tenure.py`). One that somebody takes away ends with what is in flight: until
then nobody else begins.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import structs

from ramify.directory.leases import Leases
from ramify.initiator.tasks import beside
from ramify.model import paths
from ramify.model.history import Lease, spell
from ramify.stub import process

if TYPE_CHECKING:
    from ramify.initiator.job import Job

LASTS = 60.0
BEAT = 10.0
_LOOK = 0.5


WAY_OUT = "`--wait` waits for its end, `ramify lock list --refresh` shows who holds what."


class LockedError(Exception):
    """Another run works on the subtree, or on a part of it."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(told(lease))
        self.lease = lease


def told(lease: Lease) -> str:
    """Who holds what, since when."""
    where = ", ".join(lease.paths[:3]) + (" …" if len(lease.paths) > 3 else "")
    since = lease.started[:19].replace("T", " ")
    owner = lease.owner or "somebody"
    ends = f"; {lease.released} released its lock, and it ends" if lease.released else ""
    seconds = age(lease)
    long = "" if seconds is None else f", for {spell(seconds)}"
    return f"locked: run {lease.run} ({lease.kind}) of {owner} works on {where} since {since}{long}{ends}"


def age(lease: Lease) -> float | None:
    """For how many seconds it has been held, by the clock of whoever took it."""
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(lease.started)).total_seconds())
    except (ValueError, TypeError):
        return None


def lease_of(job: "Job", now: str) -> Lease:
    """What a job works on: whole subtrees, the topmost nodes of its plan; everything without a selection."""
    planned = (*(node.path for node in job.plan.nodes), *job.mounts)
    held = tops(planned) if job.selection else (job.fleet.scope,)
    return Lease(
        run=job.run,
        kind=job.cause.kind or job.kind,
        paths=held,
        who=job.cause.who,
        started=now,
    )


def tops(known: Iterable[str]) -> tuple[str, ...]:
    """Paths that are below none of the others."""
    found: list[str] = []
    for path in sorted(known, key=lambda path: path.split("/")):
        if not found or not paths.within(path, found[-1]):
            found.append(path)
    return tuple(found)


def is_dead(lease: Lease) -> bool:
    """Whether nobody holds a lease any more: it ended, or its process did."""
    if lease.expires < time.time():
        return True
    # One that was killed and not yet waited for by its parent has ended, too: it has no stamp.
    return lease.machine == socket.gethostname() and not process.stamp(lease.pid)


@asynccontextmanager
async def held(
    leases: Leases,
    wished: Lease,
    wait: float | None,
    lost: Callable[[str], None],
    note: Callable[[str], None],
) -> AsyncIterator[None]:
    """Hold a lease in a directory; `lost` is told why when it is to end.

    Raises:
        LockedError: another run holds it, and did not end while we waited.
    """
    mine = structs.replace(wished, machine=socket.gethostname(), pid=os.getpid())
    await _take(leases, mine, wait, note)
    try:
        async with beside() as spawn:
            spawn(_keep(leases, mine.run, lost))
            yield
    finally:
        leases.release(mine.run)


async def _take(leases: Leases, mine: Lease, wait: float | None, note: Callable[[str], None]) -> None:
    begun, told_of = time.monotonic(), ""
    while others := leases.take(structs.replace(mine, expires=time.time() + LASTS), is_dead):
        if wait is not None and time.monotonic() - begun >= wait:
            raise LockedError(others[0])
        if others[0].run != told_of:
            note(f"waits for run {others[0].run} of {others[0].owner}")
            told_of = others[0].run
        # Another process holds it: its end is no event here.
        await asyncio.sleep(_LOOK)


async def _keep(leases: Leases, run: str, lost: Callable[[str], None]) -> None:
    """Renew it, also when it is to end: what is in flight is still its own."""
    due, told = 0.0, False
    while True:
        who = leases.released(run)
        if who and not told:
            lost(f"its lock was released by {who}")
            told = True
        if time.monotonic() >= due:
            due = time.monotonic() + BEAT
            if not leases.renew(run, time.time() + LASTS):
                lost("its lock was not renewed in time, and is somebody else's by now")
                return
        await asyncio.sleep(_LOOK)
