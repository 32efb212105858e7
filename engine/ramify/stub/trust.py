"""What a host trusts: the pinned policy, and the check of orders against it.

Loaded only where a policy is pinned or one comes.
"""

from __future__ import annotations

from ramify.stub import layout
from ramify.stub.policies import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Sequence

    from ramify.stub.orders import Order
    from ramify.stub.signatures import Verifier
    from ramify.stub.wire import Header


def verify(policy: Policy, order: Order, signed: object, now: float, other: Optional[Verifier] = None) -> str:
    """Check an order with what came as `signed`; pure, but for what `other` does.

    Returns:
        The rule that allows it, in words.

    Raises:
        StubError: nobody who may do so vouches for the order, or it is not what was signed
            (code "untrusted").
    """
    raise NotImplementedError


def succeed(
    pinned: Policy, text: str, blobs: Sequence[object], now: float, other: Optional[Verifier] = None
) -> Policy:
    """The policy that `text` is, if it may take the place of the pinned one; pure, as `verify`.

    Raises:
        StubError: it is older, or signed by nobody who may speak for "/**" (code "untrusted").
    """
    raise NotImplementedError


def check(root: layout.Root, order: Order, signed: object) -> None:
    """Refuse an order that the policy pinned on this host, if one is, does not allow.

    Raises:
        StubError: as `verify`, or the policy cannot be read (code "untrusted").
    """
    raise NotImplementedError


def trust(root: layout.Root, header: Header) -> Header:
    """The operation `trust`: pin a policy, or put a signed one in the place of the pinned one."""
    raise NotImplementedError
