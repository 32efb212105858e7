"""The bytes of one answer on their way into a file: counted, hashed, and ended when they never would."""

from typing import Protocol

from msgspec import Struct

from ramify.repository.partials import Partial
from ramify.repository.transfers import BrokenError, Limits, Request, TransferError, Validators, Watcher


class Received(Struct, frozen=True):
    """All bytes of a URL: they are in the partial file."""

    sha256: str
    size: int
    validators: Validators


class Headers(Protocol):
    """The head of an answer; names in any case."""

    def get(self, name: str, failobj: str, /) -> str:
        """What is said under a name, or else something."""


class Answer(Protocol):
    """A server's answer; its bytes are read in pieces as they come."""

    @property
    def status(self) -> int:
        """What became of the request."""

    @property
    def headers(self) -> Headers:
        """What is said of the bytes."""

    def read(self) -> bytes:
        """The next bytes, at least one; nothing at the end.

        Raises:
            BrokenError: the connection broke, or was silent for too long.
        """

    @property
    def ends_by_closing(self) -> bool:
        """Whether nothing but the end of the connection tells the end of the bytes."""

    def close(self) -> None:
        """Let go."""


class Clock(Protocol):
    """Time, and chance for pauses; the tests have their own."""

    def now(self) -> float:
        """Seconds."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def between(self, low: float, high: float) -> float:
        """Some number."""


class Reception:
    """The bytes of one answer on their way into a partial file."""

    def __init__(self, request: Request, partial: Partial, watcher: Watcher, clock: Clock) -> None:
        self._request = request
        self._partial = partial
        self._watcher = watcher
        self._clock = clock

    def receive(self, answer: Answer, expected: int | None, bounds: tuple[Limits, float]) -> Received:
        """Append all bytes.

        Raises:
            BrokenError: fewer came than were promised.
            TransferError: more came than are allowed, or too slowly.
        """
        validators = self._partial.validators()
        found, size = self._partial.hashed(), self._partial.size
        pace = _Pace(self._clock, *bounds)
        while block := answer.read():
            size += len(block)
            if size > self._request.limit:
                self._partial.restart()
                raise too_large(size, self._request.limit)
            self._partial.stream.write(block)
            found.update(block)
            pace.count(len(block))
            self._watcher.moved(self._request.url, size, expected)
        self._partial.stream.flush()
        self._check(answer, size, expected)
        return Received(found.hexdigest(), size, validators)

    def _check(self, answer: Answer, size: int, expected: int | None) -> None:
        if expected is not None and size > expected:
            self._partial.restart()
        if expected is not None and size != expected:
            raise BrokenError(f"the server sent {size:,} of {expected:,} bytes")
        # A head that was cut off looks just so: there is no telling it from an empty file.
        if size == 0 and answer.ends_by_closing:
            raise BrokenError("the server sent nothing")


class _Pace:
    """Ends a transfer that would never end: one that trickles, or takes longer than all may."""

    def __init__(self, clock: Clock, limits: Limits, deadline: float) -> None:
        self._clock = clock
        self._limits = limits
        self._deadline = deadline
        self._begun = clock.now()
        self._came = 0

    def count(self, size: int) -> None:
        """So many bytes more have come."""
        self._came += size
        now, limits = self._clock.now(), self._limits
        if now > self._deadline:
            raise TransferError("no-answer", f"it is not through after {limits.total:g} s")
        if now - self._begun < limits.window:
            return
        if self._came < limits.slowest * limits.window:
            slow = f"the server sent {self._came:,} bytes in {now - self._begun:.0f} s"
            raise TransferError("no-answer", slow, "Try again later: it goes on where this ended.")
        self._begun, self._came = now, 0


def too_large(size: int, limit: int) -> TransferError:
    """What to raise about something larger than it may be."""
    allowed = f"{limit >> 20} MiB" if limit >> 20 else f"{limit:,} bytes"
    return TransferError("too-large", f"it has {size:,} bytes or more, at most {allowed} are allowed")
