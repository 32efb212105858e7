"""Between two waves: time goes by, and somebody says whether the next one may begin."""

import asyncio
import os
from collections.abc import Mapping, Sequence

MOST_TOLD = 400
"""Characters of what a gate said last: the end says why."""


class ShutError(Exception):
    """The gate does not open; the sentence says why."""


def environment(run: str, path: str, wave: tuple[int, int], nodes: Sequence[str]) -> dict[str, str]:
    """What a gate's command is told: which wave is over, of how many, and who was in it."""
    number, count = wave
    return {
        "RAMIFY_RUN": run,
        "RAMIFY_PATH": path,
        "RAMIFY_WAVE": str(number),
        "RAMIFY_WAVES": str(count),
        "RAMIFY_NODES": " ".join(nodes),
    }


async def pass_through(command: Sequence[str], told: Mapping[str, str], patience: float) -> None:
    """Run a gate's command, here.

    Raises:
        ShutError: it did not end with 0, not in time, or could not be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **told},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise ShutError(f"gate `{command[0]}` cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(patience):
            said, _ = await process.communicate()
    except TimeoutError as error:
        raise ShutError(f"gate `{command[0]}` has not ended within {patience:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = said.decode(errors="replace").strip()[-MOST_TOLD:]
        raise ShutError(f"gate `{command[0]}` ended with {process.returncode}{f': {last}' if last else ''}")
