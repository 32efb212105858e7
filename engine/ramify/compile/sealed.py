"""Variables that stand encrypted in the hierarchy: configuration documents may hand them on, no more.

`{{ vars.NAME }}` in a value becomes `{{ secrets... }}` as soon as it is known which variable it leads to:
from there on it is a secret like any other.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from ramify.compile import templates
from ramify.compile.references import BadTemplateError, Reference
from ramify.compile.templates import Part, Template
from ramify.model.vaulted import name_in, reference

SHOWN = "(secret)"
_OWN = ("node", "vars")


class Sealed:
    """Such a variable's value in a scope: nobody can make anything of it, not even a text or a comparison."""

    __slots__ = ("_reference",)  # templates reach no name that begins so

    def __init__(self, name: str) -> None:
        self._reference = reference(name)

    def _refuse(self, *_: object) -> NoReturn:
        raise BadTemplateError(
            "a variable that is encrypted stands in an expression",
            "Only `{{ vars.NAME }}` by itself hands it on, in a variable or a file of a configuration.",
        )

    __str__ = __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = _refuse
    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __add__ = __radd__ = __mod__ = _refuse
    __hash__ = object.__hash__


def handed_on(template: Template, values: Mapping[str, Any]) -> Template:
    """A template in a scope: references that lead to encrypted variables are secrets."""
    if template.parts is None or not template.names & {"vars", "node"}:
        return template
    parts = tuple(_handed_on(part, values) for part in template.parts)
    return template if parts == template.parts else templates.parse("".join(map(_text, parts)))


def _handed_on(part: Part, values: Mapping[str, Any]) -> Part:
    if isinstance(part, str):
        return part
    steps = part[1:] if part[:2] == _OWN else part
    found = templates.look_up(steps, {"vars": values}) if steps[0] == "vars" else None
    return found._reference if isinstance(found, Sealed) else part  # noqa: SLF001 - of this module


def _text(part: str | Reference) -> str:
    return part if isinstance(part, str) else "{{ " + ".".join(part) + " }}"


def shown(value: Any) -> Any:
    """A variable as people may see it."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return SHOWN if isinstance(value, Sealed) or name_in(value) else value
