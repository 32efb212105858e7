"""Digests: what a node is, and what placement adds, each in one word that is equal on every machine."""

from typing import TYPE_CHECKING

from msgspec import Struct

from ramify.compile.classes import NodeClass, digest
from ramify.compile.problems import Problems
from ramify.compile.slots import Slot, UnusableValueError, render
from ramify.compile.tree import Node

if TYPE_CHECKING:
    from ramify.compile.fleet import Fleet


class Digests(Struct, frozen=True, array_like=True, gc=False):
    """A node's desired state in five words.

    `environment` is what an installer sees, `service` what the service sees, `node` both, `subtree` the
    node and all below it (a Merkle tree); `binding` is what placement adds, which is no part of identity.
    """

    environment: str
    service: str
    node: str
    subtree: str
    binding: str


def digests(fleet: "Fleet", problems: Problems) -> dict[str, Digests]:
    """The digests of every node in the fleet's scope."""
    return _Digester(fleet, problems).all()


class _Digester:
    """Goes through the nodes: parents first for their own digests, children first for the subtrees'."""

    def __init__(self, fleet: "Fleet", problems: Problems) -> None:
        self._fleet = fleet
        self._problems = problems
        # A newer Ramify on the operator's side reaches the initiators with the next apply.
        self._engine = sorted({runtime.engine for runtime in fleet.bundle.runtimes})

    def all(self) -> dict[str, Digests]:
        nodes = list(self._fleet.within(self._fleet.scope))
        own = [self._own(node) for node in nodes]
        made: dict[str, Digests] = {}
        for node, (environment, service, binding) in zip(reversed(nodes), reversed(own), strict=True):
            both = digest([environment, service])
            below = [made[child.path].subtree for child in self._fleet.tree.below(node)]
            subtree = digest([both, below]) if below else both
            made[node.path] = Digests(environment, service, both, subtree, binding)
        return made

    def _own(self, node: Node) -> tuple[str, str, str]:
        """The digests of environment and service, and the binding."""
        made = self._fleet.class_of(node)
        children = self._fleet.tree.below(node)
        context = self._fleet.identity_context(node, made.own_names) if made.own_names else {}
        environment = made.install.digest
        if made.install.own:
            environment = digest([environment, self._texts(made.install.own, context, node)])
        names = [child.name for child in children]
        values = self._texts(made.service.own, context, node)
        service = digest([made.service.digest, self._fleet.bundle.project, node.path, names, values])
        return environment, service, self._binding(node, made, children)

    def _binding(self, node: Node, made: NodeClass, children: tuple[Node, ...]) -> str:
        around = (node, *children) if node.parent is None else (node.parent, node, *children)
        addresses = []
        for other in around:
            host = self._fleet.host_of(other.path)
            if host is None:
                return ""  # told where nodes are placed
            addresses.append(host.address)
        late = made.install.placed + made.service.placed
        values = self._texts(late, self._fleet.context(node, names=made.placed_names), node) if late else []
        deploys = made.component is not None and made.component.deploys
        return digest([addresses, values, self._engine if deploys else []])

    def _texts(self, slots: tuple[Slot, ...], context: dict[str, object], node: Node) -> list[str]:
        texts = []
        for slot in slots:
            try:
                texts.append(render(slot, context))
            except UnusableValueError as error:
                self._problems.add(node.path, error.problem)
        return texts
