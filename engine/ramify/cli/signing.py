"""What `ramify sign` works on: a project compiled, and each signature with what it speaks for."""

import posixpath
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, structs

from ramify.cli import folding
from ramify.cli.failures import failure
from ramify.cli.project import LOCKED, loaded
from ramify.cli.session import Session
from ramify.compile import trusting
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.trusting import Claim, Places, Vouching
from ramify.documents.signature import Signed
from ramify.model import paths
from ramify.model.diagnostics import Diagnostics, DiagnosticsError, did_you_mean
from ramify.model.trust import Policy, Seal, Statement
from ramify.repository import seals, signing, vouching
from ramify.repository.files import Files, place
from ramify.repository.project import Loaded
from ramify.repository.references import References, is_url
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
    """A project, what there is to sign of it or of one of its domains, and what was signed."""

    project: Loaded
    fleet: Fleet
    claim: Claim
    signed: Signed
    name: str

    @property
    def file(self) -> Path:
        """The file of signatures; its `name` counts from the project."""
        return place(self.project.folder, self.name)

    @property
    def statement(self) -> Statement:
        """What whoever signs now says."""
        return trusting.statement(self.claim)

    @property
    def policy(self) -> Policy | None:
        """Who may speak for what, if the project says so."""
        return self.project.trust.file.policy if self.project.trust else None


def work(session: Session, domain: str = "", *, strict: bool) -> Work:
    """Load and compile; `strict` refuses references that have drifted from the lock.

    With the path of a `domain` it is that one, not the project, that is signed.

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
    claim = _claim(project, fleet, domain)
    name = posixpath.join(posixpath.dirname(_repository(fleet, domain)), seals.NAME) if domain else seals.NAME
    found = Diagnostics()
    signed = seals.read_signed(place(project.folder, name), Files(project.folder, found))
    if found.failed:
        raise DiagnosticsError(found)
    return Work(project, fleet, claim, signed, name)


def _claim(project: Loaded, fleet: Fleet, domain: str) -> Claim:
    """What there is to sign."""
    own, *others = trusting.claims(fleet, seals.lock_digest(project.lock))
    if not domain:
        return own
    mounted = {claim.mount: claim for claim in others}
    claim = mounted.get(domain)
    if claim is None:
        raise failure("no-domain", f"no domain begins at {domain}", did_you_mean(domain, mounted))
    if claim.server:
        way_out = f"Its owners sign it there; {seals.NAME} comes with what the server says."
        raise failure("no-domain", f"the domain {domain} is the project that {claim.server} serves", way_out)
    lock = place(project.folder, _repository(fleet, domain)).with_suffix(".lock")
    return structs.replace(claim, lock=seals.lock_digest(lock))


def _repository(fleet: Fleet, domain: str) -> str:
    """The repository of a domain of files, as it is named from the project's folder.

    Raises:
        DiagnosticsError: it comes from the web, where nothing can be written.
    """
    spec = fleet.by_path[domain].spec.domain
    name, named_in = (spec.repository, spec.origin.file) if spec else ("", "")
    if References.url(name, named_in if is_url(named_in) else Path()):
        way_out = f"Its owners sign it where it comes from, and put {seals.NAME} beside it."
        raise failure("no-domain", f"the repository of {domain} is {name}", way_out)
    return name


def voices(made: Work, seal: Seal | None) -> list[Voice]:
    """What each signature of a seal is worth under the project's policy."""
    policy = policies.read(made.policy.text()) if made.policy else None
    return [_voice(made, policy, seal.statement, blob) for blob in seal.signatures] if seal else []


def _voice(made: Work, policy: policies.Policy | None, text: str, blob: str) -> Voice:
    key = signing.fingerprint(blob)
    if policy is None:
        return Voice((), key, "the project has no trust file", (), 0)
    said = vouching.voices(policy, Seal(text, (blob,)))
    covered = _covered(policy, made.claim, said.names)
    fault = said.faults[0].removeprefix("signature 1: ") if said.faults else ""
    return Voice(said.names, key, fault, tuple(folding.fold(covered)), len(covered))


def _covered(policy: policies.Policy, claim: Claim, names: Sequence[str]) -> list[str]:
    """The paths that signers may speak for."""
    mount, whole = claim.mount, claim.paths
    vouching = Vouching(policy, mount)
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
    """What is not vouched for by these signatures, in the domain or in all of the project."""
    trust = made.project.trust
    if trust is None:
        return Diagnostics()
    if made.claim.mount == paths.ROOT:
        project = structs.replace(made.project, trust=structs.replace(trust, seal=signed.statement))
        return seals.check(project, made.fleet)
    places = Places(policy=trust.file.file, rules=trust.file.rules, signatures=signed.place or trust.place)
    claim = structs.replace(made.claim, seal=signed.statement)
    return vouching.judge(trust.file.policy.text(), (claim,), places)
