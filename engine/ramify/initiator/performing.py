"""A visit on its way to its end, or to that which a stop gives it.

Rule 1: commands under way are told to stop, and the stub says how the node stands then; what is entrusted to
an initiator is waited for, since its link tells it. All else is just let go of.
Rule 2: whoever has not ended in time is left. Nobody knows how a node stands that had been touched.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from ramify.initiator.doing import SLOW
from ramify.initiator.failing import NoAnswerError
from ramify.initiator.ledger import Ledger
from ramify.initiator.link import RunRefusedError
from ramify.initiator.messages import Stop
from ramify.initiator.risk import HaltedError, Risk
from ramify.initiator.tasks import end
from ramify.initiator.visit import Visit
from ramify.model.events import Step


async def perform(visit: Visit, risk: Risk, ledger: Ledger) -> None:
    """Let a visit do what it shall; any exception says that it was not done, and why."""
    performing = asyncio.ensure_future(visit.perform())
    stopped = asyncio.ensure_future(risk.has_stopped())
    try:
        await asyncio.wait((performing, stopped), return_when=asyncio.FIRST_COMPLETED)
        if performing.done() and risk.stopped is None:
            performing.result()
            return
        stop = await stopped
        if not performing.done() and await visit.stop():
            await asyncio.wait((performing,), timeout=stop.within)
        _judge(performing, stop, touched=ledger.is_marked(visit.branch.path))
    finally:
        await end([performing, stopped])


def _judge(performing: "asyncio.Future[None]", stop: Stop, *, touched: bool) -> None:
    """How a visit has ended that was stopped, if it has."""
    if performing.done():
        try:
            return performing.result()
        except RunRefusedError as error:
            if error.begun:
                raise
        raise HaltedError(stop.reason)
    if touched:
        raise NoAnswerError(f"{stop.reason}, and what was under way did not end within {stop.within:g} s")
    raise HaltedError(stop.reason)


async def unless_stopped(work: Coroutine[Any, Any, None], risk: Risk) -> None:
    """Do something that needs no care when it is left.

    Raises:
        HaltedError: the run was stopped meanwhile.
    """
    working = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(risk.has_stopped())
    try:
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HaltedError(stopped.result().reason)
        working.result()
    finally:
        await end([working, stopped])


async def tell_steps(visits: Mapping[str, Visit], ledger: Ledger) -> None:
    """Tell at which step those are that take long; of thousands that do not nothing is told.

    Whoever just waits for its initiator is at no step: that tells its own.
    """
    while True:
        await asyncio.sleep(SLOW / 2)
        for path, visit in visits.items():
            age = None if visit.entrusted else visit.doing.overdue()
            if age is not None and not ledger.has_ended(path):
                ledger.tell(Step(path, visit.doing.step, age))
