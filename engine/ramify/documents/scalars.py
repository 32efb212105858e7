"""What a YAML scalar means: the core schema of YAML 1.2, kept within what JSON can carry."""

import math
import re
from typing import Any

_PREFIX = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_OTHER_BASE = re.compile(r"0x[0-9a-fA-F]+\Z|0o[0-7]+\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}

# The tags that say nothing new about a collection.
TAGS = {kind: {None, "!", _PREFIX + kind} for kind in ("map", "seq")}


class UnreadableScalarError(Exception):
    """A scalar that is refused: why, the diagnostic's code, and the way out."""

    def __init__(self, code: str, summary: str, way_out: str) -> None:
        super().__init__(summary)
        self.code = code
        self.way_out = way_out


def resolve(raw: str, tag: str | None, *, plain: bool) -> Any:
    """The value of a scalar.

    Raises:
        UnreadableScalarError: a tag of another kind, or a number that no computer shares with another.
    """
    if plain and tag is None:
        return _plain(raw)
    kind = (tag or "!").removeprefix(_PREFIX)
    if kind in {"!", "str"}:
        return raw
    if kind not in _TYPES:
        raise UnreadableScalarError("yaml-tag", f'tag "{tag}" is not read', "Remove the tag.")
    value = _plain(raw)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise UnreadableScalarError("yaml-tag", f'"{raw}" does not fit its tag "!!{kind}"', "Remove the tag.")
    return value


def _plain(raw: str) -> Any:
    if raw in _WORDS:
        return _WORDS[raw]
    if raw[0].isalpha():
        return raw
    value: Any = raw
    if _INTEGER.match(raw) or _OTHER_BASE.match(raw):
        value = int(raw, 0) if len(raw) < 24 else math.inf
    elif _FLOAT.match(raw):
        value = float(raw)
    elif _NO_NUMBER.match(raw):
        value = math.inf
    return value if value is raw else _number(raw, value)


def _number(raw: str, value: float) -> float:
    # JSON knows no infinity, and other readers of it no whole number above 64 bits.
    if math.isinf(value) or (isinstance(value, int) and abs(value) >= 2**63):
        raise UnreadableScalarError(
            "bad-number", f'"{raw[:40]}" is not a number that can be kept', "Quote it."
        )
    return value
