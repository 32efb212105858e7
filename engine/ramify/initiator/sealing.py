"""Boxes for secrets: whoever asks makes a key for one run, and only that key opens what comes.

X25519 with a fresh key on either side, HKDF-SHA256, ChaCha20-Poly1305. What is asked for is bound to the
box, so that nobody on the way can hand one box out for another.
"""

from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ramify.initiator.messages import Ask

_KEY: Final = 32
_NONCE: Final = bytes(12)  # each key seals one box
_PURPOSE: Final = b"ramify secrets 1"


class UnusableBoxError(Exception):
    """A box that is not for this key, or was changed on its way."""


class Opener:
    """A key of one's own; it lives as long as the run."""

    def __init__(self) -> None:
        self._key = X25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()

    def open(self, ask: Ask, box: bytes) -> dict[str, str]:
        """What is in a box that was asked for.

        Raises:
            UnusableBoxError: it was not made for that.
        """
        try:
            sender, sealed = box[:_KEY], box[_KEY:]
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(sender))
            data = _cipher(shared, sender, self.public).decrypt(_NONCE, sealed, _said(ask))
            values = msgspec.json.decode(data, type=dict[str, str])
        except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
            raise UnusableBoxError("what came is not sealed for us") from error
        if values.keys() != set(ask.names):
            raise UnusableBoxError("what came is not what was asked for")
        return values


def seal(ask: Ask, values: dict[str, str]) -> bytes:
    """A box that only whoever asked can open.

    Raises:
        UnusableBoxError: the key is none.
    """
    own = X25519PrivateKey.generate()
    public = own.public_key().public_bytes_raw()
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(ask.key))
    except ValueError as error:
        raise UnusableBoxError("the key of whoever asks is none") from error
    return public + _cipher(shared, public, ask.key).encrypt(_NONCE, msgspec.json.encode(values), _said(ask))


def _cipher(shared: bytes, sender: bytes, receiver: bytes) -> ChaCha20Poly1305:
    made = HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=_PURPOSE + sender + receiver)
    return ChaCha20Poly1305(made.derive(shared))


def _said(ask: Ask) -> bytes:
    return msgspec.json.encode([ask.path, ask.names])
