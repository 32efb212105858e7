"""The initiator as a service: a process on its node's host that a parent talks to over a unix socket.

Started by the stub like any other service, and ended by SIGTERM like any other.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from ramify.compile.fleet import Fleet
from ramify.directory.sqlite import Directory
from ramify.initiator.domains import WebServers
from ramify.initiator.messages import Request
from ramify.initiator.ports import Hosts
from ramify.initiator.reach import reaching
from ramify.initiator.serving import Service
from ramify.repository.store import Store
from ramify.stub import archive
from ramify.stub.layout import TRUST
from ramify.transport.trust import Trust

SOCKET = "socket"

logger = logging.getLogger(__name__)


def _over_connections(
    fleet: Fleet, request: Request, directory: Directory
) -> AbstractAsyncContextManager[Hosts]:
    trust = Trust.of_initiator(fleet.known_hosts, request.agent, Path.home())
    return reaching(trust, directory)


async def _listen(service: Service) -> None:
    """Serve whoever connects, until the process is asked to end."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)  # noqa: PTH108 - what a killed process left; nothing to wait for
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    server = await asyncio.start_unix_server(service.attached, SOCKET)
    try:
        await asked.wait()
    finally:
        server.close()
        await service.close()


def main(_arguments: list[str]) -> int:
    """Run the service of the node that the stub's environment names; the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    path, data = os.environ["RAMIFY_PATH"], Path(os.environ["RAMIFY_DATA"])
    os.chdir(os.environ["RAMIFY_RUN"])
    os.umask(0o077)
    archive.keep(data / "stub")
    directory = Directory(data / "directory.db")
    root = data.parents[2]
    stores = (Store(data / "packs"), Store(root / "packs"))
    logger.info("initiator of %s", path)
    try:
        edges = _over_connections, WebServers()
        asyncio.run(_listen(Service(path, stores, directory, edges, root / TRUST)))
    finally:
        directory.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
