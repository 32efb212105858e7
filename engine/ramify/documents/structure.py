"""A quick answer to one question: does a value keep to a schema?

Importing jsonschema costs more than all else that a plan does, so it is asked only when this says no: then it
says what is wrong. This reads the part of draft 2020-12 that our own schema files use; a test holds the two
to the same answer, and the schema files to this part. A schema becomes functions once: which keywords speak
of a value is known from its type, so that thousands of documents cost little more than a walk through them.
"""

import re
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from types import NoneType
from typing import Any

Check = Callable[[Any], bool]

_CLASSES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (NoneType,),
    "number": (int, float),
    "integer": (int, float),
}
_ALL = frozenset(chain.from_iterable(_CLASSES.values()))
# Keywords that say nothing about whether a value is valid.
SILENT = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description"})


def compiled(schema: Any, root: Any = None) -> Check:
    """A function that tells whether values keep to a schema; `$ref` points into `root`."""
    return _Compiler(schema if root is None else root).check(schema)


def resolve(reference: str, root: Any) -> Any:
    """The schema that `#/$defs/name` points to."""
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found[step]
    return found


class _ByClass(dict[type, tuple[Check, ...]]):
    """The checks for values of a class, made when the first of them is met: few classes ever are."""

    def __init__(self, make: Callable[[type], tuple[Check, ...]]) -> None:
        self._make = make

    def __missing__(self, kind: type) -> tuple[Check, ...]:
        made = self[kind] = self._make(kind)
        return made


class _Compiler:
    """Makes functions of the schemas in one document."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[str, Check] = {}

    def check(self, schema: Any) -> Check:
        """The function for one schema."""
        if isinstance(schema, bool):
            return lambda _: schema
        checks = _ByClass(lambda kind: tuple(self._speaking_of(kind, schema)))

        def keeps(value: Any) -> bool:
            for check in checks[value.__class__]:  # noqa: SIM110 - a generator costs twice as much
                if not check(value):
                    return False
            return True

        return keeps

    def ref(self, reference: str) -> Check:
        """The function for the schema that a reference points to; it may be within that very schema."""
        if reference not in self._known:
            known = self._known
            known[reference] = lambda value: known[reference](value)  # noqa: PLW0108 - it is not there yet
            known[reference] = self.check(resolve(reference, self._root))
        return self._known[reference]

    def _speaking_of(self, kind: type, schema: Any) -> Iterator[Check]:
        """What the keywords of a schema ask of values of one class."""
        for keyword, said in schema.items():
            if keyword not in SILENT and kind in KEYWORDS[keyword][0]:
                check = KEYWORDS[keyword][1](said, (kind, schema, self))
                if check is not None:
                    yield check


Where = tuple[type, Any, _Compiler]
Make = Callable[[Any, Where], Check | None]


def _type(said: Any, where: Where) -> Check | None:
    names = [said] if isinstance(said, str) else said
    fitting = {name for name in names if where[0] in _CLASSES[name]}
    if not fitting:
        return lambda _: False
    return float.is_integer if where[0] is float and fitting == {"integer"} else None


def _enum(said: Any, where: Where) -> Check:
    # JSON tells true from 1, Python does not.
    choices = [item for item in said if isinstance(item, bool) == (where[0] is bool)]
    return lambda value: value in choices


def _properties(said: Any, where: Where) -> Check:
    _, schema, compiler = where
    named = {key: compiler.check(one) for key, one in said.items()}
    other = compiler.check(schema.get("additionalProperties", True))

    def keep(value: Any) -> bool:
        for key, item in value.items():  # noqa: SIM110
            if not named.get(key, other)(item):
                return False
        return True

    return keep


def _additional(said: Any, where: Where) -> Check | None:
    if "properties" in where[1]:
        return None  # those look at all keys
    check = where[2].check(said)
    return lambda value: all(map(check, value.values()))


def _items(said: Any, where: Where) -> Check:
    check = where[2].check(said)
    return lambda value: all(map(check, value))


def _pattern(said: Any, _: Where) -> Check:
    return lambda value: re.search(said, value) is not None


_NUMBERS = (int, float)
KEYWORDS: dict[str, tuple[Collection[type], Make]] = {
    "type": (_ALL, _type),
    "enum": (_ALL, _enum),
    "$ref": (_ALL, lambda said, where: where[2].ref(said)),
    "properties": ((dict,), _properties),
    "additionalProperties": ((dict,), _additional),
    "required": ((dict,), lambda said, _: set(said).issubset),
    "minProperties": ((dict,), lambda said, _: lambda value: len(value) >= said),
    "items": ((list,), _items),
    "minItems": ((list,), lambda said, _: lambda value: len(value) >= said),
    "minLength": ((str,), lambda said, _: lambda value: len(value) >= said),
    "pattern": ((str,), _pattern),
    "minimum": (_NUMBERS, lambda said, _: lambda value: value >= said),
    "maximum": (_NUMBERS, lambda said, _: lambda value: value <= said),
    "exclusiveMinimum": (_NUMBERS, lambda said, _: lambda value: value > said),
}
