"""Jinja2, sandboxed and strict: the only place that knows it. It renders the same on every machine."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import StrictUndefined, TemplateError, TemplateRuntimeError, Undefined, meta, nodes
from msgspec import Struct

from ramify.compile.bounds import BoundedEnvironment, rendered
from ramify.compile.references import BadTemplateError, Plain, Reference, as_text
from ramify.compile.sealed import Sealed
from ramify.model.diagnostics import did_you_mean

_OURS = "ramify."


class _NotThere(StrictUndefined):
    """A name that leads nowhere: its message has a second line with the closest names that do."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        holder = self._undefined_obj
        if self._undefined_hint or not isinstance(self._undefined_name, str):
            return super()._undefined_message
        return f'"{self._undefined_name}" is not defined\n{_close_to(self._undefined_name, holder)}'


def _close_to(name: str, holder: Any) -> str:
    if isinstance(holder, dict):
        return did_you_mean(name, map(str, holder))
    if type(holder).__module__.startswith(_OURS):
        return did_you_mean(name, (word for word in dir(holder) if not word.startswith("_")))
    return ""


class _Environment(BoundedEnvironment):
    """Keys of a mapping come before its methods: `vars.items` is a variable that is called so."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _finalize(value: Any) -> Any:
    """What an expression gave, as text: refused is what has none, or one that differs from run to run."""
    if isinstance(value, Undefined | Sealed):
        return value  # making text of it says what is missing, or what cannot be told
    text = as_text(value)
    if text is not None:
        return text
    if value is None:
        raise TemplateRuntimeError('an expression gives none\nGive it another: `| default("-", true)`.')
    raise TemplateRuntimeError(
        f"an expression gives a {type(value).__name__}, not text\n"
        'Ask for one of its attributes, or use a filter such as `join(" ")` or `tojson`.'
    )


def _environment() -> _Environment:
    made = _Environment(undefined=_NotThere, finalize=_finalize, keep_trailing_newline=True, autoescape=False)
    # No chance: the same bundle gives the same values everywhere.
    del made.filters["random"], made.globals["lipsum"]
    return made


_ENVIRONMENT = _environment()


@lru_cache(maxsize=65536)
def _compiled(text: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(text)


def render(text: str, context: dict[str, Any]) -> str:
    """The value of a template.

    Raises:
        BadTemplateError: an undefined name, or anything else that the expression does wrong.
    """
    try:
        template = _compiled(text)
        return rendered(template.root_render_func(template.new_context(context)))
    except BadTemplateError:
        raise
    except TemplateError as error:
        raise _bad(error) from error
    except Exception as error:
        # Whatever an expression does (1/0, "a" + 1) is the template's problem, not ours.
        raise BadTemplateError(f"{type(error).__name__}: {error}") from error


def _bad(error: TemplateError) -> BadTemplateError:
    message, _, hint = (error.message or str(error)).partition("\n")
    return BadTemplateError(message, hint)


@lru_cache(maxsize=65536)
def render_values(text: str, references: tuple[Reference, ...], values: tuple[Plain, ...]) -> str:
    """The value of a template that reads nothing but these references.

    Raises:
        BadTemplateError: as `render` does.
    """
    context: dict[str, Any] = {}
    for reference, value in zip(references, values, strict=True):
        holder = context
        for step in reference[:-1]:
            holder = holder.setdefault(step, {})
        holder[reference[-1]] = value
    return render(text, context)


class Examined(Struct, frozen=True):
    """The names that a template uses, whether it reads the host of a node, and what its value depends on."""

    names: frozenset[str]
    reads_host: bool
    reads: tuple[Reference, ...] | None


def examine(text: str) -> Examined:
    """Look into a template without rendering it.

    Raises:
        BadTemplateError: a syntax error.
    """
    try:
        tree = _ENVIRONMENT.parse(text)
        names = frozenset(meta.find_undeclared_variables(tree))
        _compiled(text)
    except TemplateError as error:
        raise _bad(error) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        # The parser of Jinja2 calls itself, and Python's has bounds of its own.
        raise BadTemplateError("it is nested too deep") from error
    hosts = map(_reads_host, tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test)))
    return Examined(names, any(hosts), _reads(tree, names))


# What reads a host.


def _reads_host(found: nodes.Node) -> bool:
    if isinstance(found, nodes.Getattr | nodes.Getitem):
        return _step(found) == "host" and not _below_vars(found.node)
    # `map(attribute="host.address")` and its like: text that names an attribute.
    return any("host" in word.replace(",", ".").split(".") for word in _words(found))


def _step(found: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(found, nodes.Getattr):
        return found.attr
    value = found.arg.value if isinstance(found.arg, nodes.Const) else None
    return value if isinstance(value, str) else None


def _below_vars(found: nodes.Node) -> bool:
    while isinstance(found, nodes.Getattr | nodes.Getitem):
        if _step(found) == "vars":
            return True
        found = found.node
    return isinstance(found, nodes.Name) and found.name == "vars"


def _words(found: nodes.Node) -> Iterator[str]:
    return (const.value for const in found.find_all(nodes.Const) if isinstance(const.value, str))


# What a value depends on.


def _reads(tree: nodes.Template, names: frozenset[str]) -> tuple[Reference, ...] | None:
    """All references, when the names are used for nothing else, and none is the beginning of another."""
    found: set[Reference] = set()
    if not _collect(tree, names, found):
        return None
    if any(longer[: len(shorter)] == shorter for shorter in found for longer in found if longer != shorter):
        return None
    return tuple(sorted(found))


def _collect(node: nodes.Node, names: frozenset[str], found: set[Reference]) -> bool:
    """Add the references in a part of a template; whether there is no other use of a name in it."""
    if isinstance(node, nodes.Name):
        return node.name not in names
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # What is called is a method of the value: `node.name.upper()` reads `node.name`.
        inside: Iterable[nodes.Node] = (node.node.node, *node.args, *node.kwargs)
        return node.dyn_args is None and node.dyn_kwargs is None and _collect_all(inside, names, found)
    reference = _reference(node)
    if reference and reference[0] in names:
        found.add(reference)
        return len(reference) > 1
    return _collect_all(node.iter_child_nodes(), names, found)


def _collect_all(inside: Iterable[nodes.Node], names: frozenset[str], found: set[Reference]) -> bool:
    return all(_collect(node, names, found) for node in inside)


def _reference(node: nodes.Node) -> Reference:
    steps: list[str] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        step = _step(node)
        if step is None:
            return ()
        steps.append(step)
        node = node.node
    return (node.name, *reversed(steps)) if isinstance(node, nodes.Name) else ()
