"""What transfers have in common: their limits, who watches them, and how they fail."""

from typing import Protocol

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds of one transfer, in seconds; `slowest` is in bytes a second, over any `window`."""

    connect: float = 10
    silence: float = 30
    head: float = 60
    window: float = 20
    slowest: int = 1024
    total: float = 3600
    attempts: int = 4
    pause: float = 0.5
    longest_pause: float = 30
    redirects: int = 5


class TransferError(Exception):
    """A transfer that cannot succeed; code and way out are those of the diagnostic to tell it with."""

    def __init__(self, code: str, message: str, way_out: str = "") -> None:
        self.code = code
        self.way_out = way_out
        super().__init__(message)


class BrokenError(Exception):
    """An attempt that failed, where the next may succeed; `after` is how long the server asks to wait."""

    def __init__(self, message: str, after: float | None = None) -> None:
        self.after = after
        super().__init__(message)


class Watcher(Protocol):
    """Is told how work goes that may take long; called from several threads."""

    def begun(self, what: str) -> None:
        """Work has begun of which nobody knows how long it is, told by what it does."""

    def moved(self, what: str, done: int, total: int | None) -> None:
        """So many bytes of something are through."""

    def ended(self, what: str) -> None:
        """Nothing more comes of it."""


class Unwatched:
    """Watches nothing."""

    def begun(self, what: str) -> None:
        """Nobody looks."""

    def moved(self, what: str, done: int, total: int | None) -> None:
        """Nobody looks."""

    def ended(self, what: str) -> None:
        """Nobody looks."""


class Validators(Struct, frozen=True):
    """What a server says that its bytes are a version of."""

    etag: str = ""
    modified: str = ""

    @property
    def condition(self) -> dict[str, str]:
        """Headers that ask for the bytes only if they are others."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified else {}

    @property
    def exact(self) -> str:
        """A word that stands for these very bytes, for `If-Range`; a weak tag does not."""
        return self.modified if not self.etag or self.etag.startswith("W/") else self.etag


class Request(Struct, frozen=True):
    """What to fetch: `known` are the validators of bytes that are here already."""

    url: str
    limit: int
    known: Validators = Validators()
