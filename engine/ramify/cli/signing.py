"""What `ramify sign` works on: a project compiled, and each signature with what it speaks for."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, structs

from ramify.cli import folding
from ramify.cli.failures import failure
from ramify.cli.project import LOCKED, loaded
from ramify.cli.session import Session
from ramify.compile import trusting
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.trusting import Claim, Vouching
from ramify.documents.signature import Signed
from ramify.model import paths
from ramify.model.diagnostics import Diagnostics, DiagnosticsError
from ramify.model.trust import Policy, Seal, Statement
from ramify.repository import seals, signing, vouching
from ramify.repository.files import Files
from ramify.repository.project import Loaded
from ramify.stub import policies

DRIFT = ("drifted", "not-locked")


class Voice(Struct, frozen=True):
    """A signature: by whom and by which key, and why it does not count, or the paths that it speaks for."""

    signers: tuple[str, ...]
    key: str
    fault: str
    paths: tuple[str, ...]
    nodes: int


class Work(Struct, frozen=True):
    """A project, what there is to sign in it, and what was signed."""

    project: Loaded
    fleet: Fleet
    claim: Claim
    signed: Signed

    @property
    def statement(self) -> Statement:
        """What whoever signs now says."""
        return trusting.statement(self.claim)

    @property
    def policy(self) -> Policy | None:
        """Who may speak for what, if the project says so."""
        return self.project.trust.file.policy if self.project.trust else None


def work(session: Session, *, strict: bool) -> Work:
    """Load and compile; `strict` refuses references that have drifted from the lock.

    Raises:
        DiagnosticsError: the project has errors.
    """
    project = loaded(session)
    if strict and seals.lock_digest(project.lock) and any(one.code in DRIFT for one in project.diagnostics):
        project = loaded(session, LOCKED)
    if project.bundle is None:
        raise DiagnosticsError(project.diagnostics)
    fleet = compile_fleet(project.bundle)
    if fleet.diagnostics.failed:
        raise DiagnosticsError((*project.diagnostics, *fleet.diagnostics))
    found = Diagnostics()
    signed = seals.read_signed(project.folder / seals.NAME, Files(project.folder, found))
    if found.failed:
        raise DiagnosticsError(found)
    return Work(project, fleet, trusting.claims(fleet, seals.lock_digest(project.lock))[0], signed)


def voices(made: Work, seal: Seal | None) -> list[Voice]:
    """What each signature of a seal is worth under the project's policy."""
    policy = policies.read(made.policy.text()) if made.policy else None
    return [_voice(made, policy, seal.statement, blob) for blob in seal.signatures] if seal else []


def _voice(made: Work, policy: policies.Policy | None, text: str, blob: str) -> Voice:
    key = signing.fingerprint(blob)
    if policy is None:
        return Voice((), key, "the project has no trust file", (), 0)
    said = vouching.voices(policy, Seal(text, (blob,)))
    covered = _covered(policy, made.claim.paths, said.names)
    fault = said.faults[0].removeprefix("signature 1: ") if said.faults else ""
    return Voice(said.names, key, fault, tuple(folding.fold(covered)), len(covered))


def _covered(policy: policies.Policy, whole: Sequence[str], names: Sequence[str]) -> list[str]:
    """The paths that signers may speak for."""
    vouching = Vouching(policy, paths.ROOT)
    rules = [at for at, rule in enumerate(policy.rules) if set(rule.signers) & set(names)]
    return [path for path in whole if set(vouching.covering(path)).intersection(rules)]


def the_key(made: Work, session: Session, home: Path) -> signing.Key:
    """The one key at hand that the trust file knows.

    Raises:
        DiagnosticsError: there is none, or there are several.
    """
    known = {signer.key: signer.name for signer in made.policy.signers} if made.policy else {}
    found = signing.at_hand(known, session.environ, home)
    if len(found) == 1:
        return found[0]
    if not found:
        summary = "no key in the agent or in ~/.ssh is one that the trust file knows"
        raise failure("no-key", summary, "`--key FILE` names a key; a .pub file one that the agent has.")
    names = ", ".join(f"{key.file or 'in the agent'} ({known[key.text]})" for key in found)
    raise failure("no-key", f"several keys may sign: {names}", "`--key FILE` names one.")


def lacking(made: Work, signed: Signed) -> Diagnostics:
    """What is not vouched for by these signatures."""
    trust = made.project.trust
    if trust is None:
        return Diagnostics()
    project = structs.replace(made.project, trust=structs.replace(trust, seal=signed.statement))
    return seals.check(project, made.fleet)
