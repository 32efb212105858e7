"""Tasks that live no longer than a block."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@asynccontextmanager
async def beside() -> AsyncIterator[Spawn]:
    """Start tasks that are cancelled, and waited for, when the block ends.

    Unlike a task group the block's own error stays as it is, and its end does not wait for theirs: they
    serve the block, and have no result of their own.
    """
    running: list[asyncio.Task[None]] = []
    try:
        yield lambda work: running.append(asyncio.create_task(work))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
