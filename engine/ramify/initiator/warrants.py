"""Warrants: what goes with an order so that its host can see that signers of its realm vouch for it.

An initiator checks the same for all that it is about to do, against the policy that its own host has pinned:
what its parent says of trust counts for nothing.
"""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from ramify.compile import proofs, trusting
from ramify.compile.fleet import Fleet
from ramify.compile.proofs import Proof
from ramify.compile.tree import Node
from ramify.repository import vouching


def warrant(fleet: Fleet, node: Node, above: Proof) -> dict[str, Any] | None:
    """What was signed of a node's realm, and the way from the node to it; None where nobody signed.

    `above` is the proof of the fleet's scope, as its parent told it.
    """
    seal = fleet.realm_of(node).bundle.seal
    if seal is None:
        return None
    return {
        "statement": seal.statement,
        "signatures": list(seal.signatures),
        "mount": proofs.mount_of(node),
        "evidence": structs.asdict(proofs.evidence(fleet, node)),
        "below": proofs.below(fleet, node),
        "proof": msgspec.to_builtins(proofs.proof(fleet, node, above)),
    }


def handed_down(fleet: Fleet, node: Node, above: Proof) -> Proof:
    """The proof that the initiator of a node begins with; a domain of its own begins anew."""
    signed = fleet.realm_of(node).bundle.seal is not None and node.spec.domain is None
    return proofs.proof(fleet, node, above) if signed else ()


def refuse_unless_vouched(fleet: Fleet, above: Proof, pinned: Path) -> None:
    """Refuse to act below the fleet's scope for realms that nobody vouches for who may.

    Args:
        fleet: compiled for the initiator's own path.
        above: the proof of that path, as its parent told it.
        pinned: the policy of the initiator's host; where there is none, everything goes.

    Raises:
        DiagnosticsError: every problem; each names the signers, the path and the rule.
        OSError: the policy cannot be read.
    """
    if pinned.exists():
        vouching.refuse_unless_vouched(pinned.read_text(), trusting.claims(fleet, above=above))
