"""Opening what ansible-vault has encrypted: PBKDF2 (SHA-256, 10,000 rounds), HMAC-SHA256, AES-256 as CTR.

Written out upon `cryptography`, which SSH needs anyway, since there is no light library that is kept: the
package `ansible-vault` wraps ansible-core; both are under the GPL, and bring 20 MB. It reads the formats 1.1
and 1.2, and writes none. This module is imported only where there is something to open.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from ramify.documents.vaulted import BadVaultError, Envelope

_ROUNDS = 10_000
_KEY = 32
_COUNTER = 16
_BLOCK_BITS = 128


def opened(envelope: Envelope, password: bytes) -> bytes | None:
    """What is in an envelope; None where the password does not fit.

    Raises:
        BadVaultError: it fits, and what it opens was never padded as ansible-vault does.
    """
    keys = hashlib.pbkdf2_hmac("sha256", password, envelope.salt, _ROUNDS, 2 * _KEY + _COUNTER)
    mac = hmac.digest(keys[_KEY : 2 * _KEY], envelope.sealed, hashlib.sha256)
    if not hmac.compare_digest(mac, envelope.mac):
        return None
    return _decrypted(envelope.sealed, keys[:_KEY], keys[2 * _KEY :])


def _decrypted(sealed: bytes, key: bytes, counter: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).decryptor()
    padded = cipher.update(sealed) + cipher.finalize()
    padding = PKCS7(_BLOCK_BITS).unpadder()
    try:
        return padding.update(padded) + padding.finalize()
    except ValueError as error:
        raise BadVaultError("it was not made as ansible-vault does") from error
