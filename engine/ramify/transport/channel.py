"""The port that every way to a host implements: connections, and channels to remote commands."""

from typing import Protocol

STDERR_LIMIT = 8 << 10
READ_LIMIT = 1 << 20


class Channel(Protocol):
    """A byte stream to and from one remote command.

    At the end of the stream `read` gives b"" and `readexactly` raises asyncio.IncompleteReadError, just as
    asyncio.StreamReader does; a link that broke raises ConnectionLostError from either.
    """

    async def read(self, n: int) -> bytes:
        """Up to n bytes, as soon as there are any; b"" at the end."""

    async def readexactly(self, n: int) -> bytes:
        """Exactly n bytes."""

    def write(self, data: bytes) -> None:
        """Send bytes; call `drain` before sending more than a little."""

    async def drain(self) -> None:
        """Wait until the other side has taken enough of what was written."""

    def write_eof(self) -> None:
        """End the command's input; its output can still be read."""

    async def exit_status(self) -> int | None:
        """Wait for the command's end: its status, minus the signal's number, or None if nobody knows."""

    async def stderr_tail(self) -> str:
        """The last of what the command said on its stderr; bounded, for error messages."""

    async def close(self) -> None:
        """Give up the command. Never fails, and may be called again."""


class Connection(Protocol):
    """A way to one host, on which commands are started."""

    async def open(self, command: str, *, agent: bool = False) -> Channel:
        """Start a command under the host user's shell, as sshd does; `agent` forwards the SSH agent to it."""

    async def close(self) -> None:
        """Give it back. Never fails, and may be called again."""


class Tail:
    """The last bytes of a stream: what an error message quotes."""

    def __init__(self, limit: int = STDERR_LIMIT) -> None:
        self._limit = limit
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Take more; what is too old is forgotten."""
        self._kept += data
        del self._kept[: -self._limit]

    def __str__(self) -> str:
        return self._kept.decode(errors="replace").strip()
