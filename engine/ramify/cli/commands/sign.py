"""`ramify sign`: say, with a key, that what the project deploys is meant so."""

from pathlib import Path

import click
from msgspec import structs

from ramify.cli import exits, lazy, sign_view
from ramify.cli.arguments import PathExpression
from ramify.cli.diagnostics_view import text
from ramify.cli.failures import failure
from ramify.cli.project import warn
from ramify.cli.session import Session
from ramify.cli.signing import Work, lacking, the_key, work
from ramify.cli.words import counted
from ramify.documents.signature import Signed
from ramify.model import paths
from ramify.model.trust import Seal
from ramify.repository import signing, vouching
from ramify.stub import policies


@lazy.command(
    "ramify sign",
    "ramify sign --key ~/.ssh/id_ed25519_sk",
    "ramify sign --check   # who signed what",
    "ramify sign --domain /MA/M7   # for the owners of a domain",
    name="sign",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The private key, or the .pub file of one that the agent has.",
)
@click.option(
    "--domain",
    metavar="PATH",
    default="",
    type=PathExpression(),
    help="Sign the domain that begins at PATH, and not the project.",
)
@click.option("--policy", is_flag=True, help="Sign the trust policy alone, also with a key that it lets go.")
@click.option("--check", is_flag=True, help="Sign nothing; tell who signed what. Exits with 1 if more must.")
def command(session: Session, key: Path | None, domain: str, policy: bool, check: bool) -> int:
    """Sign what the project is to deploy, and its trust policy, and write that to ramify.sig.

    ssh-keygen signs, so agents and hardware keys do. Several people sign one state one after the other; what
    was signed of another state is dropped. References must be what the lock says. docs/signing.md tells more.
    """
    if domain and policy:
        raise click.UsageError("--policy is of the whole project; a domain has none of its own.")
    made = work(session, domain, strict=not check)
    if check:
        return _check(session, made)
    if policy and made.policy is None:
        way_out = "Name a trust file in ramify.yml: `trust: trust.yml`."
        raise failure("no-trust", "the project has no trust file, so there is no policy to sign", way_out)
    warn(session, list(made.project.diagnostics))
    _sign(session, made, key or the_key(made, session, Path.home()), alone=policy)
    return exits.DONE


def _sign(session: Session, made: Work, key: Path | signing.Key, *, alone: bool) -> None:
    said = "" if alone else made.statement.text()
    policy = made.policy.text() if made.policy and (alone or _wants_policy(made, key)) else ""
    try:
        blobs = iter(signing.sign([text for text in (said, policy) if text], key))
    except signing.SigningError as error:
        raise failure("no-signature", str(error), error.hint) from error
    after = made.signed
    if said:
        after = structs.replace(after, statement=signing.added(after.statement, said, next(blobs)))
    if policy:
        after = structs.replace(after, policy=signing.added(after.policy, policy, next(blobs)))
    signing.write(made.file, after)
    _tell(session, made, after, alone=alone)


def _wants_policy(made: Work, key: Path | signing.Key) -> bool:
    """Whether the owner of a key may speak for the policy, and has not yet."""
    if made.policy is None or made.claim.mount != paths.ROOT:
        return False
    policy = policies.read(made.policy.text())
    names = signing.names_of(made.policy, signing.fingerprint_of(key))
    there = made.signed.policy
    known = vouching.voices(policy, there).names if there and there.statement == made.policy.text() else ()
    return policies.governs(policy, names) and not set(names) <= set(known)


def _tell(session: Session, made: Work, after: Signed, *, alone: bool) -> None:
    dropped = sum(map(_dropped, (made.signed.statement, made.signed.policy), (after.statement, after.policy)))
    if dropped:
        words = counted(dropped, "signature")
        session.note(f"What was signed before has changed since: {words} dropped.")
    missing = lacking(made, after)
    view = sign_view.view(made, after, missing)
    if session.json:
        session.document(view)
        return
    session.say(sign_view.signed(view, alone=alone))
    if missing.failed and not alone:
        session.note(text(missing.as_warnings(), session.paint_notes))


def _dropped(before: Seal | None, after: Seal | None) -> int:
    return len(before.signatures) if before and after and before.statement != after.statement else 0


def _check(session: Session, made: Work) -> int:
    missing = lacking(made, made.signed)
    view = sign_view.view(made, made.signed, missing)
    if session.json:
        session.document(view)
        return exits.ERROR if missing.failed else exits.DONE
    warn(session, list(made.project.diagnostics))
    session.say(sign_view.text(view))
    if missing.failed:
        session.note(text(missing, session.paint_notes))
    return exits.ERROR if missing.failed else exits.DONE
