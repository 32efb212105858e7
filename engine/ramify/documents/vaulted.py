"""What ansible-vault writes: envelopes, and `!vault` values in YAML. Nothing is decrypted here.

An envelope is a line `$ANSIBLE_VAULT;1.1;AES256` (1.2 adds the id of a password) and, as hexadecimal digits
in lines of 80, three further hexadecimal texts: salt, HMAC and ciphertext.
"""

from collections.abc import Sequence

from msgspec import Struct

from ramify.model.diagnostics import Origin
from ramify.model.vaulted import name_of

HEADER = "$ANSIBLE_VAULT;"
TAGS = frozenset({"!vault", "!vault-encrypted"})

_VERSIONS = {"1.1": 3, "1.2": 4}
_MAC = 32
_BLOCK = 16


class BadVaultError(Exception):
    """A text that ansible-vault has not written, or that was damaged since."""


class Envelope(Struct, frozen=True):
    """An encrypted text in its parts; `label` is the id of the password, where one was given."""

    label: str
    salt: bytes
    mac: bytes
    sealed: bytes


class Sealed(Struct, frozen=True):
    """An encrypted value and its place."""

    text: str
    origin: Origin


class Vaulted:
    """The encrypted values of a document, by what they are called; they may stand `below` some keys."""

    def __init__(self, *below: str) -> None:
        self._below = frozenset(below)
        self.values: dict[str, Sealed] = {}

    def put(self, pointer: Sequence[str], text: str, origin: Origin) -> str:
        """Keep a value; what it is called, or nothing where none may stand.

        Raises:
            BadVaultError: it is no envelope.
        """
        is_key = not pointer or not pointer[-1]
        if is_key or (self._below and not self._below.intersection(pointer[:-1])):
            return ""
        opened(text)
        name = name_of(origin.file, pointer)
        self.values[name] = Sealed(text, origin)
        return name


def is_sealed(text: str) -> bool:
    """Whether a text begins as ansible-vault's do."""
    return text.startswith(HEADER)


def opened(text: str) -> Envelope:
    """The parts of an envelope.

    Raises:
        BadVaultError: it is none, or of a format that is not known.
    """
    first, *lines = text.strip().split("\n")
    label = _header(first.strip())
    try:
        parts = bytes.fromhex("".join(line.strip() for line in lines)).split(b"\n")
        salt, mac, sealed = (bytes.fromhex(part.decode("ascii")) for part in parts)
    except ValueError as error:  # of other digits, and of more or fewer parts
        raise BadVaultError("it is damaged, or cut off") from error
    if len(mac) != _MAC or not sealed or len(sealed) % _BLOCK:
        raise BadVaultError("it is damaged, or cut off")
    return Envelope(label, salt, mac, sealed)


def _header(line: str) -> str:
    """What the first line says of the password."""
    words = [word.strip() for word in line.split(";")]
    if words[0] != HEADER[:-1]:
        raise BadVaultError("it is not encrypted by ansible-vault")
    if len(words) < 3 or _VERSIONS.get(words[1]) != len(words) or words[2] != "AES256":
        raise BadVaultError(f'its first line "{line[:80]}" is of a format that is not read')
    return words[3] if len(words) > 3 else ""
