"""Trust: what is signed, and who may speak for which paths; equal values are equal texts."""

import hashlib
from typing import Self

import msgspec
from msgspec import Struct

FORMAT = 1
NAMESPACE = "ramify"
"""What a signature is made for, in OpenSSH's own words: one for git or a mail never counts here."""


class _Text(Struct, frozen=True, kw_only=True):
    """A value that travels, and is signed, as one text."""

    def text(self) -> str:
        """The canonical JSON."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def read(cls, text: str) -> Self:
        """The value of a text.

        Raises:
            ValueError: it is none, or of another format.
        """
        made = msgspec.json.decode(text, type=cls)
        if getattr(made, "format", FORMAT) != FORMAT:
            raise ValueError(f"format {getattr(made, 'format', None)}, expected {FORMAT}")
        return made


class Statement(_Text, frozen=True, kw_only=True):
    """What is signed: the tree of everything desired, the lock, and Ramify itself for initiators.

    `lock` is the sha256 of the lock file's bytes, or nothing; `runtimes` are artifacts, sorted.
    """

    project: str
    tree: str
    lock: str = ""
    runtimes: tuple[str, ...] = ()
    format: int = FORMAT


class Signer(Struct, frozen=True, kw_only=True):
    """A name, one key of its owner, and what OpenSSH's options say of that key."""

    name: str
    key: str
    options: dict[str, str] = {}


class Rule(Struct, frozen=True, kw_only=True):
    """Who may speak for which paths of the repository that is mounted at `mount`."""

    mount: str
    paths: tuple[str, ...]
    signers: tuple[str, ...]


class Policy(_Text, frozen=True, kw_only=True):
    """What a trust file says; hosts pin its text."""

    rules: tuple[Rule, ...] = ()
    signers: tuple[Signer, ...] = ()
    unsigned: tuple[str, ...] = ()
    serial: int = 0
    format: int = FORMAT


class Seal(Struct, frozen=True):
    """A text and the signatures over it: SSHSIG blobs in base64.

    The text is a statement's or a policy's, kept as it was signed: only its very bytes can be verified.
    """

    statement: str
    signatures: tuple[str, ...] = ()


def digest(text: str) -> str:
    """The word that stands for a text, as hosts tell which policy they have pinned."""
    return hashlib.sha256(text.encode()).hexdigest()
