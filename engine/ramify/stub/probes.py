"""Single health checks as a supervisor makes them: without waiting, and without another interpreter."""

from __future__ import annotations

import errno
import os
import time

from ramify.stub import logs, process
from ramify.stub.wire import CUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, List, Optional, Tuple

    from ramify.stub.orders import Order

    Verdict = Optional[Tuple[bool, str]]
    """Whether all is well, and what was said; None as long as nobody knows."""
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_MOST = 16 << 10
_SHOWN = 400  # characters; with what is said of them they fit into health.MOST_OUTPUT
_PIPEFUL = 5  # reads
_DEFAULT = ("SIGPIPE", "SIGHUP", "SIGTERM", "SIGCHLD", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGXFSZ")
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: ramify\r\nAccept: */*\r\n"
    "Connection: close\r\n\r\n"
)


class Wire:
    """A connection, and over HTTP a question and its answer."""

    def __init__(self, said: Order) -> None:
        self._said = said
        self._http = said["kind"] == "http"
        self._where = f"{said['host']}:{said['port']}"
        self._answer = b""
        self._connected = False
        self._socket: Any = None
        self._why = ""
        c: Any = __import__("_socket")
        try:  # several for a name such as localhost: the first that answers counts
            self._places = c.getaddrinfo(said["host"], int(said["port"]), 0, c.SOCK_STREAM)[::-1]
        except OSError as error:
            self._places, self._why = [], f"no address for {said['host']}: {error.strerror}"
        self._next()

    def _next(self) -> None:
        """Begin to connect to the next address."""
        self.close()
        c: Any = __import__("_socket")
        while self._places:
            family, kind, protocol, _, address = self._places.pop()
            try:
                self._socket = c.socket(family, kind, protocol)
                self._socket.settimeout(0)
                code = self._socket.connect_ex(address)
            except OSError as error:
                code = error.errno or errno.EIO
            if code in (0, errno.EINPROGRESS):
                return
            self._refused(code)

    def _refused(self, code: int) -> None:
        self._why = f"cannot connect to {self._where}: {os.strerror(code)}"
        self.close()

    def reads(self) -> List[int]:
        """Descriptors to wait for until they can be read."""
        return [self._socket.fileno()] if self._connected else []

    def writes(self) -> List[int]:
        """Descriptors to wait for until they can be written."""
        return [self._socket.fileno()] if self._socket is not None and not self._connected else []

    def turn(self, ready: List[int]) -> Verdict:
        """Do what can be done now."""
        if self._socket is not None and self._socket.fileno() in ready:
            return self._read() if self._connected else self._connect()
        return None if self._socket is not None else (False, self._why)

    def _connect(self) -> Verdict:
        c: Any = __import__("_socket")
        code = self._socket.getsockopt(c.SOL_SOCKET, c.SO_ERROR)
        if code:
            self._refused(code)
            self._next()
            return None if self._socket is not None else (False, self._why)
        if not self._http:
            return True, ""
        self._connected = True
        try:
            self._socket.send(_REQUEST.format(**self._said).encode("latin-1", "replace"))
        except OSError as error:
            return False, f"cannot ask {self._where}: {error.strerror}"
        return None

    def _read(self) -> Verdict:
        try:
            data = self._socket.recv(_MOST)
        except BlockingIOError:
            return None
        except OSError as error:
            return self._judge(f"{self._where} did not answer: {error.strerror}")
        self._answer += data
        if not data:
            return self._judge("it hung up", whole=True)
        return self._judge("it goes on") if len(self._answer) >= _MOST else None

    def _judge(self, why: str, whole: bool = False) -> Tuple[bool, str]:
        """What the answer comes to, which may not be the `whole` of it."""
        head, end, body = self._answer.partition(b"\r\n\r\n")
        words = head.partition(b"\r\n")[0].split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            return False, f"no answer in HTTP from {self._where}: {text(self._answer, whole=whole) or why}"
        if 200 <= int(words[1]) < 400:
            return True, ""
        status = text(b" ".join(words[1:]), whole=whole or bool(end))
        said = f"{self._where}{self._said['path']} answered {status}: {text(body, whole=whole)}"
        return False, said.rstrip(": ")

    def over(self) -> Tuple[bool, str]:
        """Its time is over."""
        if self._answer:  # an answer that goes on for ever is one
            return self._judge("it did not go on")
        did = "answer" if self._connected else "take a connection"
        return False, f"{self._where} did not {did} within {self._said['timeout']:g} s"

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


class Run:
    """A program."""

    def __init__(self, program: process.Program, timeout: float) -> None:
        self._timeout = timeout
        self._said = b""
        self._torn = False  # there was more before it
        self._why = ""
        self._pid = 0
        self._entry, out = os.pipe()
        os.set_blocking(self._entry, False)
        try:
            self._pid = _spawn(program, out)
        except OSError as error:
            self._why = f"cannot run {program.argv[0]}: {error.strerror or error}"
        os.close(out)

    def reads(self) -> List[int]:
        """Descriptors to wait for until they can be read."""
        return [self._entry] if self._pid and self._entry >= 0 else []

    def writes(self) -> List[int]:
        """Descriptors to wait for until they can be written."""
        return []

    def turn(self, ready: List[int]) -> Verdict:
        """Do what can be done now."""
        if not self._pid:
            return False, self._why
        if self._entry in ready:
            self._read()
        return None

    def _read(self) -> None:
        try:
            data = os.read(self._entry, _MOST)
        except BlockingIOError:
            return
        self._said += data
        self._torn = self._torn or len(self._said) > _MOST
        self._said = self._said[-_MOST:]
        if not data:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._entry >= 0:
            os.close(self._entry)
        self._entry = -1

    def ended(self, pid: int, status: int) -> Verdict:
        """A process has ended: perhaps ours."""
        if pid != self._pid:
            return None
        self._pid = 0
        for _ in range(_PIPEFUL):  # of what a program goes on to say that it has left behind nobody waits
            if self._entry >= 0:
                self._read()
        code = process.exit_code(status)
        if code == 0:
            return True, ""
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return False, f"the check {how}: {text(self._said, self._torn)}".rstrip(": ")

    def over(self) -> Tuple[bool, str]:
        """Its time is over."""
        said = text(self._said, self._torn, whole=False)
        return False, f"the check did not end within {self._timeout:g} s: {said}".rstrip(": ")

    def close(self) -> None:
        """End it, and what it has started."""
        if self._pid:
            try:
                os.killpg(self._pid, signals.SIGKILL)
            except OSError:
                pass
        self._pid = 0
        self._hang_up()


def _spawn(program: process.Program, out: int) -> int:
    """Start a program in this process's folder, in a group of its own."""
    null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    actions = [null, (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    return os.posix_spawn(
        process.find(program),
        program.argv,
        program.env,
        file_actions=actions,
        setpgroup=0,
        setsigmask=[],
        setsigdef=[getattr(signals, name) for name in _DEFAULT if hasattr(signals, name)],
    )


def text(data: bytes, torn: bool = False, whole: bool = True, most: int = _SHOWN) -> str:
    """The end of what was said, on one line; something was said before it, or not the `whole` is there."""
    said = " ".join(" ".join(logs.lines(data)).split())
    if torn or len(said) > most:
        said = CUT + said[-most:].lstrip("\ufffd")
    return said if whole or not said else said.rstrip("\ufffd") + CUT


def now() -> float:
    """For intervals."""
    return time.monotonic()
