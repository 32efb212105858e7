"""Whether signatures count, and what they vouch for: asked by operators and by initiators alike.

An initiator has no library for documents: it knows seals and policies as texts only.
"""

import time
from collections.abc import Iterable
from tempfile import TemporaryDirectory

from ramify.compile import trusting
from ramify.compile.trusting import Claim, Places, Voices
from ramify.model.diagnostics import Diagnostics, DiagnosticsError
from ramify.model.trust import Seal
from ramify.stub import policies, signatures
from ramify.stub.keygen import Keygen
from ramify.stub.wire import StubError


def voices(policy: policies.Policy, seal: Seal | None, now: float | None = None) -> Voices:
    """Whose signatures of a seal are valid, and why others are not; ssh-keygen checks what is not Ed25519."""
    if seal is None:
        return Voices()
    moment = time.time() if now is None else now
    with TemporaryDirectory(prefix="ramify-") as folder:
        try:
            said = signatures.signers(seal.statement, list(seal.signatures), policy, moment, Keygen(folder))
        except StubError as error:
            return Voices(faults=(str(error),))
    return Voices(*map(tuple, said))


def refuse_unless_vouched(policy: str, claims: Iterable[Claim], now: float | None = None) -> None:
    """Refuse to act for realms that nobody vouches for who may: for initiators, before they act.

    Args:
        policy: the text of the policy that is pinned on the initiator's host.
        claims: one for each realm that the initiator is about to act for: its `tree` made of what the
            initiator has compiled itself, and of the digests beside its way up; its `paths` those that it
            looks after; its `seal` from the bundle; no `lock`, whose file it does not have.
        now: seconds since the epoch; the clock's when left out.

    Raises:
        DiagnosticsError: every problem; each names the signers, the path and the rule.
    """
    found = judge(policy, claims, Places(), now)
    if found.failed:
        raise DiagnosticsError(found)


def judge(policy: str, claims: Iterable[Claim], places: Places, now: float | None = None) -> Diagnostics:
    """What keeps claims from being vouched for under a policy."""
    found = Diagnostics()
    try:
        known = policies.read(policy)
    except StubError as error:
        found.error("untrusted", f"{places.policy} cannot be used: {error}", "", places.signatures)
        return found
    for claim in claims:
        trusting.check(known, claim, voices(known, claim.seal, now), places, found)
    return found
