"""Values that stand encrypted in a document, as ansible-vault has them: what stands for them once it is read.

Each is a secret without a name of its own: it is called after its place, so that another password or value
changes nothing in what is planned from, and neither the value nor its encrypted text is in a bundle.
"""

import hashlib
import re
from collections.abc import Sequence

PREFIX = "vaulted_"
"""Begins their names, which are longer than any that can be declared: no two are the same."""

_REFERENCE = re.compile(r"\{\{ secrets\.(" + PREFIX + r"[0-9a-f]{64}) \}\}")
_NAME = re.compile(r"secrets\." + PREFIX + r"[0-9a-f]{64}")
_BEGIN = "{{ secrets." + PREFIX


def name_of(file: str, pointer: Sequence[str]) -> str:
    """What the value at a place of a document is called."""
    return PREFIX + hashlib.sha256("\0".join((file, *pointer)).encode()).hexdigest()


def reference(name: str) -> str:
    """What stands for a value: a template like any other that speaks of a secret."""
    return "{{ secrets." + name + " }}"


def as_written(text: str) -> str:
    """A template as its author knows it, with `!vault` where a value stands encrypted."""
    return _NAME.sub("!vault", _REFERENCE.sub("!vault", text)) if PREFIX in text else text


def name_in(value: object) -> str:
    """The name, if a value is what stands for an encrypted one; else nothing."""
    if not isinstance(value, str) or not value.startswith(_BEGIN):
        return ""
    found = _REFERENCE.fullmatch(value)
    return found[1] if found else ""
