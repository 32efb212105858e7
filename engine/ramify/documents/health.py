"""The health check of a component: which one it is, and how patient."""

import re
from collections.abc import Callable
from typing import Any

from ramify.documents.node import Node
from ramify.model.component import Health
from ramify.model.diagnostics import Diagnostics, Origin

_KINDS = ("exec", "http", "tcp")
_TIMES = ("interval", "timeout", "retries", "start_period")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})\Z")

Argv = Callable[[Node, str, Diagnostics], tuple[str, ...] | None]


def health(node: Node, origin: Origin, argv: Argv, found: Diagnostics) -> Health | None:
    """Read the mapping; `argv` reads a command."""
    kinds = [kind for kind in _KINDS if kind in node]
    if len(kinds) != 1:
        what = " and ".join(kinds) or "no check"
        found.error("bad-value", f'"health" has {what}', "Give one of exec, http and tcp.", origin)
        return None
    kind: Any = kinds[0]
    told: dict[str, Any] = {name: node[name].value for name in _TIMES if name in node}
    if kind == "exec":
        return Health(kind=kind, argv=argv(node, kind, found), **told)
    wire = node[kind]
    told["port"] = _port(wire["port"], found)
    if "host" in wire:
        told["host"] = _variable(wire["host"].written)
    if "path" in wire:
        told["path"] = wire["path"].text
    return Health(kind=kind, **told)


def _variable(written: str) -> str:
    """`${NAME}` as `$NAME`."""
    return "$" + written[2:-1] if written.startswith("${") and written.endswith("}") else written


def _port(node: Node, found: Diagnostics) -> str:
    written = node.written
    if _VARIABLE.match(written):
        return _variable(written)
    if not (written.isascii() and written.isdigit() and 0 < int(written) < 65536):
        way_out = "Write a number from 1 to 65535, or $NAME for a variable of the service's `env:`."
        found.error("bad-value", f'"{written[:40]}" is not a port', way_out, node.origin)
    return written
