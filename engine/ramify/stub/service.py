"""What the transitions of the service do: configure, start, shutdown, activate, deactivate, reload."""

from __future__ import annotations

import os
import select
import time

from ramify.stub import environment, files, logs, orders, process, releases, stopping, supervisor
from ramify.stub.wire import FAILED, REFUSED, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Dict, List, Optional

    from ramify.stub.work import Work
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_CONTROL_TIMEOUT = 60.0
_SUPERVISOR_WAIT = 8.0  # beyond the service's own time to stop: the supervisor's SIGKILL, and its end
_STOP_PATIENCE = 10.0  # where nothing says how long a service may take
_REPORT_WAIT = 30.0
_HEALTH_POLL = 0.02
_OF_A_PROCESS = ("start", "start_from", "env", "args")
_BY_SUFFIX = {".py": "{python}", ".sh": "sh", ".pl": "perl"}


def configure(work: Work) -> None:
    """Switch the current release to the order's service configuration; its code stays untouched."""
    record = work.record
    order = work.needed_order()
    release = work.release()
    kept = releases.order_of(release)
    merged = dict(order, **{name: kept[name] for name in ("code", "shared", "install", "uninstall")})
    merged["environment_digest"] = record["environment_digest"]
    record["order"] = releases.configure(release, merged, releases.wanted_back(record))
    record["service_digest"] = order["service_digest"]
    whole = order["environment_digest"] == record["environment_digest"]
    record["digest"] = order["digest"] if whole else ""
    # What placement added to what is installed, as a runtime, is only there once it is installed anew.
    record["binding"] = order["binding"] if orders.installed(order) == orders.installed(kept) else ""


def start(work: Work) -> None:
    """Start all processes, and see them live through their time of grace.

    Raises:
        StubError: one of them ended; then none is left.
    """
    _start(work)


def start_again(work: Work) -> str:
    """Start what ran before, healthy or not: it runs on if it can; what is wrong with its health.

    Raises:
        StubError: one of its processes ended; then none is left.
    """
    return _start(work, ill=True)


def _start(work: Work, ill: bool = False) -> str:
    release = work.release()
    order = releases.order_of(release)
    programs = _programs(work, release, order)
    run = f"{work.node}/run"
    files.remove_tree(run)
    files.make_folder(run)
    if not programs:
        return ""
    log = f"{work.node}/log"
    before = {name: logs.size(f"{log}/{name}.log") for name in programs}
    watch = _watch(work, release, order, programs)
    number, patience = _stop(order)
    what = supervisor.Service(programs, run, log, number, patience, watch)
    try:
        _launch(work, what, order["service"]["grace"])
    except StubError:
        halt(work)
        raise
    except _NotUpError as error:
        if ill and error.runs:
            return str(error)
        halt(work)
        said = logs.tails(log, {error.process: before[error.process]} if error.process else before)
        raise StubError(FAILED, str(error), said) from None
    return ""


class _NotUpError(Exception):
    """A service did not start: which of its processes ended, if any did, or whether it runs all the same."""

    def __init__(self, message: str, process: str = "", runs: bool = False) -> None:
        super().__init__(message)
        self.process = process
        self.runs = runs


def _ended(work: Work, line: bytes) -> _NotUpError:
    name, _, number = line.decode("ascii").partition(" ")
    code = int(number)
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return _NotUpError(f"process {name} of {work.path} ended {how} as soon as it was started", name)


def _watch(work: Work, release: str, order: orders.Order, programs: Dict[str, process.Program]) -> Any:
    """How the service's health is checked, with the environment of its processes; None if it is not."""
    said = order["service"].get("health")
    if said is None:
        return None
    program = next(iter(programs.values()))
    if said["argv"]:
        line = orders.command_line(said["argv"], orders.places(work.root, order, release))
        program = process.Program(line, program.env, program.cwd, program.umask)
    return _module("checker").Watch(_module("health").told(said, program.env), program)


def _module(name: str) -> Any:
    """One of those that only services with a health check need."""
    return __import__(f"ramify.stub.{name}", fromlist=[name])


def _stop(order: orders.Order) -> Any:
    stop = order["service"]["stop"]
    return process.signal_number(stop["signal"]), stop["timeout"]


def _stop_of(work: Work) -> Any:
    """How the service wants to be ended; one whose order was damaged is ended all the same."""
    try:
        return _stop(releases.order_of(work.release()))
    except (StubError, KeyError, TypeError):
        return signals.SIGTERM, _STOP_PATIENCE


