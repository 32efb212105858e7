"""Signatures in OpenSSH's own format (PROTOCOL.sshsig), as `ssh-keygen -Y sign -n ramify` makes them.

Those by an ssh-ed25519 key are checked here. All others are handed to a verifier, which is `keygen.Keygen`
wherever there is an `ssh-keygen`: nothing in this module starts a program or opens a file.
"""

from __future__ import annotations

from ramify.stub.policies import TEXT_LIMIT, Policy, Signer, refusal, utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

    Verifier = Callable[[str, bytes, bytes], str]
    """(public key as in authorized_keys, SSHSIG blob, message) -> why it is not valid, or nothing if it is."""

NAMESPACE = "ramify"
MOST = 32
"""Signatures over one text."""


class Signature:
    """An SSHSIG blob taken apart; `signed` is what the key has signed, given the hash of the message."""

    __slots__ = ("blob", "hash", "key", "kind", "signature")

    def __init__(self, blob: bytes, key: bytes, hash_name: str, kind: str, signature: bytes) -> None:
        self.blob = blob
        self.key = key
        self.hash = hash_name
        self.kind = kind
        self.signature = signature


def parse(text: object) -> Signature:
    """The signature that is in an armored or plain base64 text.

    Raises:
        StubError: it is none, or not one for the namespace "ramify" (code "untrusted").
    """
    raise NotImplementedError


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
    raise NotImplementedError
