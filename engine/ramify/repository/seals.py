"""Seals: a project's trust file and signatures, read; and whether the signatures count."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from ramify.compile import trusting
from ramify.compile.fleet import Fleet
from ramify.compile.trusting import Places
from ramify.documents import signature, trust
from ramify.documents.project import ProjectFile
from ramify.documents.signature import Signed
from ramify.documents.trust import TrustFile
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.trust import Seal
from ramify.repository import vouching
from ramify.repository.files import Files, place
from ramify.stub import policies
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
    if file is None or not _readable(file, files.found):
        return None
    policy = _policy(file, signed, files.found)
    return Trusted(file, signed.place or origin, signed.statement, policy)


def _readable(file: TrustFile, found: Diagnostics) -> bool:
    """Whether hosts can read the policy, as their stubs do: what one of them refuses, none may be sent."""
    try:
        policies.read(file.policy.text())
    except StubError as error:
        way_out = "It is what hosts would say of it; correct the trust file, or the file of its signers."
        found.error("bad-policy", f"no host takes this policy: {error}", way_out, Origin(file.file, 1, 1))
        return False
    return True


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


def check(loaded: "Loaded", fleet: Fleet, now: float | None = None, *, past: bool = False) -> Diagnostics:
    """What keeps a project from being vouched for, as its own trust file has it; nothing without one.

    One of the `past` was signed with the lock of its time, which nobody has any more.
    """
    if loaded.trust is None:
        return Diagnostics()
    file = loaded.trust.file
    places = Places(policy=file.file, rules=file.rules, signatures=loaded.trust.place)
    own, *others = trusting.claims(fleet, None if past else lock_digest(loaded.lock))
    claims = (structs.replace(own, seal=loaded.trust.seal), *others)
    return vouching.judge(file.policy.text(), claims, places, now)


def signers(loaded: "Loaded") -> tuple[str, ...]:
    """Those whose signatures of a project are valid, in the trust file's words; nobody without one."""
    trusted = loaded.trust
    if trusted is None or trusted.seal is None:
        return ()
    return vouching.voices(policies.read(trusted.file.policy.text()), trusted.seal).names
