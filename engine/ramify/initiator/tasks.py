"""Tasks that live no longer than a block."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@asynccontextmanager
async def beside() -> AsyncIterator[Spawn]:
    """Start tasks that are cancelled, and waited for, when the block ends.

    Unlike a task group the block's own error stays as it is, and its end does not wait for theirs: they
    serve the block, and have no result of their own.
    """
    running: set[asyncio.Task[None]] = set()

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        running.add(task)
        task.add_done_callback(running.discard)

    try:
        yield spawn
    finally:
        await end(running)


async def while_lasts(condition: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Do work, but no longer than a condition lasts; the error of whichever ends first is raised."""
    tasks = [asyncio.create_task(condition), asyncio.create_task(work)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(tasks)


async def end(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Cancel tasks and wait until they are gone; what they say of it is heard by nobody."""
    waited = list(tasks)
    for task in waited:
        task.cancel()
    await asyncio.gather(*waited, return_exceptions=True)
