"""The hierarchy as a user writes it: few node specs that stand for many nodes."""

from typing import Any

from msgspec import Struct, field

from ramify.model.diagnostics import Origin


class NodeSpec(Struct, frozen=True):
    """One entry of `tree:`, of `children:` or of `templates:`; the name may hold a range.

    `origins` tells where each value stands: a variable by its dotted name, a key by its own.
    """

    name: str
    origin: Origin
    extends: tuple[str, ...] = ()
    vars: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    rollout: dict[str, Any] | None = None
    children: tuple["NodeSpec", ...] = ()
    origins: dict[str, Origin] = field(default_factory=dict)


class Assertion(Struct, frozen=True):
    """A predicate over every node that the pattern matches, checked while compiling."""

    match: tuple[str, ...]
    that: str
    message: str
    origin: Origin


class Hierarchy(Struct, frozen=True):
    """A hierarchy document."""

    tree: tuple[NodeSpec, ...]
    templates: dict[str, NodeSpec] = field(default_factory=dict)
    assertions: tuple[Assertion, ...] = ()
