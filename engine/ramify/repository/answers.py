"""What answers of web servers have in common, whichever client asks: urllib3's or the standard library's."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPMessage

import ramify

BLOCK = 1 << 16

# Plain bytes: what is counted, resumed and hashed is what the server has.
ALWAYS = {"User-Agent": f"ramify/{ramify.__version__}", "Accept-Encoding": "identity"}
"""Headers of every request."""


def ends_by_closing(headers: Mapping[str, str] | HTTPMessage) -> bool:
    """Whether nothing but the end of the connection tells the end of the bytes."""
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    return not chunked and "Content-Length" not in headers


@contextmanager
def head_within(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Cut a connection whose head of an answer takes too long; it may come letter by letter.

    The timeout of a socket is for each piece that arrives: such a head never ends.

    Raises:
        TimeoutError: it took too long.
    """
    cut = threading.Event()
    timer = threading.Timer(seconds, _cut, (sock, cut))
    timer.daemon = True
    timer.start()
    late = f"the head of the answer took more than {seconds:g} s"
    try:
        yield
    except (OSError, HTTPException) as error:
        if cut.is_set():
            raise TimeoutError(late) from error
        raise
    finally:
        timer.cancel()
    if cut.is_set():  # a head that was cut reads like one that is complete
        raise TimeoutError(late)


def _cut(sock: socket.socket, cut: threading.Event) -> None:
    cut.set()
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
