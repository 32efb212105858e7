"""Evidence: that an order is what a signed statement says about its node. Pure functions.

A realm's statement names the root of a tree of hashes; see `fold`. The texts of the evidence hash to the
digests of the node, and the node's digest, folded with those beside its way up, to that root: so the texts
are what was signed, and the order is compared with them field by field.
"""

from __future__ import annotations

from ramify.stub.policies import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from ramify.stub.orders import Order


class Statement:
    """What is signed: the root of a realm's tree, and what goes with it."""

    __slots__ = ("lock", "project", "runtimes", "tree")

    def __init__(self, fields: Dict[str, Any]) -> None:
        self.lock: str = fields["lock"]
        self.project: str = fields["project"]
        self.runtimes: List[str] = fields["runtimes"]
        self.tree: str = fields["tree"]


def statement(text: object) -> Statement:
    """The statement that `text` is.

    Raises:
        StubError: it is none (code "untrusted").
    """
    raise NotImplementedError


def node(environment: str, service: str) -> str:
    """The digest of a node: H(["node", environment, service])."""
    raise NotImplementedError


def subtree(own: str, below: str) -> str:
    """The digest of a node that has children: H(["subtree", own, below])."""
    raise NotImplementedError


def pair(left: str, right: str) -> str:
    """The digest over two neighbours: H(["pair", left, right])."""
    raise NotImplementedError


def fold(own: str, below: str, proof: object) -> str:
    """The root that a node's digest leads to.

    Args:
        own: the node's digest.
        below: the Merkle root of its children's subtrees, empty if it has none in its realm.
        proof: levels from the node upwards: [{"beside": [["left"|"right", HEX], ...], "node": HEX|null}];
            `node` is the parent's digest, null where the level is the realm's top.

    Raises:
        StubError: the proof is none (code "untrusted").
    """
    raise NotImplementedError


def compare(order: Order, mount: str, signed: Dict[str, Any], said: Statement) -> str:
    """The first thing in which an order is not what the evidence says, in words; empty if it is.

    Args:
        order: in full, as `orders.check` returns it.
        mount: where the realm is mounted.
        signed: with the fields `evidence`, `below` and `proof`.
        said: the realm's statement, whose signatures are somebody else's business.

    Raises:
        StubError: the evidence cannot be read (code "untrusted").
    """
    raise NotImplementedError
