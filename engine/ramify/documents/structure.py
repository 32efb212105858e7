"""A quick answer to one question: does a value keep to a schema?

Importing jsonschema costs more than all else that a plan does, so it is asked only when this says no: then it
says what is wrong. This reads the part of draft 2020-12 that our own schema files use; a test holds the two
to the same answer, and the schema files to this part.
"""

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any, Any, Any], bool]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}
# Keywords that speak of values of one type only, as the draft has it.
_FOR: dict[str, str] = {
    "properties": "object",
    "additionalProperties": "object",
    "required": "object",
    "minProperties": "object",
    "items": "array",
    "minItems": "array",
    "minLength": "string",
    "pattern": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
}
# Keywords that say nothing about whether a value is valid.
SILENT = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description"})


def accepts(schema: Any, value: Any, root: Any = None) -> bool:
    """Whether a value keeps to a schema; `root` is the document that `$ref` points into."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    for keyword, said in schema.items():
        if keyword in SILENT:
            continue
        kind = _FOR.get(keyword)
        if (kind is None or _TYPES[kind](value)) and not KEYWORDS[keyword](said, value, (schema, root)):
            return False
    return True


def _type(said: Any, value: Any, _: Any) -> bool:
    names = [said] if isinstance(said, str) else said
    return any(_TYPES[name](value) for name in names)


def _enum(said: Any, value: Any, _: Any) -> bool:
    # JSON tells true from 1, Python does not.
    return any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in said)


def _ref(said: Any, value: Any, where: Any) -> bool:
    root = where[1]
    return accepts(resolve(said, root), value, root)


def resolve(reference: str, root: Any) -> Any:
    """The schema that `#/$defs/name` points to."""
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found[step]
    return found


def _properties(said: Any, value: Any, where: Any) -> bool:
    return all(accepts(said[key], item, where[1]) for key, item in value.items() if key in said)


def _additional(said: Any, value: Any, where: Any) -> bool:
    named = where[0].get("properties", ())
    return all(accepts(said, item, where[1]) for key, item in value.items() if key not in named)


KEYWORDS: dict[str, Check] = {
    "type": _type,
    "enum": _enum,
    "$ref": _ref,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": lambda said, value, _: all(key in value for key in said),
    "minProperties": lambda said, value, _: len(value) >= said,
    "items": lambda said, value, where: all(accepts(said, item, where[1]) for item in value),
    "minItems": lambda said, value, _: len(value) >= said,
    "minLength": lambda said, value, _: len(value) >= said,
    "pattern": lambda said, value, _: re.search(said, value) is not None,
    "minimum": lambda said, value, _: value >= said,
    "maximum": lambda said, value, _: value <= said,
    "exclusiveMinimum": lambda said, value, _: value > said,
}
