"""A plan: a complete, self-sufficient value that says what will happen to every node."""

from collections.abc import Iterable
from enum import Enum
from typing import Literal

from msgspec import Struct

from ramify.model.diagnostics import Origin

Goal = Literal[
    "apply",
    "start",
    "stop",
    "restart",
    "activate",
    "deactivate",
    "configure",
    "configure-env",
    "uninstall",
]
"""What a plan is made for: `apply` brings nodes to what the hierarchy says, the others say it themselves."""


class Action(Enum):
    """What happens to a node."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DESTROY = "destroy"
    UNCHANGED = "unchanged"
    HELD = "held"

    @property
    def acts(self) -> bool:
        """Whether the node is touched."""
        return self is not Action.UNCHANGED and self is not Action.HELD

    @property
    def symbol(self) -> str:
        """Terraform's sign for it."""
        return _SYMBOLS[self]


_SYMBOLS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DESTROY: "-",
    Action.UNCHANGED: "=",
    Action.HELD: "||",
}


class Mark(Enum):
    """How far a step can be told before it is done."""

    EXACT = ""
    CONDITIONAL = "?~"
    OPAQUE = "!"


class Change(Struct, frozen=True):
    """One value before and after; None where there is none.

    `origins` are where the value that wins was written: the variable that it is made of, if it is, before the
    setting that uses it.
    """

    what: str
    before: str | None
    after: str | None
    origins: tuple[Origin, ...] = ()


class NodePlan(Struct, frozen=True):
    """What happens to one node: the stub commands, on which host, by whose initiator.

    One that is held is left as it is: it was stopped or paused on purpose, or an initiator above it, or
    has drifted.
    `previous_host` is set when the node leaves a host; `reason` says in words why anything happens at all.
    `conditional` says on what else it depends what will be done; `opaque` are the steps that run programs of
    the component's own, of which nobody knows what they do. `drift` says what was found on the host otherwise
    than it was put there; a node that is `stopped` is held until somebody has looked at that.
    """

    path: str
    action: Action
    host: str
    initiator: str
    steps: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    reason: str = ""
    previous_host: str = ""
    conditional: str = ""
    opaque: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    stopped: bool = False

    def mark(self, step: str) -> Mark:
        """How far one of the steps can be told: what an installer does is not even known if it runs."""
        if step in self.opaque:
            return Mark.OPAQUE
        return Mark.CONDITIONAL if self.conditional else Mark.EXACT


class Summary(Struct, frozen=True):
    """Counts of a plan; a node that is held as it is counts as unchanged."""

    add: int = 0
    change: int = 0
    destroy: int = 0
    unchanged: int = 0

    @property
    def anything(self) -> bool:
        """Whether there is something to do."""
        return bool(self.add or self.change or self.destroy)


class Open(Struct, frozen=True):
    """A node whose domain is planned by its initiator, which has not been heard; `why` it could not be asked.

    Without a reason there is none yet: it is not up.
    """

    path: str
    why: str = ""


class Plan(Struct, frozen=True):
    """The plan of a subtree; `nodes` in the order of the hierarchy, destroyed ones last.

    What is below `open` nodes is planned there, and not known here. `domains` are the nodes whose initiators
    have planned what is below them, each with the digest of the domain's bundle that this was planned from.
    With `fix_drift` whatever has drifted is put right, also where the hierarchy says otherwise.
    """

    bundle: str
    nodes: tuple[NodePlan, ...]
    summary: Summary
    selection: tuple[str, ...] = ()
    open: tuple[Open, ...] = ()
    domains: dict[str, str] = {}
    goal: Goal = "apply"
    fix_drift: bool = False

    @property
    def held(self) -> int:
        """How many nodes are held as they are, stopped or paused by hand."""
        return sum(node.action is Action.HELD for node in self.nodes)

    @property
    def stopped(self) -> tuple[NodePlan, ...]:
        """The nodes that are left alone until somebody has looked at what has drifted."""
        return tuple(node for node in self.nodes if node.stopped)

    @property
    def anything(self) -> bool:
        """Whether there is, or may be, something to do."""
        return self.summary.anything or bool(self.open)


def summarise(nodes: Iterable[NodePlan]) -> Summary:
    """Count the actions."""
    counts = dict.fromkeys(Action, 0)
    for node in nodes:
        counts[node.action] += 1
    return Summary(
        add=counts[Action.CREATE],
        change=counts[Action.UPDATE] + counts[Action.REPLACE],
        destroy=counts[Action.DESTROY],
        unchanged=counts[Action.UNCHANGED] + counts[Action.HELD],
    )