def _launch(work: Work, what: supervisor.Service, grace: float) -> None:
    """Start the supervisor, journal its processes, open the gate, and see that they are up.

    Raises:
        _NotUpError: one of them ended, or the service did not become healthy.
    """
    gate = process.Gate()
    reports = _Reports(supervisor.launch(what, gate), work)
    try:
        first = decode(reports.line(_REPORT_WAIT) or b"{}")
        if "pids" not in first:
            gate.shut()
            raise StubError(FAILED, f"{work.path}: {first.get('error', 'the supervisor did not start')}")
        work.record["supervisor"] = first["supervisor"]
        work.record["pids"] = first["pids"]
        work.write()
        gate.open(len(first["pids"]))
        _see(work, what, reports, grace)
    finally:
        reports.close()


def _see(work: Work, what: supervisor.Service, reports: _Reports, grace: float) -> None:
    """See the service live through its time of grace, and become healthy."""
    deadline = time.monotonic() + grace
    if what.watch is not None:
        limit = _module("health").limit(what.watch.said)
        line = reports.line(limit + what.watch.said["timeout"] + _REPORT_WAIT)
        if line[:1] == b"{":
            told = decode(line)
            if not told["healthy"]:
                why = f"{work.path} did not become healthy within {limit:g} s: {told['output']}"
                raise _NotUpError(why.rstrip(": "), runs=True)
        elif line:
            raise _ended(work, line)
    line = reports.line(max(0.0, deadline - time.monotonic()))
    if line:
        raise _ended(work, line)
    if reports.closed:
        raise _NotUpError(f"the supervisor of {work.path} ended as soon as it was started")


class _Reports:
    """Lines from the supervisor."""

    def __init__(self, descriptor: int, work: Work) -> None:
        self._descriptor = descriptor
        self._work = work
        self._data = b""
        self.closed = False

    def line(self, patience: float) -> bytes:
        """The next line, or nothing when there is none in time.

        Raises:
            StubError: the peer has asked to stop.
        """
        deadline = time.monotonic() + patience
        while b"\n" not in self._data:
            left = max(0.0, deadline - time.monotonic())
            peer = stopping.descriptors(self._work.root)
            ready = select.select([self._descriptor, *peer], [], [], left)[0]
            if stopping.asked(self._work.root):
                raise stopping.stopped(f"{self._work.command} of {self._work.path}")
            if not ready:
                return b""
            if self._descriptor not in ready:
                continue
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
    number, patience = _stop_of(work)
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
    """Let a passive service go on, and see it become healthy; else it pauses again."""
    _control(work, "activate")
    said = releases.order_of(work.release())["service"].get("health")
    if said is None:
        return
    _tell_supervisor(work, "GO_ON")
    health, found = _module("health"), None
    limit = health.limit(said)
    deadline = time.monotonic() + limit + said["timeout"] + _SUPERVISOR_WAIT
    while found is None or found["state"] not in (health.HEALTHY, health.UNHEALTHY):
        if time.monotonic() >= deadline or not all(map(process.alive, work.record["pids"].values())):
            break
        time.sleep(_HEALTH_POLL)  # what a supervisor notes is no event for a session that did not start it
        found = health.read(f"{work.node}/run")
    if found is None or found["state"] != health.HEALTHY:
        deactivate(work)
        why = f"{work.path} did not become healthy within {limit:g} s: {found['output'] if found else ''}"
        raise StubError(
            FAILED, why.rstrip(": "), logs.tails(f"{work.node}/log", dict.fromkeys(work.record["pids"], 0))
        )


def deactivate(work: Work) -> None:
    """Have an active service pause; its health is nobody's question then."""
    _control(work, "deactivate")
    if releases.order_of(work.release())["service"].get("health") is not None:
        _tell_supervisor(work, "PAUSE")


def _tell_supervisor(work: Work, what: str) -> None:
    known = work.record["supervisor"]
    if process.alive(known):
        os.kill(known[0], getattr(signals, getattr(_module("checker"), what)))


def reload(work: Work) -> None:
    """Give a running service its new files, and have it read them.

    Raises:
        StubError: something else changed, too, that only a new process can see; nothing was done.
    """
    kept, order = releases.order_of(work.release())["service"], work.needed_order()["service"]
    differs = [name for name in _OF_A_PROCESS if kept[name] != order[name]]
    if differs:
        raise StubError(REFUSED, f"{work.path} must be restarted to be given its {' and '.join(differs)}")
    configure(work)
    _control(work, "reload")


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
