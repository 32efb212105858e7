"""Recorded state: what a directory knows of a node, and what has become of it in a run."""

import hashlib
from collections.abc import Iterable
from enum import Enum

from msgspec import Struct, field

from ramify.model.drift import Drift


class NodeRecord(Struct, frozen=True):
    """A deployed node as it was last heard of.

    `open` names the run that was working on it and has not told the end: nothing else in the record is
    certain then. `held` says that it was "stopped" or "paused" on purpose. `values` are the rendered values
    that it runs with, for the next plan's diff; `drift` is what was found on its host otherwise than it was
    put there, when somebody looked last.
    """

    path: str
    host: str
    initiator: str
    environment: str = "non-existent"
    service: str = "non-existent"
    digest: str = ""
    environment_digest: str = ""
    service_digest: str = ""
    binding: str = ""
    release: int = 0
    open: str = ""
    problem: str = ""
    held: str = ""
    values: dict[str, str] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether anything of the node is on its host."""
        return self.environment != "non-existent" or self.service != "non-existent"


class Outcome(Enum):
    """How a node ended in a run; every planned node ends in exactly one."""

    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    OFFLINE = "offline"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class NodeResult(Struct, frozen=True):
    """The outcome of one node, and why when it is not the wished one.

    `stale` says that it was not touched since it moved on after it was planned, or another run works on it;
    `reverted` that what failed was taken back, and what was there before runs again.
    """

    path: str
    outcome: Outcome
    message: str = ""
    detail: str = ""
    stale: bool = False
    reverted: bool = False


def fingerprint(records: Iterable[NodeRecord]) -> str:
    """One digest over recorded states: equal when two directories know the same (order does not matter)."""
    return hashlib.sha256("".join(sorted(map(_line, records))).encode()).hexdigest()


def generation(record: NodeRecord | None) -> str:
    """A word that is another one as soon as a node is not as it was recorded; none for no record."""
    return hashlib.sha256(_line(record).encode()).hexdigest()[:16] if record else ""


def _line(r: NodeRecord) -> str:
    return (
        f"{r.path} {r.host} {r.environment} {r.service} {r.digest} {r.environment_digest} {r.service_digest} "
        f"{r.binding} {r.release} {r.open} {r.held}"
        f"{''.join(f' {d.name} {d.how} {d.actual}' for d in r.drift)}\n"
    )
