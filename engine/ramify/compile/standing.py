"""Where a node stands against its desired state, as a record or a stub tells it."""

from typing import Protocol

from ramify.compile.fleet import Fleet
from ramify.compile.profiles import profile, values
from ramify.compile.steps import Standing
from ramify.compile.tree import Node
from ramify.model.drift import Drift
from ramify.model.record import NodeRecord

_FILES = "service.files."


class Found(Protocol):
    """A node's state as a record or a stub tells it."""

    @property
    def environment(self) -> str:
        """The state of its environment."""

    @property
    def service(self) -> str:
        """The state of its service."""

    @property
    def environment_digest(self) -> str:
        """What was installed."""

    @property
    def service_digest(self) -> str:
        """What the service was given."""

    @property
    def binding(self) -> str:
        """What placement added."""

    @property
    def drift(self) -> tuple[Drift, ...] | None:
        """What is not any more as it was put there, if somebody has looked."""

    @property
    def held(self) -> str:
        """Whether it was stopped or paused on purpose."""


def standing(fleet: Fleet, node: Node | None, found: Found, recorded: NodeRecord | None = None) -> Standing:
    """Where a node stands; of one that is not in the hierarchy nothing is what is wished for.

    With the values that it is `recorded` to run with it is known whether it can be given new ones as it runs.
    """
    if node is None:
        return Standing(found.environment, found.service, held=found.held)
    wished = fleet.digests[node.path]
    same_place = found.binding == wished.binding
    drift = found.drift or ()
    return Standing(
        found.environment,
        found.service,
        found.environment_digest == wished.environment
        and (same_place or not _installs_placement(fleet, node))
        and all(one.is_configuration for one in drift),
        found.service_digest == wished.service
        and same_place
        and not any(one.is_configuration for one in drift),
        found.held,
        same_place and recorded is not None and _reloads(fleet, node, found, recorded),
    )


def _reloads(fleet: Fleet, node: Node, found: Found, recorded: NodeRecord) -> bool:
    """Whether a running service lacks nothing but files, and its component says how it reads them again."""
    component = fleet.class_of(node).component
    if component is None or not component.reloads or component.deploys:
        return False  # an initiator learns of its children by its environment
    if found.service_digest == fleet.digests[node.path].service:
        return True
    if found.service_digest != recorded.service_digest:
        return False
    before, after = recorded.values, values(profile(fleet, node))
    changed = [name for name in (before | after) if before.get(name) != after.get(name)]
    return bool(changed) and all(name.startswith(_FILES) for name in changed)


def _installs_placement(fleet: Fleet, node: Node) -> bool:
    """Whether a change around the node reaches its installer; an initiator's runtime is installed, too."""
    made = fleet.class_of(node)
    return bool(made.install.placed) or (made.component is not None and made.component.deploys)
