"""One value of a YAML file that holds secrets: what is wrong with such a file is told without its words."""

from collections.abc import Sequence

from ramify.documents.vaulted import Vaulted
from ramify.documents.yaml import parse
from ramify.model.diagnostics import Diagnostics
from ramify.model.vaulted import name_in


class NoValueError(Exception):
    """There is no such value; the message says why, and nothing of what the file says."""


def value_at(text: str, keys: Sequence[str]) -> tuple[str, bool]:
    """The value that keys lead to, and whether it stands there encrypted.

    Raises:
        NoValueError: they lead to none.
    """
    found, vaulted = Diagnostics(), Vaulted()
    node = parse(text, "", found, vaulted=vaulted)
    wrong = next(iter(found), None)
    if node is None or wrong is not None:
        line = wrong.origin.line if wrong and wrong.origin else 1
        code = wrong.code if wrong else "syntax"
        raise NoValueError(f"line {line} of what is in it is no YAML that is read here ({code})")
    for at, key in enumerate(keys):
        if key not in node:
            raise NoValueError(f'it has no key "{".".join(keys[: at + 1])}"')
        node = node[key]
    if not node.is_scalar:
        raise NoValueError(f'"{".".join(keys)}" is a list or a mapping')
    sealed = vaulted.values.get(name_in(node.value))
    return (sealed.text, True) if sealed else (node.written, False)
