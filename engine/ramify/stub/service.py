"""What the transitions of the service do: configure, start, shutdown, activate, deactivate."""

from __future__ import annotations

import os
import select
import time

from ramify.stub import environment, files, logs, orders, process, releases, supervisor
from ramify.stub.wire import FAILED, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Dict, List, Optional

    from ramify.stub.work import Work
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_CONTROL_TIMEOUT = 60.0
_SUPERVISOR_WAIT = 8.0  # beyond the service's own time to stop: the supervisor's SIGKILL, and its end
_REPORT_WAIT = 30.0
_BY_SUFFIX = {".py": "{python}", ".sh": "sh", ".pl": "perl"}


def configure(work: Work) -> None:
    """Switch the current release to the order's service configuration; its code stays untouched."""
    record = work.record
    order = work.needed_order()
    release = work.release()
    kept = releases.order_of(release)
    merged = dict(order, **{name: kept[name] for name in ("code", "shared", "install", "uninstall")})
    merged["environment_digest"] = record["environment_digest"]
    releases.configure(release, merged)
    record["service_digest"] = order["service_digest"]
    record["binding"] = order["binding"]
    whole = order["environment_digest"] == record["environment_digest"]
    record["digest"] = order["digest"] if whole else ""


def start(work: Work) -> None:
    """Start all processes, and see them live through their time of grace.

    Raises:
        StubError: one of them ended; then none is left.
    """
    release = work.release()
    order = releases.order_of(release)
    programs = _programs(work, release, order)
    run = f"{work.node}/run"
    files.remove_tree(run)
    files.make_folder(run)
    if not programs:
        return
    what = supervisor.Service(programs, run, f"{work.node}/log", *_stop(order))
    ended = _launch(work, what, order["service"]["grace"])
    if ended:
        halt(work)
        raise StubError(FAILED, _complaint(work, ended), logs.tail(f"{work.node}/log/{ended[0]}.log"))


def _complaint(work: Work, ended: List[str]) -> str:
    name, code = ended[0], int(ended[1])
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return f"process {name} of {work.path} ended {how} as soon as it was started"


def _stop(order: orders.Order) -> Any:
    stop = order["service"]["stop"]
    return process.signal_number(stop["signal"]), stop["timeout"]


def _launch(work: Work, what: supervisor.Service, grace: float) -> List[str]:
    """Start the supervisor, journal its processes, open the gate; name and code of one that ended."""
    gate = process.Gate()
    reports = _Reports(supervisor.launch(what, gate))
    try:
        first = decode(reports.line(_REPORT_WAIT) or b"{}")
        if "pids" not in first:
            gate.shut()
            raise StubError(FAILED, f"{work.path}: {first.get('error', 'the supervisor did not start')}")
        work.record["supervisor"] = first["supervisor"]
        work.record["pids"] = first["pids"]
        work.write()
        gate.open(len(first["pids"]))
        ended = reports.line(grace)
        if reports.closed and not ended:
            halt(work)
            raise StubError(FAILED, f"the supervisor of {work.path} ended as soon as it was started")
    finally:
        reports.close()
    return ended.decode("ascii").split(" ") if ended else []


class _Reports:
    """Lines from the supervisor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data = b""
        self.closed = False

    def line(self, patience: float) -> bytes:
        """The next line, or nothing when there is none in time."""
        deadline = time.monotonic() + patience
        while b"\n" not in self._data:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._descriptor], [], [], left)[0]:
                return b""
            data = os.read(self._descriptor, files.CHUNK)
            if not data:
                self.closed = True
                return b""
            self._data += data
        line, _, self._data = self._data.partition(b"\n")
        return line

    def close(self) -> None:
        os.close(self._descriptor)


def _programs(work: Work, release: str, order: orders.Order) -> Dict[str, process.Program]:
    """What to execute for each process of the service."""
    known = orders.places(work.root, order, release)
    service = order["service"]
    env = orders.environment(service["env"], known)
    return {
        name: process.Program(
            orders.command_line(argv + service["args"], known), env, known["code"], work.root.umask
        )
        for name, argv in _command_lines(work, release, service).items()
    }


def _command_lines(work: Work, release: str, service: orders.Order) -> Dict[str, List[str]]:
    """How the service starts (HPL 4.3): the component says, the installer printed it, or the format tells."""
    if service["start"] is not None:
        return dict(service["start"])
    if service["start_from"] == "installer":
        line = work.record["line"]
        if not line:
            raise StubError(FAILED, f"the installer of {work.path} printed no line that starts the service")
        # `sh -c LINE sh ARG...`: arguments of the configuration follow the line's own.
        return {"main": ["sh", "-c", f'exec {line} "$@"', "sh"]}
    if service["start_from"] == "format":
        return {"main": _by_format(f"{release}/code")}
    return {}


def _by_format(code: str) -> List[str]:
    names = os.listdir(code)
    if len(names) != 1:
        raise StubError(FAILED, f"cannot tell how to start: the code has {len(names)} files, not one")
    file = f"{code}/{names[0]}"
    with open(file, "rb", 0) as stream:
        magic = stream.read(4)
    if magic[:2] == b"#!" or magic == b"\x7fELF":
        os.chmod(file, 0o700)
        return [file]
    interpreter = _BY_SUFFIX.get(os.path.splitext(file)[1])
    if interpreter is None:
        raise StubError(FAILED, f"cannot tell how to start {names[0]}: name an interpreter in its first line")
    return [interpreter, file]


def shutdown(work: Work) -> None:
    """Stop all processes of the service."""
    halt(work)


def halt(work: Work) -> None:
    """End whatever is recorded of the service: by its supervisor, or without one."""
    record = work.record
    known: Optional[process.Identity] = record["supervisor"]
    number, patience = _stop(releases.order_of(work.release()))
    if known is not None and process.alive(known):
        os.kill(known[0], signals.SIGTERM)
        process.await_end([known], patience + _SUPERVISOR_WAIT)
    groups = list(record["pids"].values())
    if not process.stop(groups, number, patience):
        raise StubError(FAILED, f"processes of {work.path} cannot be ended: {sorted(record['pids'])}")
    if known is not None and process.alive(known):
        os.kill(known[0], signals.SIGKILL)
    record["supervisor"] = None
    record["pids"] = {}


def activate(work: Work) -> None:
    """Let a passive service go on."""
    _control(work, "activate")


def deactivate(work: Work) -> None:
    """Have an active service pause."""
    _control(work, "deactivate")


def _control(work: Work, name: str) -> None:
    release = work.release()
    order = releases.order_of(release)
    way = order["service"]["control"][name]
    if way is None:
        raise StubError(FAILED, f"the component of {work.path} states no way to {name} it")
    if "signal" in way:
        number = process.signal_number(way["signal"])
        for known in work.record["pids"].values():
            process.signal_group(known, number)
        return
    known_places = orders.places(work.root, order, release)
    env = orders.environment(order["service"]["env"], known_places)
    line = orders.command_line(way["argv"], known_places)
    program = process.Program(line, env, known_places["code"], work.root.umask)
    environment.run(work, program, name, _CONTROL_TIMEOUT)
