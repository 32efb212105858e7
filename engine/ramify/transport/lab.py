"""The embedded lab: SSH hosts on loopback for ordinary users, without root and without sshd.

Each host has a port, a home folder, a host key, and a key of its own to reach others with; who may log
in where follows the tree. All of it lives in one folder, and `down` leaves nothing of it.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import ramify
from ramify.transport import labstate
from ramify.transport.labstate import OPERATOR as OPERATOR  # noqa: PLC0414 - the lab's face is here
from ramify.transport.labstate import LabError as LabError  # noqa: PLC0414
from ramify.transport.labstate import LabHost as LabHost  # noqa: PLC0414
from ramify.transport.labstate import LabState as LabState  # noqa: PLC0414
from ramify.transport.labstate import LabStatus as LabStatus  # noqa: PLC0414
from ramify.transport.labstate import overlay as overlay  # noqa: PLC0414
from ramify.transport.labstate import state as state  # noqa: PLC0414
from ramify.transport.labstate import status as status  # noqa: PLC0414

_ATTEMPTS = 5
_PATIENCE = 30.0


def up(folder: Path, access: Mapping[str, Iterable[str]]) -> LabState:
    """Have exactly these hosts up, whatever was there before.

    Args:
        folder: where the lab lives, `.ramify/lab` of the project.
        access: for each host, who may log in there: names of hosts, or OPERATOR.

    Raises:
        LabError: the background process does not start, or there are no ports.
    """
    from ramify.transport import labhomes  # noqa: PLC0415 - keys are made rarely, their library costs 20 ms

    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    busy: frozenset[int] = frozenset()
    with _alone(folder):
        if not status(folder).running:
            _start(folder)
        for _ in range(_ATTEMPTS):
            found = labhomes.prepare(folder, access, labstate.state(folder), busy)
            labstate.save(folder / labstate.STATE, found)
            taken = _load(folder)
            if not taken:
                return found
            busy |= taken
    raise LabError(f"ports are taken by others: {sorted(busy)}")


def down(folder: Path, *, keep: bool = False) -> None:
    """Stop all services of the lab's hosts, then the hosts, then (unless `keep`) take the files away."""
    from ramify.transport import labstop  # noqa: PLC0415 - only here

    folder = folder.resolve()
    if not folder.is_dir():
        return
    with _alone(folder):
        labstop.stop_services(folder)
        labstop.stop_server(folder)
        labstop.stop_remains(folder)
        if not keep:
            shutil.rmtree(folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: two that go up together would start two servers."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _start(folder: Path) -> None:
    before = labstate.server(folder)
    if before is not None:
        shutil.rmtree(before.temporary, ignore_errors=True)  # it was killed, and could not
    reading, writing = os.pipe()
    try:
        with (folder / labstate.LOG).open("ab") as log, os.fdopen(reading, "rb") as ready:
            try:
                _spawn(folder, writing, log.fileno())
            finally:
                os.close(writing)
            if ready.read() != b"ready\n":
                said = (folder / labstate.LOG).read_text(errors="replace")[-2000:]
                raise LabError(f"the lab's process did not start: {said.strip()}")
    except (OSError, subprocess.SubprocessError) as error:
        raise LabError(f"cannot start the lab's process: {error}") from error


def _spawn(folder: Path, ready: int, log: int) -> None:
    source = str(Path(ramify.__file__).parent.parent)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}
    argv = [sys.executable, "-P", "-m", "ramify.transport.labserver", str(folder), str(ready)]
    # It returns at once: what serves is a grandchild.
    subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(ready,), check=True
    )


def _load(folder: Path) -> frozenset[int]:
    """Have the server follow the state file; which ports it could not have."""
    try:
        reply = json.loads(_ask(folder))
    except (OSError, ValueError) as error:
        raise LabError(f"the lab's process does not answer: {error}", "`ramify lab down`, then up") from error
    if "error" in reply:
        raise LabError(f"the lab's process cannot follow: {reply['error']}")
    return frozenset(reply["busy"])


def _ask(folder: Path) -> bytes:
    before = Path.cwd()
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(_PATIENCE)
        # By a name relative to its folder: socket addresses are limited to some hundred bytes.
        os.chdir(folder)
        try:
            control.connect("control")
        finally:
            os.chdir(before)
        control.sendall(b"load\n")
        with control.makefile("rb") as stream:
            return stream.read()
