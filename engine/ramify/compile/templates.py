"""Values as templates over node, parent, children, host, vars and facts.

Plain references such as `{{ node.name }}` are most of what people write: they are looked up here, which
costs a tenth of a Jinja2 render. Everything else is Jinja2's (`expressions`), loaded when first needed, and
rendered once for equal values of what it reads. All three ways give the same text.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import Any

from msgspec import Struct

from ramify.compile.references import Plain, Reference, UnknownNameError, as_text
from ramify.model.diagnostics import did_you_mean

NAMES = frozenset({"node", "parent", "children", "host", "vars", "facts", "secrets"})
"""What the templates of configuration documents may use."""

SECRETS = "secrets"

HOST_NAMES = frozenset({"index", "name"})
"""What the settings of a host may use."""

PLACE_NAMES = frozenset({"node", "parent", "vars"})
"""What a placement may use."""

_ALL_NAMES = "|".join(sorted(NAMES | HOST_NAMES))
_STEPS = r"(?:\.[A-Za-z][A-Za-z0-9_]*)*"
_REFERENCE = re.compile(r"\{\{[ \t]*((?:" + _ALL_NAMES + ")" + _STEPS + r")[ \t]*\}\}", re.ASCII)
_MARKS = ("{{", "{%", "{#")

Part = str | Reference
"""Text as it stands, or a reference."""

_MISSING = object()


class Reach(IntEnum):
    """What a template's value depends on; the further, the later it is known."""

    CONSTANT = 0
    SCOPE = 1
    NODE = 2
    PLACEMENT = 3
    FACTS = 4


class Template(Struct, frozen=True, eq=False):
    """A template: which names it uses, and how far it reaches.

    `parts` are what it is made of when there are only plain references in it; else `reads` are the
    references that decide its value, None when those cannot be told.
    """

    text: str
    reach: Reach
    names: frozenset[str] = frozenset()
    parts: tuple[Part, ...] | None = None
    reads: tuple[Reference, ...] | None = None

    def render(self, context: dict[str, Any]) -> str:
        """The value as text.

        Raises:
            BadTemplateError: an undefined name, or anything else that the expression does wrong.
        """
        if self.reach is Reach.CONSTANT:
            return self.text
        found = None if self.parts is None else _joined(self.parts, context)
        if found is not None:
            return found
        from ramify.compile import expressions  # noqa: PLC0415 - Jinja2 costs 30 ms: only for those who use it

        values = None if self.reads is None else _values(self.reads, context)
        if values is not None and self.reads is not None:
            return expressions.render_values(self.text, self.reads, values)
        return expressions.render(self.text, context)


def _joined(parts: tuple[Part, ...], context: dict[str, Any]) -> str | None:
    """The text of plain references; None when one leads nowhere, or to what is not simply text."""
    words = []
    for part in parts:
        text = part if isinstance(part, str) else as_text(look_up(part, context))
        if text is None:
            return None
        words.append(text)
    return "".join(words)


def _values(references: tuple[Reference, ...], context: dict[str, Any]) -> tuple[Plain, ...] | None:
    """What references lead to; None when it is not for each a text, a whole number or none.

    Other values may be equal and yet have different texts, such as 1 and true.
    """
    values = tuple([look_up(reference, context) for reference in references])
    known = all(value is None or value.__class__ is str or value.__class__ is int for value in values)
    return values if known else None


def references(template: Template) -> tuple[Reference, ...]:
    """What a template's value is made of, as far as that can be told."""
    plain = dict.fromkeys(part for part in template.parts or () if isinstance(part, tuple))
    return tuple(plain) or template.reads or ()


def missing(template: Template, context: dict[str, Any]) -> list[Reference]:
    """The plain references of a template that lead nowhere; what needs facts is left out."""
    return [
        part
        for part in template.parts or ()
        if isinstance(part, tuple) and part[0] != "facts" and look_up(part, context) is _MISSING
    ]


def look_up(reference: Reference, context: dict[str, Any]) -> Any:
    """What a reference leads to; a value without a text when it leads nowhere."""
    value: Any = context
    for step in reference:
        value = value.get(step, _MISSING) if value.__class__ is dict else getattr(value, step, _MISSING)
    return value


@lru_cache(maxsize=65536)
def parse(text: str, known: frozenset[str] = NAMES) -> Template:
    """Read a template that may use some names.

    Raises:
        UnknownNameError: it uses another one.
        BadTemplateError: a syntax error.
    """
    if not any(mark in text for mark in _MARKS):
        return Template(text, Reach.CONSTANT)
    template = _parse(text)
    unknown = sorted(template.names - known)
    if unknown:
        raise UnknownNameError(f'"{unknown[0]}" is not defined', did_you_mean(unknown[0], known))
    return template


def _parse(text: str) -> Template:
    parts = _plain_parts(text)
    if parts is None:
        from ramify.compile import expressions  # noqa: PLC0415 - Jinja2 costs 30 ms: only for those who use it

        found = expressions.examine(text)
        return Template(text, _reach(found.names, placed=found.reads_host), found.names, None, found.reads)
    references = [part for part in parts if isinstance(part, tuple)]
    names = frozenset(part[0] for part in references)
    placed = any(_reads_host(reference) for reference in references)
    return Template(text, _reach(names, placed=placed), names, parts)


def parse_condition(text: str) -> Template:
    """Read a bare expression, over what is known while compiling, so that it renders "true" or "false".

    Raises:
        UnknownNameError: it uses a name that is not there.
        BadTemplateError: a syntax error.
    """
    return parse("{{ true if (" + text + ") else false }}", NAMES - {"facts", SECRETS})


def _plain_parts(text: str) -> tuple[Part, ...] | None:
    """Text and references in turn; None when there is more to the template."""
    pieces = _REFERENCE.split(text)
    literals = pieces[::2]
    # Jinja2 makes one kind of line end of all; three braces in a row are no reference.
    if "\r" in text or any(mark in word for mark in _MARKS for word in literals):
        return None
    if any(word.endswith("{") for word in literals[:-1]):
        return None
    parts = [piece if at % 2 == 0 else tuple(piece.split(".")) for at, piece in enumerate(pieces)]
    return tuple(part for part in parts if part)


def _reads_host(reference: Reference) -> bool:
    """Whether a reference leads over a node's host; below `vars` it is a word like any other."""
    before_vars = reference[: reference.index("vars")] if "vars" in reference else reference
    return "host" in before_vars


def _reach(names: frozenset[str], *, placed: bool) -> Reach:
    if "facts" in names:
        return Reach.FACTS
    if placed or "host" in names or SECRETS in names:  # a secret may change, and the node stays what it is
        return Reach.PLACEMENT
    if names - {"vars"}:
        return Reach.NODE
    return Reach.SCOPE
