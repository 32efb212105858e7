"""Bounds on what a template may compute: whoever wrote it, compiling ends, and in little memory.

Jinja2's sandbox bounds `range()` alone. Here loops are counted, numbers and texts have a largest size, and
output is measured as it comes. All of it is the same on every machine: no clock is asked.
"""

import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from jinja2 import TemplateRuntimeError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS = 200_000
"""Times that the loops of a template go round, all together."""

MAX_TEXT = 4 << 20
"""Characters of a text, items of a list, and of what a template gives."""

MAX_BITS = 4096
MAX_WIDTH = 100_000
"""The largest number that a text is padded to, or cut into."""

_WIDTH = re.compile(r"\d{6,}|\*")
_PADS = ("center", "indent", "wordwrap", "batch", "slice", "round")
_COUNTED = "ramify_counted"
_JOINED = "ramify_joined"

_steps: ContextVar[int] = ContextVar("steps", default=0)


def _refuse(what: str) -> TemplateRuntimeError:
    return TemplateRuntimeError(f"it computes too much: {what}\nCompute it elsewhere, and write the result.")


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox whose templates end."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters[_COUNTED] = _counted
        self.filters[_JOINED] = _joined
        for name in _PADS:
            self.filters[name] = _padding(self.filters[name])
        self.filters["format"] = _formatting(self.filters["format"])

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        # Here, and not when parsing: whoever examines a template sees what was written.
        for loop in source.find_all(nodes.For):
            loop.iter = _filtered(loop.iter, _COUNTED, loop.lineno)
        return super()._generate(_without_joins(source), *args, **options)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """An operation whose result has a bound."""
        _check(operator, left, right)
        result = super().call_binop(context, operator, left, right)
        return _bounded(result)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063
        """A call whose numbers are no widths without end."""
        holder = getattr(__obj, "__self__", None)
        if isinstance(holder, str):
            _check_width((*args, *kwargs.values()))
            if getattr(__obj, "__name__", "") in {"format", "format_map"}:
                _check_format(holder)
        return _bounded(super().call(__context, __obj, *args, **kwargs))


def rendered(pieces: Iterable[str]) -> str:
    """What a template gives, piece by piece; its loops are counted from here on.

    Raises:
        TemplateRuntimeError: it goes beyond a bound.
    """
    begun = _steps.set(0)
    try:
        return "".join(_measured(pieces))
    finally:
        _steps.reset(begun)


def _measured(pieces: Iterable[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TEXT:
            raise _refuse(f"more than {MAX_TEXT:,} characters")
        yield piece


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        steps = _steps.get() + 1
        if steps > MAX_STEPS:
            raise _refuse(f"loops that go round more than {MAX_STEPS:,} times")
        _steps.set(steps)
        yield item


def _joined(items: list[Any]) -> Any:
    return _bounded("".join(map(str, items)))


def _filtered(node: nodes.Node, name: str, line: int) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=line)


def _without_joins(tree: nodes.Template) -> nodes.Template:
    """`a ~ b` is no operation that the sandbox can watch: a filter does it."""

    def replaced(node: Any) -> Any:
        if isinstance(node, nodes.Concat):
            parts = nodes.List([replaced(one) for one in node.nodes], lineno=node.lineno)
            return _filtered(parts, _JOINED, node.lineno)
        for field, value in node.iter_fields():
            if isinstance(value, nodes.Node):
                setattr(node, field, replaced(value))
            elif isinstance(value, list):
                setattr(node, field, [replaced(one) if isinstance(one, nodes.Node) else one for one in value])
        return node

    made: nodes.Template = replaced(tree)
    if tree.environment is not None:
        made.set_environment(tree.environment)
    return made


def _check(operator: str, left: Any, right: Any) -> None:
    """Refuse what would take long before there is a result to look at."""
    if operator == "%":
        _check_format(left)
    elif isinstance(left, int) and isinstance(right, int):
        if operator == "**" and abs(left) > 1 and right * abs(left).bit_length() > MAX_BITS:
            raise _refuse("a power of thousands of bits")
    elif operator == "*" and _repeated(left, right) > MAX_TEXT:
        raise _refuse("a text that is repeated without end")


def _repeated(left: Any, right: Any) -> int:
    """How long a repetition gets; 0 for what is none."""
    if isinstance(left, int):
        left, right = right, left
    sequence = isinstance(left, str | list | tuple) and isinstance(right, int)
    return len(left) * right if sequence else 0


def _check_format(text: Any) -> None:
    if isinstance(text, str) and _WIDTH.search(text):
        raise _refuse("a text that is padded without end")


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise _refuse("a number of thousands of bits")
    if isinstance(value, str | list | tuple) and len(value) > MAX_TEXT:
        raise _refuse(f"more than {MAX_TEXT:,} characters or items")
    return value


def _check_width(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and abs(value) > MAX_WIDTH for value in values):
        raise _refuse(f"a width of more than {MAX_WIDTH:,}")


def _padding(plain: Any) -> Any:
    def padded(*args: Any, **kwargs: Any) -> Any:
        # The first is what is padded; it may well be a large number.
        _check_width((*args[1:], *kwargs.values()))
        return plain(*args, **kwargs)

    return _like(plain, padded)


def _formatting(plain: Any) -> Any:
    def formatted(text: str, *args: Any, **kwargs: Any) -> Any:
        _check_format(text)
        return plain(text, *args, **kwargs)

    return _like(plain, formatted)


def _like(plain: Any, made: Any) -> Any:
    """Filters that want the environment say so in an attribute."""
    made.__dict__.update(plain.__dict__)
    return made
