"""Linux namespaces: each is held by a process; pytest stays outside and only its children enter."""

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

Condition = Callable[[], bool]

CLONE_NEWPID = 0x20000000
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": SYSTEM_PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8"}  # of a host
TOOLS = {  # program: the Debian package that brings it
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "pivot_root": "util-linux",
    "setpriv": "util-linux",
}
TRIAL = """mount -t tmpfs t /mnt && cd /mnt && mkdir u w m &&
mount -t overlay -o lowerdir=/,upperdir=u,workdir=w o m"""

_libc = ctypes.CDLL(None, use_errno=True)


@cache
def unavailable() -> str | None:
    """Why real hosts cannot run here, with the way to have them; None when they can."""
    if os.geteuid() != 0:
        return "real hosts need root: run the tests with sudo, or leave them out with -m 'not hosts'"
    missing = {package for tool, package in TOOLS.items() if program(tool) is None}
    if missing:
        return f"real hosts need programs that are not here: apt-get install {' '.join(sorted(missing))}"
    trial = subprocess.run(
        ["unshare", "-n", "-m", "-p", "-u", "-i", "-f", "sh", "-c", TRIAL],
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        return (
            f"real hosts need namespaces and overlayfs, and this root may not have them "
            f"({trial.stderr.strip()}): in a container, run it with --privileged"
        )
    return None


def program(name: str) -> str | None:
    """Where a program is, also when the caller's PATH leaves the sbin folders out."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


def hold(*unshare: str) -> "subprocess.Popen[str]":
    """Start a process that says `ready` and holds new namespaces until this thread of pytest ends."""
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", *unshare],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    if process.stdout is None or process.stdout.readline() != "ready\n":
        raise RuntimeError(f"cannot make namespaces: {process.communicate()[1]}")
    return process


def entering(holder: int, *kinds: str) -> list[str]:
    """The start of a command line that runs the rest in namespaces of the process `holder`."""
    return ["nsenter", *(f"--{kind}=/proc/{holder}/ns/{_links(kind)}" for kind in kinds)]


def _links(kind: str) -> str:
    """The name of a namespace in /proc: `unshare` itself is not in the process namespace that it made."""
    return {"mount": "mnt", "pid": "pid_for_children"}.get(kind, kind)


@contextmanager
def births_in(holder: int) -> Iterator[None]:
    """What this thread starts inside the block is born in the process namespace made by `holder`.

    `nsenter --pid` would fork: the test's Popen would then be nsenter, and killing it would end nothing else.
    """
    own = Path("/proc/self/ns/pid")
    with Path(f"/proc/{holder}/ns/pid_for_children").open() as there, own.open() as here:
        _set_namespace(there.fileno())
        try:
            yield
        finally:
            _set_namespace(here.fileno())


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWPID):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def identity(holder: int, kind: str) -> str:
    """What the kernel calls a namespace, such as `net:[4026532281]`; empty when the process is gone."""
    try:
        return str(Path(f"/proc/{holder}/ns/{_links(kind)}").readlink())
    except OSError:
        return ""


def members(holder: int) -> list[int]:
    """The processes in the process namespace made by `holder`, by the numbers they have outside."""
    return members_of(identity(holder, "pid"))


def members_of(space: str) -> list[int]:
    """The processes in a process namespace, given by what the kernel calls it.

    Those that ended are left out, though their parent has not asked for them yet: a container's first
    process may do so late or never. They hold no network, mount or file any more.
    """
    return [pid for pid in everyone() if space and _in(pid, space)]


def everyone() -> list[int]:
    """All processes that pytest can see."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _in(pid: int, wanted: str) -> bool:
    try:
        Path(f"/proc/{pid}/ns/mnt").readlink()  # a zombie has none, but still a /proc/PID/ns/pid
        return str(Path(f"/proc/{pid}/ns/pid").readlink()) == wanted
    except OSError:  # it ended meanwhile
        return False


def describe(pid: int) -> tuple[int, tuple[str, ...]] | None:
    """The number that a process has in its own namespace, and its command line; None for an ended one."""
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    inside = next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:"))
    return (int(inside), tuple(argv.decode(errors="replace").rstrip("\0").split("\0"))) if argv else None


def happens(condition: Condition, *, unless: Condition = lambda: False, within: float = 20) -> bool:
    """Wait for something that takes milliseconds, with patience for a machine under load."""
    deadline, pause = time.monotonic() + within, 0.001
    while not condition():
        if unless() or time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)  # who asks without a pause takes the time of those who are waited for
    return True


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Signal processes, some of which may have ended."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def ip(holder: int, *commands: str, force: bool = False) -> None:
    """Run `ip` commands in the network namespace of a process; with `force`, what fails is passed over."""
    done = subprocess.run(
        [*entering(holder, "net"), "ip", *(["-force"] if force else []), "-batch", "-"],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not force:
        raise RuntimeError(f"ip refused {commands}: {done.stderr.strip()}")
