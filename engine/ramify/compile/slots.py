"""Slots: the places for values that configuration documents fill."""

import re
from typing import Any

from msgspec import Struct

from ramify.compile.problems import Problem
from ramify.compile.references import BadTemplateError
from ramify.compile.templates import SECRETS, Template
from ramify.model.component import Parameter
from ramify.model.diagnostics import Origin

_TYPES: dict[str, re.Pattern[str]] = {
    "boolean": re.compile(r"true|false"),
    "integer": re.compile(r"[-+]?[0-9]+"),
    "number": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
}


class Slot(Struct, frozen=True, eq=False):
    """One value to render: what it is called, its template, everything that was written about it."""

    kind: str
    name: str
    template: Template
    origins: tuple[Origin, ...]
    mode: int = 0o600
    parameter: Parameter = Parameter()


class UnusableValueError(Exception):
    """A value that cannot be rendered, or is not what the component takes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def render(slot: Slot, context: dict[str, Any]) -> str:
    """A slot's value.

    Raises:
        UnusableValueError: a problem, at the place where the winning value was written.
    """
    origin = slot.origins[-1]
    try:
        text = slot.template.render(context)
    except BadTemplateError as error:
        problem = Problem("undefined", f'value of "{slot.name}": {error}', error.hint, origin)
        raise UnusableValueError(problem) from error
    pattern = _TYPES.get(slot.parameter.type)
    # Of a secret there is a mark only, as long as nobody needs more.
    if pattern is not None and SECRETS not in slot.template.names and not pattern.fullmatch(text):
        # Said of the template, not of each node's value: one cause is told once.
        what = f'"{slot.name}" takes a value of type {slot.parameter.type}, got "{slot.template.text[:80]}"'
        raise UnusableValueError(Problem("wrong-type", what, slot.parameter.description, origin))
    return text
