"""One session: greet, answer requests in order until the stream ends."""

from __future__ import annotations

import os
import sys

from ramify.stub import facts, layout
from ramify.stub.wire import (
    INTERNAL,
    MALFORMED,
    PROTOCOL,
    UNSUPPORTED,
    BrokenStreamError,
    Reader,
    StubError,
    encode,
    pack,
    write_all,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Dict, Optional

    from ramify.stub.wire import Header
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

# Operation -> where it is: a session loads only what it is asked for.
OPERATIONS = {
    "status": ("status", "status"),
    "verify": ("status", "verify"),
    "commands": ("commands", "run"),
    "confirm": ("pending", "confirm"),
    "have": ("transfer", "have"),
    "put": ("transfer", "put"),
    "facts": ("facts", "facts"),
    "logs": ("reading", "read"),
    "stop": ("stopping", "stop"),
    "trust": ("trust", "trust"),
    "strays": ("strays", "strays"),
}
ATTACH = "attach"
_REMEMBERED = 4096


def hello(root: str, digest: str) -> Header:
    """What the stub says first."""
    return {
        "hello": 1,
        "protocol": [PROTOCOL],
        "stub": digest,
        "python": list(sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "platform": sys.platform,
        "machine": os.uname().machine,
        "libc": facts.libc(),
        "agent": os.environ.get("SSH_AUTH_SOCK"),
        "root": root,
        "trust": layout.trusted(root),
    }


class Session:
    """Requests from one descriptor, replies to another."""

    def __init__(self, root: layout.Root, ahead: bytearray) -> None:
        self._root = root
        self._reader = root.reader = Reader(0, ahead)
        self._replies: Dict[int, bytes] = {}

    def run(self) -> None:
        """Serve until the peer has no more requests."""
        going = True
        while going:
            try:
                frame = self._reader.frame()
                self._root.deaf = False
            except StubError as error:
                self._send(encode(dict(error.header(), id=None)))
                going = not isinstance(error, BrokenStreamError)
                continue
            going = frame is not None and self._answer(*frame)

    def _send(self, reply: bytes) -> None:
        write_all(1, pack(reply))

    def _answer(self, header: Header, body: bytes) -> bool:
        """Answer one request; whether the session goes on."""
        number = header.get("id")
        if type(number) is not int:
            error = StubError(MALFORMED, "id is not a number")
            self._send(encode(dict(error.header(), id=None)))
            return True
        if number in self._replies:
            self._send(self._replies[number])
            return True
        connection: Optional[Any] = None
        try:
            if header.get("op") == ATTACH:
                connection = _module("relay").connect(self._root, header)
                result: Header = {}
            else:
                result = self._perform(header, body)
        except StubError as error:
            result = error.header()
        except Exception as error:  # a bug here must not cost the other nodes of this host their session
            result = StubError(INTERNAL, f"{type(error).__name__}: {error}", _place(error)).header()
        reply = encode(dict({"id": number, "ok": True}, **result))
        self._remember(number, reply)
        self._send(reply)
        if connection is not None:
            _module("relay").relay(connection, bytes(self._reader.rest))
        return connection is None

    def _remember(self, number: int, reply: bytes) -> None:
        if len(self._replies) >= _REMEMBERED:
            del self._replies[next(iter(self._replies))]
        self._replies[number] = reply

    def _perform(self, header: Header, body: bytes) -> Header:
        operation = header.get("op")
        if header.get("protocol", PROTOCOL) != PROTOCOL:
            raise StubError(UNSUPPORTED, f"this stub speaks protocol {PROTOCOL} only")
        if not isinstance(operation, str) or operation not in OPERATIONS:
            known = ", ".join((*OPERATIONS, ATTACH))
            raise StubError(UNSUPPORTED, f"no operation {layout.shorten(operation)}: there are {known}")
        module, name = OPERATIONS[operation]
        function = getattr(_module(module), name)
        result: Header = (
            function(self._root, header, body) if operation == "put" else function(self._root, header)
        )
        return result


def _module(name: str) -> Any:
    return __import__(f"ramify.stub.{name}", fromlist=[name])


def _place(error: BaseException) -> str:
    """Where a bug is: the innermost place in our own code."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        found = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def main(path: str, digest: str, ahead: bytearray) -> None:
    """Serve standard input, of which `ahead` has been read, and output."""
    signals.signal(signals.SIGHUP, signals.SIG_IGN)  # a lost link must not end a step half-way
    signals.signal(signals.SIGCHLD, signals.SIG_DFL)  # ignored, it would take exit codes away
    root = layout.Root(path)
    root.umask = os.umask(0o077)
    write_all(1, pack(encode(hello(path, digest))))
    try:
        Session(root, ahead).run()
    except ConnectionError:  # nobody listens any more; what was asked has been done
        pass
    if root.collect_at_end or os.path.exists(root.due):
        root.used.clear()
        _module("garbage").collect(root)
