"""Carry a plan out, and show how it goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial

from msgspec import Struct, structs

from ramify.cli.accounts import planned_only
from ramify.cli.enter import on_enter
from ramify.cli.failures import LOCKED, failure
from ramify.cli.following import following
from ramify.cli.interrupts import Interrupts
from ramify.cli.progress import EVERY, Display, Lines, Say, Tracker
from ramify.cli.session import Session
from ramify.cli.slowest import Slowest
from ramify.cli.words import counted
from ramify.compile.holding import Held
from ramify.compile.unseen import above
from ramify.initiator.leases import WAY_OUT, LockedError
from ramify.initiator.messages import Kind, Options
from ramify.initiator.operator import Workspace, carry_out, commission
from ramify.model.events import Event, Halted, Report, Stray
from ramify.model.plan import Plan
from ramify.model.record import NodeResult

Emit = Callable[[Event], None]
Work = Callable[[Emit], Awaitable[Report]]
Follow = Callable[[Say, Callable[[], bool]], AbstractAsyncContextManager[Emit]]

BROKEN_OFF = "interrupted: `ramify status --refresh` tells how it is now"


class Carried(Struct, frozen=True):
    """One result for each planned node, and each that was planned by its initiator on the way.

    `others` are nodes that only an initiator still knew of, `strays` lie on hosts and nobody knows them.
    """

    results: tuple[NodeResult, ...]
    others: tuple[NodeResult, ...] = ()
    interrupted: bool = False
    halted: Halted | None = None
    run: str = ""
    strays: tuple[Stray, ...] = ()


def carry(
    session: Session,
    space: Workspace,
    plan: Plan,
    kind: Kind,
    held: Held | None = None,
    *,
    rollouts: bool = True,
) -> Carried:
    """Carry a plan out with progress on stderr; what Ctrl-C does is told in `interrupts`.

    Of a saved plan what is `held` is carried out, and nothing else. Without `rollouts` it minds nothing that
    the hierarchy says of them.
    """
    tracker = Tracker(plan, everything=kind == "refresh")
    interrupts = Interrupts(session.note, one_by_one=kind == "apply")

    async def work(emit: Emit) -> Report:
        mine = options_of(session, space.options, rollouts=rollouts)
        job = commission(space, plan, kind=kind, held=held, options=mine)
        return await carry_out(space, job, emit, interrupts.brake)

    follow = partial(following, session, space, plan) if kind == "apply" else _nobody
    with _shown(session, tracker) as display:
        try:
            report = asyncio.run(_carried(work, tracker, display, interrupts, follow))
        except (KeyboardInterrupt, asyncio.CancelledError):
            report = tracker.report(BROKEN_OFF)
            interrupts.count += 1
        except LockedError as error:
            raise failure(LOCKED, str(error).removeprefix("locked: "), WAY_OUT) from error
    planned = {node.path for node in plan.nodes}
    more = [result for result in report.results if result.path not in planned]
    mounts = frozenset(one.path for one in plan.open)
    there = tuple(result for result in more if any(above(result.path, mounts)))
    others = tuple(result for result in more if not any(above(result.path, mounts)))
    results = (*planned_only(plan, report), *there)
    return Carried(results, others, interrupts.count > 0, report.halted, report.run, report.strays)


def options_of(session: Session, project: Options, *, rollouts: bool = True) -> Options:
    """How a run works, as the project says, and as the command line does."""
    confirm = project.confirm_timeout if session.confirm is None else session.confirm
    return structs.replace(project, wait=session.wait, confirm_timeout=confirm, rollouts=rollouts)


async def _carried(
    work: Work, tracker: Tracker, display: Display, interrupts: Interrupts, follow: Follow
) -> Report:
    slowest, now = Slowest(), time.monotonic

    async with _ticking(display):
        with interrupts.heard(), on_enter(lambda: display.tell(slowest.text(now()))):
            async with follow(display.tell, lambda: interrupts.count > 1) as hear:

                def emit(event: Event) -> None:
                    slowest.feed(event, now())
                    display.event(event, tracker.feed(event))
                    hear(event)

                return await work(emit)


@asynccontextmanager
async def _nobody(_say: Say, _hurried: Callable[[], bool]) -> AsyncIterator[Emit]:
    """Nobody is followed."""
    yield lambda _: None


@asynccontextmanager
async def _ticking(display: Display) -> AsyncIterator[None]:
    """Tell the display that time goes by, also when nothing happens."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(EVERY)
            display.tick()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def _shown(session: Session, tracker: Tracker) -> Iterator[Display]:
    """Bars on a terminal, lines elsewhere."""
    total = sum(level.total for level in tracker.levels.values())
    if session.live:
        from ramify.cli.bars import bars, on_stderr  # noqa: PLC0415 - rich only where it is seen

        with bars(tracker, on_stderr(colour=session.paint_notes.enabled)) as display:
            yield display
        return
    session.note(f"{counted(total, 'node')} on {counted(len(tracker.levels), 'level')}")
    yield Lines(tracker, session.note)
