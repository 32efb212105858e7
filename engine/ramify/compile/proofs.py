"""Proofs: that a node is what was signed, without the rest of what was signed.

What is signed is the root of a realm's Merkle tree. A proof holds the digests beside the way from a node up
to that root, and evidence what the node's own digest was made of, so that a host needs a few hashes and one
signature to know that nobody on the way has changed anything. An initiator begins where its parent's ended:
it compiles what is below itself, and was told the rest of the way.
"""

from collections.abc import Mapping
from typing import Literal
from weakref import WeakKeyDictionary

from msgspec import Struct

from ramify.compile.digests import identity, merkle_root, next_level
from ramify.compile.fleet import Fleet
from ramify.compile.problems import Problems
from ramify.compile.tree import Node
from ramify.model import paths

Side = Literal["left", "right"]


class Level(Struct, frozen=True):
    """One level of a proof: what stands beside the way among siblings, and the digest of the node above.

    The last level has no such node: what it comes to is the root.
    """

    beside: tuple[tuple[Side, str], ...]
    node: str | None = None


Proof = tuple[Level, ...]


class Evidence(Struct, frozen=True):
    """What the digest of a node was made of, as canonical JSON; `environment` None: the class says it all."""

    install: str
    environment: str | None
    service_class: str
    service: str


def evidence(fleet: Fleet, node: Node) -> Evidence:
    """The evidence for a node."""
    made = fleet.class_of(node)
    said = identity(fleet, node, Problems())
    return Evidence(
        made.install.said.decode(),
        said.environment.decode() if said.environment else None,
        made.service.said.decode(),
        said.service.decode(),
    )


def below(fleet: Fleet, node: Node) -> str:
    """The root of what is below a node in its realm; nothing where nothing is."""
    if node.spec.domain:
        return ""
    return merkle_root([fleet.digests[child.path].subtree for child in fleet.tree.below(node)])


def mount_of(node: Node) -> str:
    """The path that a node's realm is mounted at."""
    return node.path[: node.base] or paths.ROOT


def tree_digest(fleet: Fleet, mount: str = paths.ROOT) -> str:
    """The root of the realm that is mounted at a path; the fleet's scope must hold all of it."""
    return merkle_root([fleet.digests[top.path].subtree for top in fleet.below(mount)])


def proof(fleet: Fleet, node: Node, above: Proof = ()) -> Proof:
    """The way from a node up to the root of its realm.

    Args:
        fleet: with digests for its scope.
        node: in that scope.
        above: the proof of the scope's own node, where the fleet knows nothing of what is beside it.
    """
    levels: list[Level] = []
    current: Node | None = node
    while current is not None:
        if current.path == fleet.scope:
            return (*levels, *above)
        parent = None if current.is_top else current.parent
        beside = _siblings(fleet, current.parent).beside(current.path)
        levels.append(Level(beside, fleet.digests[parent.path].node if parent else None))
        current = parent
    return tuple(levels)


class Siblings:
    """The subtrees of siblings, paired up to their root: made once for all proofs that begin among them."""

    def __init__(self, subtrees: Mapping[str, str]) -> None:
        self._at = {path: at for at, path in enumerate(subtrees)}
        self._levels = [list(subtrees.values())]
        while len(self._levels[-1]) > 1:
            self._levels.append(next_level(self._levels[-1]))

    def beside(self, path: str) -> tuple[tuple[Side, str], ...]:
        """The digests that one of them is paired with, on the way to their root."""
        at, found = self._at[path], list[tuple[Side, str]]()
        for level in self._levels:
            if at % 2:
                found.append(("left", level[at - 1]))
            elif at + 1 < len(level):
                found.append(("right", level[at + 1]))
            at //= 2
        return tuple(found)


def _siblings(fleet: Fleet, parent: Node | None) -> Siblings:
    # Among thousands of siblings each has a proof: pairing them anew for every one would be their square.
    known = _paired.setdefault(fleet, {})
    key = parent.path if parent else paths.ROOT
    if key not in known:
        subtrees = {node.path: fleet.digests[node.path].subtree for node in fleet.tree.below(parent)}
        known[key] = Siblings(subtrees)
    return known[key]


_paired: WeakKeyDictionary[Fleet, dict[str, Siblings]] = WeakKeyDictionary()
"""What was paired of a fleet, which never changes once it is compiled."""
