"""Inside of the lab's background process: hosts come and go with the lab's state file."""

import asyncio
import errno
import json
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import asyncssh

from ramify.stub import process
from ramify.transport import labstate
from ramify.transport.labpython import path
from ramify.transport.labsession import SHELL, Gate
from ramify.transport.labstate import ADDRESS, CONTROL, LabHost, Server

logger = logging.getLogger("ramify.lab")

# Nothing leaves the machine: there is no traffic to record today and read in twenty years.
KEY_EXCHANGE = ["curve25519-sha256"]
_FILES = 4096


def serve(folder: Path, ready: int) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncssh.set_log_level("WARNING")
    temporary = tempfile.mkdtemp(prefix="ramify-lab-")  # short, for the sockets of forwarded agents
    tempfile.tempdir = temporary
    _make_room()
    Path(CONTROL).unlink(missing_ok=True)
    if sys.version_info < (3, 12) and _has_pidfd():  # later ones choose it themselves: no thread per process
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    try:
        asyncio.run(_Lab(folder, temporary).run(ready))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_room() -> None:
    """Files for some hundred connections and their commands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))


def _has_pidfd() -> bool:
    with suppress(OSError, AttributeError):
        os.close(os.pidfd_open(os.getpid()))
        return True
    return False


class _Lab:
    def __init__(self, folder: Path, temporary: str) -> None:
        self._folder = folder
        self._temporary = temporary
        self._listening: dict[str, tuple[LabHost, asyncssh.SSHAcceptor]] = {}
        self._loading = asyncio.Lock()

    async def run(self, ready: int) -> None:
        """Listen to the control socket, say so, and wait for the end."""
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, end.set)
        # Its folder is closed to others, and so is the socket.
        control = await asyncio.start_unix_server(self._answer, CONTROL)
        own = Server(os.getpid(), process.stamp(os.getpid()), self._temporary)
        labstate.save(self._folder / labstate.SERVER, own)
        os.write(ready, b"ready\n")
        os.close(ready)
        await end.wait()
        control.close()
        for _, acceptor in self._listening.values():
            acceptor.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, whatever it says: follow the state file, and tell which ports are taken."""
        await reader.readline()
        async with self._loading:
            try:
                reply: dict[str, object] = {"busy": await self._load()}
            except (OSError, ValueError, labstate.LabError, asyncssh.Error) as error:
                reply = {"error": str(error)}
        writer.write(json.dumps(reply).encode() + b"\n")
        with suppress(OSError):
            await writer.drain()
        writer.close()

    async def _load(self) -> list[int]:
        state = labstate.state(self._folder)
        wanted = state.hosts if state else {}
        for name, (host, acceptor) in list(self._listening.items()):
            if wanted.get(name) != host:
                acceptor.close()
                del self._listening[name]
                logger.info("host %s is gone", name)
        busy = []
        for name in wanted.keys() - self._listening.keys():
            try:
                await self._listen(name, wanted[name])
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                busy.append(wanted[name].port)
        return busy

    async def _listen(self, name: str, host: LabHost) -> None:
        home = Path(host.home)
        env = {
            "PATH": path(self._folder),
            "USER": host.user,
            "LOGNAME": host.user,
            "SHELL": SHELL,
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        }
        acceptor = await asyncssh.listen(
            ADDRESS,
            host.port,
            server_factory=lambda: Gate(name, home, host.user, env),
            server_host_keys=[str(self._folder / "keys" / name)],
            kex_algs=KEY_EXCHANGE,
            encoding=None,
            gss_host=None,
            config=None,
            agent_forwarding=True,
            allow_scp=False,
        )
        self._listening[name] = host, acceptor
        logger.info("host %s listens at port %d", name, host.port)
