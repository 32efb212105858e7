"""Where the values of secrets are read: the part of `ramify.yml` that declares them."""

import re

from msgspec import Struct

from ramify.documents.node import Node
from ramify.model.diagnostics import Diagnostics, Origin

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")


class SecretSource(Struct, frozen=True):
    """One of the three: a file (its path counts from the project's folder), a variable, or a command."""

    origin: Origin
    file: str = ""
    env: str = ""
    command: tuple[str, ...] = ()


def read(node: Node, found: Diagnostics) -> dict[str, SecretSource]:
    """The sources of all secrets, by their names."""
    return {name: _source((name, node.key(name)), said, found) for name, said in node.items()}


def _source(label: tuple[str, Origin], said: Node, found: Diagnostics) -> SecretSource:
    name, origin = label
    if not _NAME.match(name):
        way_out = "It has letters, digits and `_`, begins with a letter, and is no longer than 64."
        found.error("bad-name", f'"{name[:80]}" cannot be the name of a secret', way_out, origin)
    if len([*said.items()]) != 1:
        way_out = "Say `file: PATH`, `env: VARIABLE` or `command: [PROGRAM, ARGUMENT]`."
        found.error("bad-value", f'secret "{name[:80]}" wants one source', way_out, origin)
    command = tuple(one.written for one in said["command"].elements)
    if "command" in said and not command:
        found.error("bad-value", f'the command of secret "{name[:80]}" is empty', "Name a program.", origin)
    return SecretSource(origin, said["file"].text, said["env"].text, command)
