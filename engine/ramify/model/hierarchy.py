"""The hierarchy as a user writes it: few node specs that stand for many nodes."""

from typing import Any, Literal

from msgspec import Struct, field

from ramify.model.diagnostics import Origin
from ramify.model.drift import OnDrift
from ramify.model.rollout import Rollout


class Domain(Struct, frozen=True):
    """All below a node left to another repository (HPL 5.6): paths begin anew there, nothing is inherited.

    Either a repository, with a hierarchy of its own unless the node's `children` are it, and an inventory of
    its own unless the hosts are those around it; or the `server` of a project that has all three. `planned`
    says who can ask that server: whoever plans, or only the initiator of the node. `origins` has the place of
    each by its key.
    """

    origin: Origin
    repository: str = ""
    hierarchy: str = ""
    inventory: str = ""
    collections: tuple[str, ...] = ()
    server: str = ""
    planned: Literal["here", "there"] = "here"
    origins: dict[str, Origin] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What names it in a bundle: equal for two places that use the same."""
        return self.server or " ".join((self.repository, self.hierarchy, self.inventory, *self.collections))


class NodeSpec(Struct, frozen=True):
    """One entry of `tree:`, of `children:` or of `templates:`; the name may hold a range.

    `origins` tells where each value stands: a variable by its dotted name, a key by its own.
    """

    name: str
    origin: Origin
    extends: tuple[str, ...] = ()
    vars: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    rollout: Rollout | None = None
    on_drift: OnDrift | None = None
    children: tuple["NodeSpec", ...] = ()
    domain: Domain | None = None
    origins: dict[str, Origin] = field(default_factory=dict)


class Assertion(Struct, frozen=True):
    """A predicate over every node that the pattern matches, checked while compiling."""

    match: tuple[str, ...]
    that: str
    message: str
    origin: Origin


class Hierarchy(Struct, frozen=True):
    """A hierarchy document; its `rollout` and `on_drift` are those of the top nodes."""

    tree: tuple[NodeSpec, ...]
    templates: dict[str, NodeSpec] = field(default_factory=dict)
    assertions: tuple[Assertion, ...] = ()
    rollout: Rollout | None = None
    on_drift: OnDrift | None = None
