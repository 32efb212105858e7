"""Seals: a project's trust file and signatures, read; and whether the signatures count."""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from ramify.compile import trusting
from ramify.compile.fleet import Fleet
from ramify.compile.trusting import Claim, Places, Voices
from ramify.documents import signature, trust
from ramify.documents.project import ProjectFile
from ramify.documents.signature import Signed
from ramify.documents.trust import TrustFile
from ramify.model.diagnostics import Diagnostics, DiagnosticsError, Origin
from ramify.model.trust import Seal
from ramify.repository.files import Files, place
from ramify.stub import policies, signatures
from ramify.stub.keygen import Keygen
from ramify.stub.wire import StubError

if TYPE_CHECKING:
    from ramify.repository.project import Loaded

NAME = "ramify.sig"


class Trusted(Struct, frozen=True):
    """What a project says of trust: its trust file, its signers' words, and the policy as it travels.

    `place` is where the signatures stand, or, without any, where the trust file is named.
    """

    file: TrustFile
    place: Origin
    seal: Seal | None = None
    policy: Seal | None = None


def read(written: ProjectFile, folder: Path, files: Files) -> Trusted | None:
    """Read the trust file that a project names, and the signatures beside the project's file.

    None without a trust file: then nothing is checked.
    """
    if not written.trust:
        return None
    origin = written.origins["trust"]
    at = place(folder, written.trust)
    data = files.read(at, origin)
    if data is None:
        return None
    file, problems = trust.read(data, files.shown(at), lambda name: files.source(at, name))
    files.found.extend(problems)
    signed = read_signed(folder / NAME, files)
    if file is None:
        return None
    policy = _policy(file, signed, files.found)
    return Trusted(file, signed.place or origin, signed.statement, policy)


def _policy(file: TrustFile, signed: Signed, found: Diagnostics) -> Seal:
    """The policy with its signatures, as far as they are of this very one."""
    text = file.policy.text()
    if signed.policy is None or signed.policy.statement == text:
        return signed.policy or Seal(text)
    found.warning(
        "policy-changed",
        "the trust policy has changed since it was signed",
        "Hosts that have the earlier one pinned refuse this one until one whom the earlier one lets speak "
        "for /** signs it: `ramify sign --policy`.",
        Origin(file.file, 1, 1),
    )
    return Seal(text)


def read_signed(path: Path, files: Files) -> Signed:
    """What signers said, in a file that may not be there."""
    data = files.read(path, None) if path.exists() else None
    if data is None:
        return Signed()
    signed, problems = signature.read(data, files.shown(path))
    files.found.extend(problems)
    return signed or Signed()


def lock_digest(lock: Path | None) -> str:
    """The sha256 of a lock's bytes; nothing where there is none."""
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock and lock.exists() else ""


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


def check(loaded: "Loaded", fleet: Fleet, now: float | None = None) -> Diagnostics:
    """What keeps a project from being vouched for, as its own trust file has it; nothing without one."""
    if loaded.trust is None:
        return Diagnostics()
    file = loaded.trust.file
    places = Places(policy=file.file, rules=file.rules, signatures=loaded.trust.place)
    own, *others = trusting.claims(fleet, lock_digest(loaded.lock))
    claims = (structs.replace(own, seal=loaded.trust.seal), *others)
    return judge(file.policy.text(), claims, places, now)


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
