"""What a host trusts: the pinned policy, and the check of orders against it.

Loaded only where a policy is pinned or one comes. Rules:

1. The first policy that comes is pinned as it is: trust on first use.
2. It is replaced only by one that is not older, signed by whom the pinned one lets speak for everything.
3. Where a policy is pinned but cannot be read, nothing is trusted.
"""

from __future__ import annotations

import os
import time

from ramify.stub import claimed, claims, evidence, files, keygen, layout, policies, signatures
from ramify.stub.wire import FAILED, LOCKED, MALFORMED, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Sequence

    from ramify.stub.orders import Order
    from ramify.stub.policies import Policy
    from ramify.stub.signatures import Verifier
    from ramify.stub.wire import Header

_PATIENCE = 10.0
_POLL = 0.02


def verify(policy: Policy, order: Order, signed: object, now: float, other: Optional[Verifier] = None) -> str:
    """Check an order with what came as `signed`; pure, but for what `other` does.

    Args:
        policy: the policy to hold it against.
        order: in full, as `orders.check` returns it.
        signed: the field of the request, unchecked; None where there was none.
        now: seconds since the epoch.
        other: checks signatures by keys other than ssh-ed25519.

    Returns:
        The rule that allows it, in words.

    Raises:
        StubError: nobody who may do so vouches for the order, or it is not what was signed
            (code "untrusted").
    """
    try:
        return _verify(policy, order, signed, now, other)
    except RecursionError:
        raise claims.refusal(f"{order['path']}: what came as signed is nested too deeply") from None


def _verify(policy: Policy, order: Order, signed: object, now: float, other: Optional[Verifier]) -> str:
    path = order["path"]
    allowed, reason = policies.vouched(policy, policies.ROOT, path, ())
    if allowed:  # unsigned: what nobody signs, nobody can be asked about
        return reason
    if signed is None:
        raise claims.refusal(reason)
    fields = claims.exactly(
        signed, ("below", "evidence", "mount", "proof", "signatures", "statement"), f"{path}: signed"
    )
    mount = policies.check_mount(fields["mount"])
    names, notes = signatures.signers(fields["statement"], fields["signatures"], policy, now, other)
    allowed, reason = policies.vouched(policy, mount, path, names)
    if not allowed:
        raise claims.refusal(reason, *notes)
    _prove(order, mount, fields, ", ".join(names))
    return reason


def _prove(order: Order, mount: str, fields: Header, names: str) -> None:
    """Refuse an order that is not what the statement says about its node."""
    said = evidence.statement(fields["statement"])
    shown = evidence.Evidence(fields["evidence"])
    if evidence.fold(shown.node, fields["below"], fields["proof"]) != said.tree:
        raise claims.refusal(f"{order['path']}: its evidence is not part of what {names} signed")
    different = claimed.difference(order, mount, said, shown)
    if different:
        raise claims.refusal(f"{order['path']}: {different} is not what {names} signed")


def succeed(
    pinned: Policy, text: object, blobs: Sequence[object], now: float, other: Optional[Verifier] = None
) -> Policy:
    """The policy that `text` is, if it may take the place of the pinned one; pure, as `verify`.

    Raises:
        StubError: it is older, or signed by nobody who may speak for "/**" (code "untrusted").
    """
    found = policies.read(text)
    if found.serial < pinned.serial:
        raise claims.refusal(
            f"the policy's serial {found.serial} is below that of the pinned one, {pinned.serial}"
        )
    names, notes = signatures.signers(found.text, blobs, pinned, now, other)
    if not policies.governs(pinned, names):
        may = ", ".join(policies.governors(pinned)) or "nobody"
        who = ", ".join(names) or "nobody"
        raise claims.refusal(
            f"the policy is signed by {who}; the pinned one takes another from {may} ({policies.EVERYTHING})",
            *notes,
        )
    return found


def check(root: layout.Root, order: Order, signed: object) -> None:
    """Refuse an order that the policy pinned on this host, if one is, does not allow.

    Raises:
        StubError: as `verify`, or the policy cannot be read (code "untrusted").
    """
    policy = pinned(root)
    if policy is not None:
        verify(policy, order, signed, time.time(), keygen.Keygen(root.path))


def pinned(root: layout.Root) -> Optional[Policy]:
    """The policy that is pinned here, or None.

    Raises:
        StubError: it cannot be read (code "untrusted").
    """
    try:
        return policies.read(files.read(root.trust).decode("utf-8"))
    except (OSError, ValueError) as error:
        if not os.path.lexists(root.trust):
            return None
        reason = str(error)
    except StubError as error:
        reason = error.message
    raise claims.refusal(
        f"cannot read the pinned policy: {reason}", f"Whoever owns the host may remove {root.trust}."
    )


def trust(root: layout.Root, header: Header) -> Header:
    """The operation `trust`: pin a policy, or put a signed one in the place of the pinned one."""
    text = header.get("policy")
    blobs = header.get("signatures")
    if not isinstance(text, str) or not isinstance(blobs, list):
        raise StubError(MALFORMED, "policy is not text, or signatures is not a list")
    try:
        files.make_folder(root.path)
        while not (_pin(root, text) if not os.path.lexists(root.trust) else _replace(root, text, blobs)):
            pass  # another session was quicker
    except OSError as error:
        raise StubError(FAILED, f"cannot pin the policy: {error}") from None
    return {"trust": layout.trusted(root.path)}


def _pin(root: layout.Root, text: str) -> bool:
    """Pin the first policy; false if there is one now."""
    policies.read(text)
    written = _write(root, text)
    try:
        os.link(written, root.trust)  # unlike a rename, never in the place of another one
    except FileExistsError:
        return False
    finally:
        os.unlink(written)
    files.sync_folder(root.path)
    return True


def _replace(root: layout.Root, text: str, blobs: Sequence[object]) -> bool:
    """Replace the policy, alone; false if there is none any more."""
    held = _hold(root)
    if held is None:
        return False
    try:
        now = pinned(root)
        if now is None:
            return False
        if now.text != text:
            succeed(now, text, blobs, time.time(), keygen.Keygen(root.path))
            os.rename(_write(root, text), root.trust)
            files.sync_folder(root.path)
        return True
    finally:
        os.close(held)


def _hold(root: layout.Root) -> Optional[int]:
    """The lock on the pinned policy, which goes with the file: whoever waits looks at the new one."""
    deadline = time.monotonic() + _PATIENCE
    while os.path.lexists(root.trust):
        held = layout.try_lock(root.trust)
        if held is not None:
            return held
        if time.monotonic() >= deadline:
            raise StubError(LOCKED, "another session replaces the policy: try again later")
        time.sleep(_POLL)
    return None


def _write(root: layout.Root, text: str) -> str:
    """A private file with the policy, on the disk, under a name of its own."""
    place = f"{root.trust}.{os.getpid()}"
    files.replace(place, claims.utf8(text, "policy"))
    return place
