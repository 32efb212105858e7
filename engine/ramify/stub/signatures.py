"""Signatures in OpenSSH's own format (PROTOCOL.sshsig), as `ssh-keygen -Y sign -n ramify` makes them.

Those by an ssh-ed25519 key are checked here. All others are handed to a verifier, which is `keygen.Keygen`
wherever there is an `ssh-keygen`: nothing in this module starts a program or opens a file.
"""

from __future__ import annotations

from ramify.stub import claims, ed25519, files
from ramify.stub.allowed import ED25519, NAMESPACE, base64
from ramify.stub.wire import StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Sequence, Tuple

    from ramify.stub.allowed import Signer
    from ramify.stub.policies import Policy

    Verifier = Callable[[str, bytes, bytes], str]
    """(public key as in authorized_keys, SSHSIG blob, message) -> why it is not valid; nothing if it is."""

MOST = 32
"""Signatures over one text."""

_LIMIT = 64 << 10
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4, "big")


class Signature:
    """An SSHSIG blob taken apart: the signer's public key, and the raw signature of the given kind."""

    __slots__ = ("blob", "hash", "key", "kind", "raw")

    def __init__(self, blob: bytes, key: bytes, hash_name: str, kind: bytes, raw: bytes) -> None:
        self.blob = blob
        self.key = key
        self.hash = hash_name
        self.kind = kind
        self.raw = raw

    def signed(self, message: bytes) -> bytes:
        """What the key signs for a message."""
        sha = files.hasher() if self.hash == "sha256" else ed25519.sha512()
        hashed = sha(message).digest()
        parts = (NAMESPACE.encode("ascii"), b"", self.hash.encode("ascii"), hashed)
        return _MAGIC + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class _Reader:
    """Takes strings, as SSH writes them, off the front of bytes."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def string(self, what: str) -> bytes:
        size = int.from_bytes(self.rest[:4], "big")
        if len(self.rest) < 4 + size:
            raise claims.refusal(f"a signature ends within its {what}")
        found = self.rest[4 : 4 + size]
        self.rest = self.rest[4 + size :]
        return found

    def end(self) -> None:
        if self.rest:
            raise claims.refusal("a signature goes on after its end")


def parse(text: object) -> Signature:
    """The signature that is in an armored or plain base64 text.

    Raises:
        StubError: it is none, or not one for the namespace "ramify" (code "untrusted").
    """
    blob = _blob(claims.utf8(text, "a signature", _LIMIT).decode("utf-8"))
    if not blob.startswith(_MAGIC):
        raise claims.refusal("a signature is not in OpenSSH's format")
    if blob[6:10] != _VERSION:
        raise claims.refusal(f"a signature has version {int.from_bytes(blob[6:10], 'big')}, not 1")
    reader = _Reader(blob[10:])
    key = reader.string("key")
    namespace = reader.string("namespace")
    if namespace != NAMESPACE.encode("ascii"):
        found = ascii(namespace[:40].decode("latin-1"))
        raise claims.refusal(f'a signature is for the namespace {found}, not for "{NAMESPACE}"')
    if reader.string("reserved part"):
        raise claims.refusal("a signature has a reserved part that is not understood")
    hash_name = reader.string("hash algorithm")
    if hash_name not in (b"sha256", b"sha512"):
        raise claims.refusal("a signature is over a hash that is neither sha256 nor sha512")
    inner = _Reader(reader.string("signature"))
    reader.end()
    kind, raw = inner.string("algorithm"), inner.string("bytes")
    if not kind.startswith(b"sk-"):  # these have flags and a counter behind
        inner.end()
    return Signature(blob, key, hash_name.decode("ascii"), kind, raw)


def _blob(text: str) -> bytes:
    text = text.strip()
    if text.startswith(_BEGIN) and text.endswith(_END):
        text = text[len(_BEGIN) : -len(_END)]
    blob = base64("".join(text.split()))
    if blob is None:
        raise claims.refusal("a signature is not base64")
    return blob


def signers(
    text: str, blobs: Sequence[object], policy: Policy, now: float, other: Optional[Verifier] = None
) -> Tuple[List[str], List[str]]:
    """Who of a policy's signers has validly signed a text.

    Pure, but for what `other` does.

    Args:
        text: what was signed: a statement, or a policy.
        blobs: the signatures, each an armored or plain base64 text, unchecked.
        policy: whose signers are asked, with their validity in time and their namespaces.
        now: seconds since the epoch.
        other: checks signatures by keys other than ssh-ed25519; without it those do not count.

    Returns:
        The names, sorted, each once; and for each signature that does not count one line that says why.

    Raises:
        StubError: the text or the list of signatures is unusable as a whole (code "untrusted").
    """
    message = claims.utf8(text, "what was signed")
    names = set()
    notes: List[str] = []
    for number, blob in enumerate(claims.items(blobs, "signatures", MOST), 1):
        found, note = _judged(blob, message, policy, now, other)
        names.update(found)
        notes += [f"signature {number}: {note}"] if note else []
    return sorted(names), notes


def _judged(
    blob: object, message: bytes, policy: Policy, now: float, other: Optional[Verifier]
) -> Tuple[List[str], str]:
    """The names that a signature stands for, or why it does not count."""
    try:
        return _signers(parse(blob), message, policy, now, other), ""
    except StubError as error:
        return [], error.message


def _signers(
    signature: Signature, message: bytes, policy: Policy, now: float, other: Optional[Verifier]
) -> List[str]:
    """The names that the key of a valid signature has."""
    known = [signer for signer in policy.signers if signer.blob == signature.key]
    if not known:
        raise claims.refusal("by a key that the policy does not know")
    names = [signer.name for signer in known if not signer.objection(now)]
    if not names:
        raise claims.refusal(f"the key of {known[0].name} is {known[0].objection(now)}")
    reason = _reason(signature, message, known[0], other)
    if reason:
        raise claims.refusal(f"by the key of {known[0].name}: {reason}")
    return names


def _reason(signature: Signature, message: bytes, signer: Signer, other: Optional[Verifier]) -> str:
    """Why a signature is not valid, or nothing if it is."""
    if signer.kind != ED25519:
        if other is None:
            return f"{signer.kind} cannot be checked here"
        return other(signer.key, signature.blob, message)
    good = signature.kind == ED25519.encode("ascii") and ed25519.verify(
        signer.blob[-32:], signature.signed(message), signature.raw
    )
    return "" if good else "it is not valid"
