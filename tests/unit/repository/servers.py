"""Web servers on loopback that behave as a test says: well, or not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from email.parser import BytesParser

from msgspec import Struct


class Asked(Struct):
    """A request as it came."""

    path: str
    headers: Message

    def get(self, name: str) -> str:
        return self.headers.get(name, "")


# Answers one request on a connection; returns whether the connection goes on.
Behave = Callable[[Asked, socket.socket], bool | None]


class Server:
    """Counts what it is asked; `behave` may be changed while it runs."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.behave: Behave = serve({})
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def stop(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while b" HTTP/" in (line := stream.readline()):
                head = b""
                while (part := stream.readline()).strip():
                    head += part
                asked = Asked(line.split()[1].decode(), BytesParser().parsebytes(head))
                self.asked.append(asked)
                if not self.behave(asked, connection):
                    return


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of an answer; names of headers have `_` for `-`."""
    named = {"Content_Length": str(len(body))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items() if value)
    return f"HTTP/1.1 {status} So\r\n{lines}\r\n".encode() + body


def say(*answers: bytes) -> Behave:
    """Give these answers one after the other, the last again and again."""
    left = list(answers)

    def behave(_: Asked, to: socket.socket) -> bool:
        to.sendall(left.pop(0) if len(left) > 1 else left[0])
        return False

    return behave


def serve(files: dict[str, bytes]) -> Behave:
    """Serve as a good server does: with tags, conditions and ranges."""

    def behave(asked: Asked, to: socket.socket) -> bool:
        data = files.get(asked.path.lstrip("/"))
        if data is None:
            to.sendall(reply(404))
            return True
        tag = f'"{hash(data):x}"'
        if asked.get("If-None-Match") == tag:
            to.sendall(reply(304, ETag=tag))
            return True
        start = asked.get("Range").removeprefix("bytes=").rstrip("-")
        if start and asked.get("If-Range") == tag:
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            to.sendall(reply(206, data[int(start) :], ETag=tag, Content_Range=span))
        else:
            to.sendall(reply(200, data, ETag=tag))
        return True

    return behave


def trickle(head: bytes, drop: bytes = b"x", every: float = 0.02) -> Behave:
    """Send bytes one by one, for ever."""

    def behave(_: Asked, to: socket.socket) -> None:
        to.sendall(head)
        while True:
            to.sendall(drop)
            time.sleep(every)

    return behave


@contextmanager
def running() -> Iterator[Server]:
    """A server while the context lasts."""
    server = Server()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)
