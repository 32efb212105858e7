"""How signatures are shown: what was signed, by whom, and what each signature speaks for."""

from collections.abc import Iterator

from msgspec import Struct

from ramify.cli.diagnostics_view import document
from ramify.cli.signing import Voice, Work, voices
from ramify.cli.words import counted, listed
from ramify.documents.signature import Signed
from ramify.model import paths
from ramify.model.diagnostics import Diagnostics
from ramify.model.trust import Statement

_MOST = 6


class Policy(Struct, frozen=True):
    """The trust policy: its file, its serial number, who has signed it."""

    file: str
    serial: int
    signatures: tuple[Voice, ...]


class View(Struct, frozen=True):
    """All of it; `lacking` are the problems of what is not vouched for, `domain` is empty for the project."""

    file: str
    domain: str
    statement: Statement | None
    signatures: tuple[Voice, ...]
    policy: Policy | None
    nodes: int
    lacking: list[dict[str, object]]


def view(made: Work, signed: Signed, lacking: Diagnostics) -> View:
    """What there is to show."""
    trust = made.project.trust
    own = (
        signed.policy
        if trust and signed.policy and signed.policy.statement == trust.file.policy.text()
        else None
    )
    return View(
        file=made.name,
        domain="" if made.claim.mount == paths.ROOT else made.claim.mount,
        statement=Statement.read(signed.statement.statement) if signed.statement else None,
        signatures=tuple(voices(made, signed.statement)),
        policy=Policy(trust.file.file, trust.file.policy.serial, tuple(voices(made, own))) if trust else None,
        nodes=len(made.claim.paths),
        lacking=document(lacking),
    )


def signed(shown: View, *, alone: bool) -> str:
    """What a signature that was just made says."""
    last = shown.policy.signatures[-1] if alone and shown.policy else shown.signatures[-1]
    unknown = "somebody whom the trust file does not know" if shown.policy else "the owner of a key"
    who = listed(list(last.signers)) or unknown
    what = "" if alone else _statement(shown.statement)
    lines = [f"{shown.file}: signed by {who} ({last.key}){': ' if what else ''}{what}"]
    if shown.policy and not shown.domain and any(last.key == voice.key for voice in shown.policy.signatures):
        lines.append(f"The policy of {shown.policy.file} (serial {shown.policy.serial}) is signed, too.")
    if not alone and shown.policy and last.signers:
        lines.append(f"{who} may speak for {last.nodes:,} of {counted(shown.nodes, 'node')}.")
    return "\n".join(lines)


def text(shown: View) -> str:
    """Who signed what."""
    return "\n".join(_lines(shown))


def _lines(shown: View) -> Iterator[str]:
    if shown.statement is None:
        yield f"{shown.file}: nothing is signed."
    else:
        yield f"{shown.file}: {_statement(shown.statement)}"
    yield from map(_voice, shown.signatures)
    if shown.policy is None:
        yield "The project has no trust file: nothing needs to be signed."
        return
    if not shown.domain:
        names = [name for voice in shown.policy.signatures for name in voice.signers]
        by = listed(names) if names else "nobody; hosts pin it as it is at their first contact"
        yield f"{shown.policy.file}, serial {shown.policy.serial}: signed by {by}."
    if not shown.lacking:
        yield f"All {counted(shown.nodes, 'node')} are vouched for."


def _statement(made: Statement | None) -> str:
    if made is None:
        return ""
    lock = f"lock {made.lock[:12]}" if made.lock else "no lock"
    return f"project {made.project}, tree {made.tree[:12]}, {lock}, {counted(len(made.runtimes), 'runtime')}"


def _voice(voice: Voice) -> str:
    who = listed(list(voice.signers)) or "nobody known"
    if voice.fault:
        return f"  {who} ({voice.key}): does not count: {voice.fault}"
    shown = " ".join(voice.paths[:_MOST]) + (
        f" and {len(voice.paths) - _MOST} more" * (len(voice.paths) > _MOST)
    )
    return f"  {who} ({voice.key}): {counted(voice.nodes, 'node')}{': ' if shown else ''}{shown}"
