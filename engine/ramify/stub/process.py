"""Processes: started behind a gate, known by pid and start time, stopped as a group.

A pid alone is no name: it is used again. So each process is stored with the time that the kernel started
it, and both are compared before any signal. Every process leads its own session and group, hence the
group has the leader's pid, and a number is not used again while the group has a member.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Dict, List, Optional, Sequence

    Identity = Sequence[Any]
    """[pid, stamp]"""
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

GO = b"\n"
# What a process does until it is the program. The shell puts names of its own into the environment.
_SHELLS = ("PWD", "OLDPWD", "SHLVL")
_GATED = """read _ || exit 125
umask {umask:o}
cd "$1" || exit 126
shift
case $1 in
*/*) ;;
*) command -v "$1" >/dev/null || {{ echo "ramify: no program $1 in $PATH" >&2; exit 127; }} ;;
esac
unset {unset} _
exec "$@" </dev/null
"""
_POLL = 0.005
_KILL_WAIT = 5.0
_RESET = ("SIGPIPE", "SIGHUP", "SIGTERM", "SIGCHLD", "SIGINT", "SIGXFSZ")


def signal_number(name: str) -> int:
    """The number of `TERM`, `USR1`, ..."""
    return int(getattr(signals, f"SIG{name}"))


_boots: List[str] = []


def _boot() -> str:
    """Which boot of the host this is: start times count from it."""
    if not _boots:
        try:
            with open("/proc/sys/kernel/random/boot_id", "rb", 0) as stream:
                _boots.append(stream.read(8).decode("ascii"))
        except OSError:
            _boots.append("")
    return _boots[0]


def _stat(pid: int) -> List[str]:
    """Fields of /proc/PID/stat from the third on: state, ppid, pgrp, session ..., if it is there."""
    try:
        with open(f"/proc/{pid}/stat", "rb", 0) as stream:
            return stream.read(1024).decode("latin-1").rpartition(")")[2].split()
    except OSError:
        return []


def stamp(pid: int) -> str:
    """When the kernel started this process, in words of its own; empty if it has ended."""
    fields = _stat(pid)
    if fields:
        return "" if fields[0] in "ZX" else f"{fields[19]}@{_boot()}"
    if os.path.exists("/proc/self/stat"):
        return ""
    return _stamp_of_ps(pid)


def _stamp_of_ps(pid: int) -> str:
    """The same on systems without /proc."""
    with os.popen(f"ps -o stat=,lstart= -p {pid:d}") as stream:  # noqa: S605 - a number
        state, _, started = stream.read().strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def identity(pid: int) -> List[Any]:
    """What to store about a process."""
    return [pid, stamp(pid)]


def alive(known: Optional[Identity]) -> bool:
    """Whether exactly this process is there."""
    return known is not None and bool(known[1]) and stamp(known[0]) == known[1]


def group_alive(known: Identity) -> bool:
    """Whether this process, or another one of its group, is there."""
    if alive(known):
        return True
    pid = known[0]
    if stamp(pid) or known[1].rpartition("@")[2] != _boot():
        return False  # the number has a new owner, so the group was empty before; or the host was rebooted
    try:
        os.killpg(pid, 0)
    except OSError:
        return False
    return bool(members(pid))


def members(group: int) -> List[int]:
    """Processes of a group that have not ended, ours by their session."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return [group]
    found = []
    for pid in pids:
        fields = _stat(pid)
        if fields and fields[0] not in "ZX" and fields[2] == fields[3] == str(group):
            found.append(pid)
    return found


def signal_group(known: Identity, number: int) -> bool:
    """Signal the group of a stored process, if it is still that; whether there was one."""
    if not group_alive(known):
        return False
    try:
        os.killpg(known[0], number)
    except ProcessLookupError:  # forked, and not yet the leader of its group
        try:
            os.kill(known[0], number)
        except ProcessLookupError:
            return False
    return True


def await_end(groups: Sequence[Identity], patience: float) -> bool:
    """Wait until nothing of the groups is left; they are not our children, so there is no event."""
    deadline = time.monotonic() + patience
    pause = _POLL
    while any(group_alive(known) for known in groups):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    return True


def stop(groups: Sequence[Identity], number: int, patience: float) -> bool:
    """End the groups: signal, wait, kill. Whether nothing is left."""
    for known in groups:
        signal_group(known, number)
    if await_end(groups, patience):
        return True
    for known in groups:
        signal_group(known, signals.SIGKILL)
    return await_end(groups, _KILL_WAIT)


def listen() -> int:
    """A descriptor that becomes readable whenever a child ends; `quiet` ends that."""
    wakeup, writer = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(writer, False)
    signals.set_wakeup_fd(writer)
    signals.signal(signals.SIGCHLD, lambda _number, _frame: None)
    return wakeup


def quiet(wakeup: int) -> None:
    """Undo `listen`."""
    signals.signal(signals.SIGCHLD, signals.SIG_DFL)
    os.close(signals.set_wakeup_fd(-1))
    os.close(wakeup)


def exit_code(status: int) -> int:
    """A wait status as an exit code, negative for a signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


class Gate:
    """A pipe at which new processes wait until they are journalled.

    If the stub dies first the pipe closes, and they end without having run anything.
    """

    def __init__(self) -> None:
        self.entry, self.exit = os.pipe()

    def shut(self) -> None:
        """Let nobody through."""
        os.close(self.entry)
        os.close(self.exit)

    def open(self, count: int) -> None:
        """Let `count` processes through."""
        os.close(self.entry)
        try:
            os.write(self.exit, GO * count)
        except BrokenPipeError:
            pass
        os.close(self.exit)


class Program:
    """What to execute, and where its output goes."""

    __slots__ = ("argv", "cwd", "env", "umask")

    def __init__(self, argv: List[str], env: Dict[str, str], cwd: str, umask: int) -> None:
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.umask = umask


def spawn(program: Program, gate: Gate, out: int, err: int) -> int:
    """Start a process that leads a session of its own and becomes `program` once the gate opens.

    A shell waits for it: a fork of this interpreter would cost the host 2 ms more, for memory that both
    hold and each goes on writing to.
    """
    unset = " ".join(name for name in _SHELLS if name not in program.env)
    script = _GATED.format(umask=program.umask, unset=unset)
    argv = ["sh", "-c", script, "sh", program.cwd, *program.argv]
    actions = [(os.POSIX_SPAWN_DUP2, old, new) for old, new in ((gate.entry, 0), (out, 1), (err, 2))]
    reset = [getattr(signals, name) for name in _RESET if hasattr(signals, name)]
    how: Any = {"file_actions": actions, "setsigdef": reset}
    try:
        return os.posix_spawn("/bin/sh", argv, program.env, setsid=True, **how)
    except NotImplementedError:  # a C library from before 2018
        return os.posix_spawn("/usr/bin/setsid", ["setsid", *argv], program.env, **how)


def find(program: Program) -> str:
    """The file to execute.

    Raises:
        FileNotFoundError: there is none of its name along the program's own PATH.
    """
    name = program.argv[0]
    if "/" in name:
        return name
    for folder in program.env["PATH"].split(":"):
        file = f"{folder or '.'}/{name}"
        if os.path.isfile(file) and os.access(file, os.X_OK):
            return file
    raise FileNotFoundError(f"no program {name} in {program.env['PATH']}")
