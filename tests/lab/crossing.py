"""Links that count what crosses them, and can be cut: a port that stands before another one."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

BLOCK = 1 << 16


class Crossing:
    """Carries all connections to a port; `down` counts the bytes towards it."""

    def __init__(self, to: int) -> None:
        self.down = 0
        self.cut_when: Callable[[], bool] | None = None
        """Asked whenever bytes have come; once it says so, all connections break."""
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [self._start(self._accept)]

    def close(self) -> None:
        """Break all connections, and take no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        self._break()
        for thread in self._threads:
            thread.join()
        for end in self._open:
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                self._threads.append(self._start(self._carry, near, far, self._counted))
                self._threads.append(self._start(self._carry, far, near, lambda _: False))

    def _carry(self, source: socket.socket, target: socket.socket, ends: Callable[[int], bool]) -> None:
        with suppress(OSError):
            while block := source.recv(BLOCK):
                if ends(len(block)):
                    self._break()
                    return
                target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _counted(self, size: int) -> bool:
        """Count bytes; whether the link is to break."""
        with self._lock:
            self.down += size
            cut = self.cut_when is not None and self.cut_when()
            if cut:
                self.cut_when = None
            return cut

    def _break(self) -> None:
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _start(work: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=args, daemon=True)
        thread.start()
        return thread


@contextmanager
def crossing(to: int) -> Iterator[Crossing]:
    """A crossing while the context lasts."""
    made = Crossing(to)
    try:
        yield made
    finally:
        made.close()
