"""Digests: what a node is, and what placement adds, each in one word that is equal on every machine.

They form a Merkle tree for each realm, so that whoever knows its root can be shown that a node is as it was
signed, by a few digests beside the way up (`proofs.py`). What is hashed says what it stands for ("node",
"subtree", "pair"): nothing can pass for something else.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from ramify.compile.classes import NodeClass, canonical, digest, digest_of
from ramify.compile.problems import Problems
from ramify.compile.slots import Slot, UnusableValueError, render
from ramify.compile.tree import Node

if TYPE_CHECKING:
    from ramify.compile.fleet import Fleet


class Digests(Struct, frozen=True, array_like=True, gc=False):
    """A node's desired state in five words.

    `environment` is what an installer sees, `service` what the service sees, `node` both, `subtree` the
    node and all below it in its realm (a Merkle tree); `binding` is what placement and the domains around
    add, which is no part of identity.
    """

    environment: str
    service: str
    node: str
    subtree: str
    binding: str


class Identity(Struct, frozen=True):
    """What the digests of a node are made of, besides what its class says: canonical JSON.

    `environment` is None where the class says it all.
    """

    environment: bytes | None
    service: bytes


def digests(fleet: "Fleet", problems: Problems) -> dict[str, Digests]:
    """The digests of every node in the fleet's scope."""
    return _Digester(fleet, problems).all()


def identity(fleet: "Fleet", node: Node, problems: Problems) -> Identity:
    """What a node's own digests are made of."""
    made = fleet.class_of(node)
    context = fleet.identity_context(node, made.own_names) if made.own_names else {}
    environment = None
    if made.install.own:
        values = _texts(made.install.own, context, node, problems)
        environment = canonical([made.install.digest, values])
    # The children of a domain's node are the domain's: what they are called is as late as where they are.
    names = None if node.spec.domain else [child.name for child in fleet.tree.below(node)]
    values = _texts(made.service.own, context, node, problems)
    project = fleet.realm_of(node).bundle.project
    return Identity(environment, canonical([made.service.digest, project, node.local, names, values]))


def node_digest(environment: str, service: str) -> str:
    """The digest of a node."""
    return _joined("node", environment, service)


def subtree_digest(node: str, below: Sequence[str]) -> str:
    """The digest of a node with the subtrees below it."""
    return _joined("subtree", node, merkle_root(below)) if below else node


def merkle_root(digests: Sequence[str]) -> str:
    """One digest for a list of them; nothing for none."""
    level = list(digests)
    while len(level) > 1:
        level = next_level(level)
    return level[0] if level else ""


def next_level(level: Sequence[str]) -> list[str]:
    """Pairs, from left to right; one that is left over is taken as it is."""
    paired = [_joined("pair", level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*paired, level[-1]] if len(level) % 2 else paired


def _joined(what: str, left: str, right: str) -> str:
    """The digest of a list of words without anything to escape: written out, since there are thousands."""
    return digest_of(f'["{what}","{left}","{right}"]'.encode())


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
            both = node_digest(environment, service)
            inside = () if node.spec.domain else self._fleet.tree.below(node)
            subtree = subtree_digest(both, [made[child.path].subtree for child in inside])
            made[node.path] = Digests(environment, service, both, subtree, binding)
        return made

    def _own(self, node: Node) -> tuple[str, str, str]:
        """The digests of environment and service, and the binding."""
        made = self._fleet.class_of(node)
        said = identity(self._fleet, node, self._problems)
        environment = digest_of(said.environment) if said.environment else made.install.digest
        return environment, digest_of(said.service), self._binding(node, made)

    def _binding(self, node: Node, made: NodeClass) -> str:
        children = self._fleet.tree.below(node)
        around = (node, *children) if node.parent is None else (node.parent, node, *children)
        addresses = []
        for other in around:
            host = self._fleet.host_of(other.path)
            if host is None:
                return ""  # told where nodes are placed
            addresses.append(host.address)
        late = made.install.placed + made.service.placed
        context = self._fleet.context(node, names=made.placed_names) if late else {}
        values = _texts(late, context, node, self._problems)
        deploys = made.component is not None and made.component.deploys
        mounted = [node.path[: node.base], [child.name for child in children] if node.spec.domain else []]
        return digest([addresses, values, self._engine if deploys else [], mounted])


def _texts(slots: Sequence[Slot], context: dict[str, object], node: Node, problems: Problems) -> list[str]:
    texts = []
    for slot in slots:
        try:
            texts.append(render(slot, context))
        except UnusableValueError as error:
            problems.add(node.path, error.problem)
    return texts
