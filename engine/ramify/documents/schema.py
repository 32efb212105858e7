"""JSON Schema (draft 2020-12) over a document's tree, and what it finds wrong in words for people.

The schema files avoid alternatives (`anyOf`): keywords speak of one type each, so that every problem has one
message. `title` in a schema is what a message says was expected.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ramify.documents.node import Node
from ramify.documents.structure import Check, compiled
from ramify.documents.text import MAX_TOLD
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean

SCHEMAS = Path(__file__).parent / "schemas"

_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


@cache
def load(name: str) -> Any:
    """The schema of a kind of document."""
    return msgspec.json.decode((SCHEMAS / f"{name}.json").read_bytes())


def check(root: Node, name: str, found: Diagnostics) -> None:
    """Tell everything that keeps a document from its schema."""
    if not _quick(name)(root.value):
        explain(root, load(name), found)


@cache
def _quick(name: str) -> Check:
    return compiled(load(name))


def explain(root: Node, schema: Any, found: Diagnostics) -> None:
    """Let jsonschema say what is wrong: one diagnostic per problem."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - costs more than reading a good document

    told = {item.origin for item in found}
    for error in Draft202012Validator(schema).iter_errors(root.value):
        if len(found) >= MAX_TOLD:
            return
        subject = _Subject(root, tuple(error.absolute_path))
        explain_one = _EXPLAIN.get(error.validator, _value)
        # What the parser has refused has no value that could be wrong once more.
        if explain_one in _OF_KEYS or subject.node.origin not in told:
            explain_one(error, subject, found)


class _Subject:
    """What an error speaks of: its node, its place, and what to call it."""

    def __init__(self, root: Node, pointer: tuple[str | int, ...]) -> None:
        self.node = root.find(pointer)
        self.name = next((step for step in reversed(pointer) if isinstance(step, str)), "")
        in_list = bool(pointer) and isinstance(pointer[-1], int)
        self.words = (
            (f'an item of "{self.name}"' if in_list else f'"{self.name}"') if pointer else "the document"
        )
        self.label: Origin = self.node.origin
        if pointer and isinstance(pointer[-1], str):
            self.label = root.find(pointer[:-1]).key(pointer[-1])


def _unknown_keys(error: Any, subject: _Subject, found: Diagnostics) -> None:
    known = error.schema.get("properties", {})
    where = f" in {subject.words}" if subject.name else ""
    for key in error.instance:
        if key not in known and len(found) < MAX_TOLD:
            left = [name for name in known if name not in error.instance]
            found.error(
                "unknown-key", f'unknown key "{key}"{where}', did_you_mean(key, left), subject.node.key(key)
            )


def _missing_key(error: Any, subject: _Subject, found: Diagnostics) -> None:
    # jsonschema tells one error per key, in words only.
    unknown = [key for key in error.instance if key not in error.schema.get("properties", {})]
    missing = [key for key in error.validator_value if key not in error.instance]
    # A key that is only misspelt is told once, where it stands.
    missing = [key for key in missing if not any(_close(word, key) for word in unknown)]
    has = ", ".join(error.instance) or "nothing"
    for key in missing:
        hint = error.schema.get("properties", {}).get(key, {}).get("title", "")
        way_out = f"Add `{key}:`{f' ({hint})' if hint else ''}; it has {has}."
        found.error("missing-key", f'{subject.words} lacks the key "{key}"', way_out, subject.label)


def _close(word: str, key: str) -> bool:
    return did_you_mean(word, [key]).startswith("Did")


def _type(error: Any, subject: _Subject, found: Diagnostics) -> None:
    said = error.validator_value
    names = [said] if isinstance(said, str) else [name for name in said if name != "null"]
    expected = error.schema.get("title") or " or ".join(_KINDS[name] for name in names)
    node = subject.node
    got = _got(node)
    way_out = ""
    if "string" in names and node.is_scalar and node.raw:
        way_out = f'Quote it: "{node.raw}".'
    elif subject.words == "the document" and node.value is None:
        got = "nothing"
        way_out = "The document is empty."
    found.error("wrong-type", f"{subject.words}: expected {expected}, got {got}", way_out, node.origin)


def _got(node: Node) -> str:
    value = node.value
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f'the text "{value[:40]}"'
    return f"true or false ({node.written})" if isinstance(value, bool) else f"the number {node.raw}"


def _choice(error: Any, subject: _Subject, found: Diagnostics) -> None:
    choices = [str(item) for item in error.validator_value]
    summary = f'{subject.words}: "{subject.node.written[:40]}" is not one of {", ".join(choices)}'
    close = did_you_mean(subject.node.written, choices)
    found.error("bad-value", summary, close if close.startswith("Did") else "", subject.node.origin)


_FOR_EMPTY = {
    '"tree"': "Write at least one node. `ramify uninstall /` takes all away that is deployed.",
}


def _empty(_: Any, subject: _Subject, found: Diagnostics) -> None:
    way_out = _FOR_EMPTY.get(subject.words, "Write at least one item.")
    found.error("bad-value", f"{subject.words} is empty", way_out, subject.node.origin)


def _value(error: Any, subject: _Subject, found: Diagnostics) -> None:
    expected = error.schema.get("title") or f"{error.validator} {error.validator_value}"
    summary = f"{subject.words}: expected {expected}, got {_got(subject.node)}"
    found.error("bad-value", summary, "", subject.node.origin)


_EXPLAIN: dict[str, Callable[[Any, _Subject, Diagnostics], None]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_key,
    "type": _type,
    "enum": _choice,
    "minItems": _empty,
    "minProperties": _empty,
    "minLength": _empty,
}

_OF_KEYS = (_unknown_keys, _missing_key)
