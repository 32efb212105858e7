"""Where the values of secrets are read: the part of `ramify.yml` that declares them."""

import re

from msgspec import Struct

from ramify.documents.node import Node
from ramify.model.diagnostics import Diagnostics, Origin

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_PLAIN = "Say `file: PATH`, `env: VARIABLE` or `command: [PROGRAM, ARGUMENT]`."
_SOURCES = _PLAIN.replace(" or ", ", ").replace("]`.", "]`, or `vault: PATH`, maybe with a `key:` in it.")
_VAULT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}\Z")


class SecretSource(Struct, frozen=True):
    """One of a file (its path counts from the project's folder), a variable, a command, or a vault.

    A `vault` is a file that ansible-vault has encrypted, as a whole or in parts; `key` are the steps to a
    value in it. The passwords of vaults have sources, too.
    """

    origin: Origin
    file: str = ""
    env: str = ""
    command: tuple[str, ...] = ()
    vault: str = ""
    key: tuple[str, ...] = ()


def read(node: Node, found: Diagnostics) -> dict[str, SecretSource]:
    """The sources of all secrets, by their names."""
    for name in node:
        if not _NAME.match(name):
            way_out = "It has letters, digits and `_`, begins with a letter, and is no longer than 64."
            found.error("bad-name", f'"{name[:80]}" cannot be the name of a secret', way_out, node.key(name))
    return {name: _source(f'secret "{name[:80]}"', (node, name), found, _SOURCES) for name in node}


def passwords(node: Node, found: Diagnostics) -> dict[str, SecretSource]:
    """The sources of the passwords of ansible-vault, by their vault ids."""
    for name in node:
        if not _VAULT_ID.match(name):
            way_out = "It is what `--vault-id ID@FILE` was given; `default` where none was."
            found.error("bad-name", f'"{name[:80]}" cannot be a vault id', way_out, node.key(name))
    what = 'the password of vault id "{}"'
    return {name: _source(what.format(name[:80]), (node, name), found, _PLAIN) for name in node}


def _source(what: str, place: tuple[Node, str], found: Diagnostics, way_out: str) -> SecretSource:
    node, name = place
    said, origin = node[name], node.key(name)
    if len(said.entries.keys() - {"key"}) != 1 or ("key" in said and "vault" not in said):
        found.error("bad-value", f"{what} wants one source", way_out, origin)
    command = tuple(one.written for one in said["command"].elements)
    if "command" in said and not command:
        found.error("bad-value", f"the command of {what} is empty", "Name a program.", origin)
    keys = said["key"].elements or ([said["key"]] if "key" in said else [])
    return SecretSource(
        origin,
        said["file"].text,
        said["env"].text,
        command,
        said["vault"].text,
        tuple(one.written for one in keys),
    )
