"""History: which runs there were, by whom, from which bundle, what each changed; and leases."""

from collections.abc import Iterable

from msgspec import Struct

from ramify.model import paths
from ramify.model.record import Outcome

KEEP = 50
"""Runs that are remembered, unless ramify.yml says otherwise."""


class Cause(Struct, frozen=True):
    """Why there is a run: who asked for it, for what (apply, rollback, ...), and to which run it goes back.

    Without a `kind` it is what the run does; `saved` is the saved plan that it carries out, if it does.
    `signers` are those who vouch for the project, as whoever asked saw it.
    """

    who: str = ""
    kind: str = ""
    back_to: str = ""
    saved: str = ""
    signers: tuple[str, ...] = ()


class Ran(Struct, frozen=True):
    """A run as it is remembered; without `finished` it is going on, or was killed."""

    run: str
    kind: str
    path: str
    bundle: str
    started: str
    who: str = ""
    selection: tuple[str, ...] = ()
    back_to: str = ""
    finished: str = ""
    counts: dict[str, int] = {}
    saved: str = ""
    signers: tuple[str, ...] = ()


class NodeChange(Struct, frozen=True):
    """What a run did to one node: its release and digest before and after; no digest where there was none."""

    path: str
    outcome: Outcome
    host: str = ""
    message: str = ""
    before_release: int = 0
    before_digest: str = ""
    release: int = 0
    digest: str = ""


class Lease(Struct, frozen=True):
    """The right of a run to work on subtrees, alone. It ends at `expires` (Unix time) unless renewed.

    Of one that somebody `released` the run ends: it begins nothing more, and is alone until that is over.
    """

    run: str
    kind: str
    paths: tuple[str, ...]
    who: str
    started: str
    machine: str = ""
    pid: int = 0
    expires: float = 0
    released: str = ""

    @property
    def owner(self) -> str:
        """Whom to ask."""
        return f"{self.who}, pid {self.pid}" if self.pid else self.who


class Holding(Struct, frozen=True):
    """A lease at the initiator of the path `at`, as that told of it; its `age` in seconds by its own clock.

    Without anybody above it ends by itself when `left` seconds are over; None while somebody is there.
    """

    at: str
    lease: Lease
    age: float
    left: float | None = None


def spell(seconds: float) -> str:
    """A length of time, as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} d"


def overlaps(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two sets of subtrees have a node in common."""
    known = tuple(others)
    return any(paths.within(one, other) or paths.within(other, one) for one in some for other in known)
