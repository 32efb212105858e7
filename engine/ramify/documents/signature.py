"""`ramify.sig`: what was signed and by whom, beside `ramify.yml`; signatures as ssh-keygen writes them."""

import binascii
from base64 import b64decode, b64encode
from textwrap import indent, wrap

from msgspec import Struct

from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.trust import Policy, Seal, Statement

VERSION = 1
MAX_SIGNATURES = 32  # as many as hosts look at

_HEAD = "# Written by `ramify sign`. Keep it in git; `ramify sign --check` tells who signed what.\n"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_AGAIN = "Remove the file: `ramify sign` writes it anew."


class Signed(Struct, frozen=True):
    """What a project's signers said: of what it deploys, and of who may speak for what.

    `place` is where the statement stands.
    """

    statement: Seal | None = None
    policy: Seal | None = None
    place: Origin | None = None


def read(text: str | bytes, file: str) -> tuple[Signed | None, Diagnostics]:
    """Read such a file; whether its signatures are good is not asked here."""
    return read_yaml(text, file, "signature", _build)


def _build(root: Node, found: Diagnostics) -> Signed:
    version = root["version"]
    if isinstance(version.value, int) and version.value != VERSION:
        summary = f"signatures of version {version.value}, expected {VERSION}"
        found.error("bad-value", summary, _AGAIN, version.origin)
    return Signed(
        _seal(root, "statement", Statement, found),
        _seal(root, "policy", Policy, found),
        root.key("statement"),
    )


def _seal(root: Node, key: str, kind: type[Statement | Policy], found: Diagnostics) -> Seal | None:
    node = root[key]
    if not node["text"].text:
        return None
    try:
        kind.read(node["text"].text)
    except ValueError as error:
        found.error(
            "bad-value", f"the text of the {key} cannot be read: {error}", _AGAIN, node["text"].origin
        )
    items = node["signatures"].texts()
    if len(items) > MAX_SIGNATURES:
        found.error("too-large", f"more than {MAX_SIGNATURES} signatures", _AGAIN, node["signatures"].origin)
    return Seal(node["text"].text, tuple(dict.fromkeys(_blob(item, found) for item in items)))


def _blob(node: Node, found: Diagnostics) -> str:
    try:
        return unarmored(node.text)
    except ValueError:
        summary = "this is no signature of ssh-keygen's"
        found.error("bad-value", summary, f"It begins with {_BEGIN}. {_AGAIN}", node.origin)
        return ""


def unarmored(text: str) -> str:
    """A signature as ssh-keygen writes it, as base64 in one line.

    Raises:
        ValueError: it is none.
    """
    lines = text.split()
    begin, end = _BEGIN.split(), _END.split()
    if lines[: len(begin)] != begin or lines[-len(end) :] != end:
        raise ValueError("no SSH signature")
    try:
        blob = b64decode("".join(lines[len(begin) : -len(end)]), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if not blob.startswith(_MAGIC):
        raise ValueError("no SSH signature")
    return b64encode(blob).decode()


def armored(blob: str) -> str:
    """The other way round."""
    return "\n".join((_BEGIN, *wrap(blob, 70), _END, ""))


def write(signed: Signed) -> str:
    """The text of such a file."""
    parts = (_written("statement", signed.statement), _written("policy", signed.policy))
    return f"{_HEAD}version: {VERSION}\n{''.join(parts)}"


def _written(key: str, seal: Seal | None) -> str:
    if seal is None:
        return ""
    text = seal.statement.replace("'", "''")
    signatures = "".join(f"    - |\n{indent(armored(blob), ' ' * 6)}" for blob in seal.signatures)
    return f"{key}:\n  text: '{text}'\n  signatures:\n{signatures}"
