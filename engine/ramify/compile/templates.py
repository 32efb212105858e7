"""Values as templates: Jinja2, sandboxed and strict, over node, parent, children, host, vars and facts."""

from enum import IntEnum
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

NAMES = frozenset({"node", "parent", "children", "host", "vars", "facts"})
HOST_NAMES = frozenset({"index", "name"})

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
)
_MARKS = ("{{", "{%", "{#")


class Reach(IntEnum):
    """What a template's value depends on; the further, the later it is known."""

    CONSTANT = 0
    SCOPE = 1
    NODE = 2
    PLACEMENT = 3
    FACTS = 4


class BadTemplateError(Exception):
    """A template that cannot be compiled or rendered; the sentence says why."""


class Template(Struct, frozen=True, eq=False):
    """A template compiled: which names it uses, and how far it reaches."""

    text: str
    reach: Reach
    names: frozenset[str]
    compiled: Any = None

    def render(self, context: dict[str, Any]) -> str:
        """The value as text.

        Raises:
            BadTemplateError: an undefined name, or anything else that the expression does wrong.
        """
        if self.compiled is None:
            return self.text
        try:
            return str(self.compiled.render(context))
        except TemplateError as error:
            raise BadTemplateError(str(error)) from error
        except Exception as error:
            # Whatever an expression does (1/0, "a" + 1) is the template's problem, not ours.
            raise BadTemplateError(f"{type(error).__name__}: {error}") from error


@lru_cache(maxsize=65536)
def parse(text: str) -> Template:
    """Compile a template.

    Raises:
        BadTemplateError: a syntax error.
    """
    if not any(mark in text for mark in _MARKS):
        return Template(text, Reach.CONSTANT, frozenset())
    try:
        tree = _ENVIRONMENT.parse(text)
        names = frozenset(meta.find_undeclared_variables(tree))
        return Template(text, _reach(tree, names), names, _ENVIRONMENT.from_string(text))
    except TemplateError as error:
        raise BadTemplateError(str(error)) from error


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Template:
    """Compile a bare expression so that it renders "True" or "False".

    Raises:
        BadTemplateError: a syntax error.
    """
    return parse("{{ true if (" + text + ") else false }}")


def _reach(tree: nodes.Template, names: frozenset[str]) -> Reach:
    if "facts" in names:
        return Reach.FACTS
    if "host" in names or any(_reads_host(found) for found in tree.find_all((nodes.Getattr, nodes.Getitem))):
        return Reach.PLACEMENT
    if names - {"vars"}:
        return Reach.NODE
    return Reach.SCOPE


def _reads_host(found: nodes.Node) -> bool:
    if isinstance(found, nodes.Getattr):
        return found.attr == "host"
    return (
        isinstance(found, nodes.Getitem) and isinstance(found.arg, nodes.Const) and found.arg.value == "host"
    )
