"""Component manifests: how the code in a folder is installed, started and controlled."""

import shlex
from typing import Any, Literal

from ramify.documents.health import health
from ramify.documents.manifest import Argv, Manifest
from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.documents.settings import check_env_name
from ramify.model.component import Control, Parameter, Stop
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.paths import valid_name

# The signals that every Unix has; a number or a platform's own could mean another thing on the host.
SIGNALS = frozenset(
    {
        "ABRT",
        "ALRM",
        "BUS",
        "CHLD",
        "CONT",
        "FPE",
        "HUP",
        "ILL",
        "INT",
        "KILL",
        "PIPE",
        "PROF",
        "QUIT",
        "SEGV",
    }
    | {"STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH"}
    | {"XCPU", "XFSZ"}
)
_SINGLE = "service"


def read(text: str | bytes, file: str) -> tuple[Manifest | None, Diagnostics]:
    """Read a component manifest."""
    return read_yaml(text, file, "component", _build)


def _build(root: Node, found: Diagnostics) -> Manifest:
    start, start_from = _start(root, found)
    return Manifest(
        origin=root.origin,
        name=_said(root, "name"),
        description=_said(root, "description"),
        extends=_said(root, "extends"),
        role=_said(root, "role"),
        parameters={name: _parameter(name, root["parameters"], found) for name in root["parameters"]},
        install=_argv(root, "install", found),
        install_timeout=_said(root, "install_timeout"),
        uninstall=_argv(root, "uninstall", found),
        start=start,
        start_from=start_from,
        stop=_stop(root["stop"], found) if "stop" in root else None,
        activate=_control(root, "activate", found),
        deactivate=_control(root, "deactivate", found),
        reload=_control(root, "reload", found),
        grace=_said(root, "grace"),
        health=health(root["health"], root.key("health"), _argv, found) if "health" in root else None,
        origins={key: root.key(key) for key in root},
    )


def _said(node: Node, key: str) -> Any:
    return node[key].value


def _argv(parent: Node, key: str, found: Diagnostics) -> Argv | None:
    """A command: a list of words, or a line that is split as a shell would."""
    node = parent[key]
    if isinstance(node.value, list):
        words = tuple(item.written for item in node.elements)
    elif isinstance(node.value, str):
        words = _split(node, found)
    else:
        return None
    if any("\0" in word for word in words):
        found.error("bad-command", "no process can be given a NUL character", "Remove it.", node.origin)
    elif words and not words[0]:
        found.error("bad-command", f'"{key}" begins with an empty word', "Name a program first.", node.origin)
    return words


def _split(node: Node, found: Diagnostics) -> Argv:
    try:
        words = tuple(shlex.split(node.text))
    except ValueError as error:
        found.error(
            "bad-command", f"cannot split the command: {error}".lower(), "Write it as a list.", node.origin
        )
        return ()
    if not words and node.text:
        found.error("bad-command", "the command is empty", "Name a program.", node.origin)
    return words


def _start(
    root: Node, found: Diagnostics
) -> tuple[dict[str, Argv] | None, Literal["manifest", "installer", "format"] | None]:
    node = root["start"]
    if not isinstance(node.value, dict):
        argv = _argv(root, "start", found)
        return (None, None) if argv is None else ({_SINGLE: argv}, "manifest")
    if "from" in node:
        return None, _start_from(node, found)
    for name in node:
        if not valid_name(name):
            found.error("bad-name", f'"{name}" cannot be the name of a process', "", node.key(name))
    return {name: _argv(node, name, found) or () for name in node}, "manifest"


def _start_from(node: Node, found: Diagnostics) -> Literal["installer", "format"]:
    said = node["from"].text
    if said not in {"installer", "format"}:
        summary = f'a service starts from its installer or its format, not from "{said}"'
        found.error("bad-value", summary, "Write {from: installer} or {from: format}.", node["from"].origin)
    for name in node:
        if name != "from":
            found.error(
                "unknown-key", f'"{name}" beside "from"', "Give processes, or `from`.", node.key(name)
            )
    return "format" if said == "format" else "installer"


def _stop(node: Node, found: Diagnostics) -> Stop:
    timeout = node["timeout"].value
    return Stop(
        signal=_signal(node["signal"], found) or Stop().signal,
        timeout=timeout if isinstance(timeout, int | float) else Stop().timeout,
    )


def _signal(node: Node, found: Diagnostics) -> str | None:
    name = node.text.upper().removeprefix("SIG")
    if node.text and name not in SIGNALS:
        found.error(
            "bad-signal", f'no portable signal "{node.text[:40]}"', did_you_mean(name, SIGNALS), node.origin
        )
    return name or None


def _control(root: Node, key: str, found: Diagnostics) -> Control | None:
    node = root[key]
    if not isinstance(node.value, dict):
        return None
    if ("signal" in node) == ("command" in node):
        how = "both a signal and a command" if "signal" in node else "neither a signal nor a command"
        found.error("bad-value", f'"{key}" has {how}', "Give one of them.", root.key(key))
    return Control(signal=_signal(node["signal"], found), argv=_argv(node, "command", found))


def _parameter(name: str, parameters: Node, found: Diagnostics) -> Parameter:
    node = parameters[name]
    kind: Any = node["type"].text or "string"  # one of four, says the schema
    check_env_name(name, parameters.key(name), found)
    default = node["default"]
    if "default" in node and default.is_scalar and not _fits(default, kind):
        found.error(
            "wrong-type", f'default "{default.written[:40]}" is not of type {kind}', "", default.origin
        )
    return Parameter(
        type=kind,
        default=default.written if "default" in node else None,
        required=node["required"].value is True,
        description=node["description"].text,
    )


def _fits(node: Node, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(node.value, bool) or node.text in {"true", "false"}
    if kind == "string" or kind not in {"integer", "number"} or "{{" in node.text:
        return True
    try:
        (int if kind == "integer" else float)(node.written)
    except ValueError:
        return False
    return not isinstance(node.value, bool)
