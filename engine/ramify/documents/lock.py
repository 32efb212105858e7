"""`repository.lock`: what the references of a repository led to when they were last reviewed.

One block of lines for each reference, in order of their names. Two lines that never change stand between what
changes of two neighbours, so that git merges two branches that locked different references.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.model.diagnostics import Diagnostics

VERSION = 1

_HEAD = "# Written by `ramify repo lock`. Keep it in git; after a merge, run `ramify repo lock` again.\n"
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class Pin(Struct, frozen=True):
    """What a reference leads to: bytes, by their sha256, how many, and of what kind."""

    sha256: str
    size: int
    type: str


Pins = Mapping[str, Pin]


def read(text: str | bytes, file: str) -> tuple[dict[str, Pin] | None, Diagnostics]:
    """Read a lock: pins by the names of their references."""
    return read_yaml(text, file, "lock", _build)


def _build(root: Node, found: Diagnostics) -> dict[str, Pin]:
    version = root["version"]
    if isinstance(version.value, int) and version.value != VERSION:
        summary = f"a lock of version {version.value}, expected {VERSION}"
        found.error("bad-value", summary, "`ramify repo lock` writes it anew.", version.origin)
    return {name: _pin(node, found) for name, node in root["references"].items()}


def _pin(node: Node, found: Diagnostics) -> Pin:
    digest, size = node["sha256"], node["size"]
    if digest.text and not _SHA256.match(digest.text):
        summary = f'"{digest.text[:80]}" is no sha256'
        found.error("bad-value", summary, "It has 64 digits from 0 to f.", digest.origin)
    return Pin(digest.text, size.value if isinstance(size.value, int) else 0, node["type"].text)


def write(pins: Pins) -> str:
    """The text of a lock."""
    blocks = (_block(name, pin) for name, pin in sorted(pins.items()))
    references = "references:\n" + "".join(blocks) if pins else "references: {}\n"
    return f"{_HEAD}version: {VERSION}\n{references}"


def _block(name: str, pin: Pin) -> str:
    lines = (f"type: {_quoted(pin.type)}", f"size: {pin.size}", f"sha256: {_quoted(pin.sha256)}")
    return f"  {_quoted(name)}:\n" + "".join(f"    {line}\n" for line in lines)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character.isprintable() and character not in '"\\':
        return character
    return f"\\U{ord(character):08x}"
