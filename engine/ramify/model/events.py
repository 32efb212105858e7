"""Events: what initiators tell upwards while they work, and what a run came to."""

from collections.abc import Iterable

from msgspec import Struct

from ramify.model.plan import Action, Goal, NodePlan
from ramify.model.record import NodeRecord, NodeResult, Outcome
from ramify.model.rollout import OnFailure


class Started(Struct, frozen=True, tag="started"):
    """Work on a node began."""

    path: str
    host: str


class Step(Struct, frozen=True, tag="step"):
    """Work on a node has been at one step for so many seconds: told only of those that take long."""

    path: str
    step: str
    seconds: float


class Finished(Struct, frozen=True, tag="finished"):
    """Work on a node ended; `record` is what its directory knows now, None when that did not change.

    `gone` says that nothing of the node is left.
    """

    result: NodeResult
    record: NodeRecord | None = None
    gone: bool = False


class Found(Struct, frozen=True, tag="found"):
    """All that an initiator has recorded below itself: sent when its parent knows something else."""

    path: str
    records: tuple[NodeRecord, ...]


class Note(Struct, frozen=True, tag="note"):
    """Something worth telling that is no outcome: a run that waits, an initiator that was started again."""

    path: str
    text: str


class Planned(Struct, frozen=True, tag="planned"):
    """What an initiator plans below a node whose domain only it can ask for; the `last` of several ends it.

    `domain` is the digest of the domain's bundle, and `mounts` are the nodes in it whose own domains are
    planned by the initiators of those.
    """

    path: str
    domain: str
    nodes: tuple[NodePlan, ...]
    mounts: tuple[str, ...] = ()
    last: bool = True


class Unheard(Struct, frozen=True, tag="unheard"):
    """Of nodes below a path, which only an initiator knows, no more is heard: those not told of ended so."""

    path: str
    outcome: Outcome
    message: str
    detail: str = ""


class Halted(Struct, frozen=True, tag="halted"):
    """Nothing new is begun any more, anywhere: which level says so, why, and what is to become of it."""

    path: str
    reason: str
    action: OnFailure = "pause"


class Wave(Struct, frozen=True, tag="wave"):
    """A wave of the children of a node begins: its number, and of how many."""

    path: str
    number: int
    count: int


class Stray(Struct, frozen=True, tag="stray"):
    """A node that lies on a host and that neither the hierarchy nor any record has there.

    `pids` are the processes of its service. Nothing is done to it.
    """

    path: str
    host: str
    environment: str
    service: str
    pids: tuple[int, ...] = ()


Event = Started | Step | Finished | Found | Note | Planned | Unheard | Halted | Wave | Stray


LOOK_AT_DRIFT = "`ramify status --drift` shows it; `ramify apply --fix-drift` puts it right."
"""The way out where drift stops an apply."""


def untouched(node: NodePlan, goal: Goal) -> NodeResult:
    """How a node ended that a plan does not touch: what was asked for and cannot be had is skipped."""
    if node.stopped:
        return NodeResult(node.path, Outcome.SKIPPED, node.reason, LOOK_AT_DRIFT)
    if node.action is Action.HELD and goal != "apply":
        return NodeResult(node.path, Outcome.SKIPPED, node.reason)
    return NodeResult(node.path, Outcome.UNCHANGED)


class Report(Struct, frozen=True):
    """What a run came to: one result for every planned node, and why it was halted, if it was.

    `strays` are what was found on hosts beside.
    """

    results: tuple[NodeResult, ...]
    halted: Halted | None = None
    run: str = ""
    strays: tuple[Stray, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many nodes ended so."""
        return sum(result.outcome is outcome for result in self.results)

    def worst(self, *outcomes: Outcome) -> Iterable[NodeResult]:
        """The results with one of these outcomes, in order."""
        return (result for result in self.results if result.outcome in outcomes)
