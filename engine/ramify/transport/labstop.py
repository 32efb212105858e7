"""The end of a lab: services are asked to stop, then made to; nothing of it runs afterwards."""

import asyncio
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ramify.model.inventory import Host
from ramify.transport import labstate
from ramify.transport.errors import TransportError
from ramify.transport.labpython import interpreter
from ramify.transport.local import LocalConnection
from ramify.transport.stubclient import StubClient, StubError

logger = logging.getLogger(__name__)

_AT_ONCE = 8
_PATIENCE = 5.0
_POLL = 0.01
_RUNNING = ("active", "passive")


def stop_services(folder: Path) -> None:
    """Have each host's stub shut its services down, as the component says."""
    roots = sorted({file.parents[2] for file in folder.glob("hosts/*/home/*/nodes/*/node.json")})
    if roots:
        asyncio.run(_stop_all(roots))


async def _stop_all(roots: list[Path]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(root: Path) -> None:
        async with gate:
            try:
                await _stop_at(root)
            except (TransportError, StubError) as error:
                logger.warning("%s: services could not be stopped in good order: %s", root, error)

    await asyncio.gather(*(one(root) for root in roots))


async def _stop_at(root: Path) -> None:
    host = Host(root.parts[-3], "", transport="local", python=str(interpreter()), root=str(root))
    stub = await StubClient.open(LocalConnection(host.name), host, cached=True)
    try:
        for node in (await stub.request("status", paths=None)).nodes:
            if node.service in _RUNNING:
                await stub.request("commands", path=node.path, commands=["shutdown"], order=None)
    finally:
        await stub.close()


def stop_server(folder: Path) -> None:
    """End the lab's background process."""
    server = labstate.server(folder)
    if server is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        if server.runs:
            os.kill(server.pid, number)
            _gone(lambda: not server.runs, _PATIENCE)
    shutil.rmtree(server.temporary, ignore_errors=True)  # one that was killed could not


def stop_remains(folder: Path) -> None:
    """End whatever still lives in a home of the lab: what no journal knows, or what would not stop."""
    # A suspended process hears TERM only after CONT.
    for numbers in ((signal.SIGTERM, signal.SIGCONT), (signal.SIGKILL,)):
        for pid in inhabitants(folder):
            for number in numbers:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        if _gone(lambda: not inhabitants(folder), _PATIENCE):
            return


def inhabitants(folder: Path) -> list[int]:
    """Processes whose home is in the lab: what a session starts inherits it, however deep."""
    home = f"\0HOME={folder}/hosts/".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or somebody else's
            if home in b"\0" + (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def _gone(done: Callable[[], bool], patience: float) -> bool:
    """Wait for the end of processes that are not our children: there is no event for it."""
    deadline = time.monotonic() + patience
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True
