"""Orders: what a node shall become, checked field by field, and turned into argv, env and files."""

from __future__ import annotations

import os
import sys

from ramify.stub import layout, packs
from ramify.stub.wire import MALFORMED, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    Order = Dict[str, Any]
    Check = Callable[[Any, str], Any]

# Variables of the host's session that installers and services see; the rest of it is nobody's business.
_KEPT = ("PATH", "HOME", "LANG", "USER", "LOGNAME", "SHELL")
_PLACES = ("code", "config", "data", "run", "log", "python", "node")
_START_FROM = ("manifest", "installer", "format")
_CONTROLS = ("activate", "deactivate", "reload")
_SIGNALS = ("HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "KILL", "CONT", "STOP", "TSTP", "WINCH", "ALRM")


def check(order: object, path: str) -> Order:
    """The order in full, every field there.

    Raises:
        StubError: a field is missing or of the wrong kind.
    """
    fields = as_object(order, "order")
    if layout.check_path(fields.get("path")) != path:
        raise StubError(MALFORMED, f"order.path is {fields['path']}, the command is for {path}")
    result: Order = {"path": path}
    for name in ("digest", "environment_digest", "service_digest", "binding"):
        result[name] = as_text(fields.get(name, ""), name)
    result["code"] = _code(fields.get("code"), "code")
    result["shared"] = _mapping(fields.get("shared") or {}, "shared", _artifact)
    for name in result["shared"]:
        if not name.isidentifier() or name in _PLACES:
            raise StubError(MALFORMED, f"order.shared: {layout.shorten(name)} cannot be a placeholder")
    result["secret"] = fields.get("secret") is True  # whether a configuration has secrets in it
    result["install"] = _install(fields.get("install"))
    result["uninstall"] = {
        "argv": _argv(as_object(fields.get("uninstall") or {}, "uninstall").get("argv"), "uninstall.argv")
    }
    result["service"] = _service(fields.get("service"))
    return result


def _install(value: object) -> Order:
    fields = as_object(value or {}, "install")
    return {
        "argv": _argv(fields.get("argv"), "install.argv"),
        "env": _mapping(fields.get("env") or {}, "install.env", as_text),
        "args": _texts(fields.get("args") or [], "install.args"),
        "files": _files(fields.get("files") or [], "install.files"),
        "timeout": as_seconds(fields.get("timeout", 600), "install.timeout"),
    }


def _service(value: object) -> Order:
    fields = as_object(value or {}, "service")
    stop = as_object(fields.get("stop") or {}, "service.stop")
    control = as_object(fields.get("control") or {}, "service.control")
    start = fields.get("start")
    if start is not None:
        start = _mapping(start, "service.start", as_argv)
        if not all(layout.is_word(name) for name in start):
            raise StubError(MALFORMED, "order.service.start: a process has a name that is none")
    start_from = fields.get("start_from", "manifest")
    if start_from not in _START_FROM:
        raise StubError(MALFORMED, f"order.service.start_from: one of {', '.join(_START_FROM)}")
    return {
        "start": start,
        "start_from": start_from,
        "stop": {
            "signal": _signal(stop.get("signal", "TERM"), "service.stop.signal"),
            "timeout": as_seconds(stop.get("timeout", 10), "service.stop.timeout"),
        },
        "control": {name: _control(control.get(name), name) for name in _CONTROLS},
        "env": _mapping(fields.get("env") or {}, "service.env", as_text),
        "args": _texts(fields.get("args") or [], "service.args"),
        "files": _files(fields.get("files") or [], "service.files"),
        "grace": as_seconds(fields.get("grace", 0.2), "service.grace"),
        "health": None if fields.get("health") is None else _health(fields["health"]),
    }


def _control(value: object, name: str) -> Optional[Order]:
    if value is None:
        return None
    fields = as_object(value, f"service.control.{name}")
    if fields.get("argv") is not None:
        return {"argv": as_argv(fields["argv"], f"service.control.{name}.argv")}
    return {"signal": _signal(fields.get("signal"), f"service.control.{name}.signal")}


def _health(value: object) -> Order:
    health: Any = __import__("ramify.stub.health", fromlist=["check"])  # only for those who have it
    result: Order = health.check(value)
    return result


def _code(value: object, name: str) -> Order:
    fields = as_object(value or {}, name)
    digest = fields.get("artifact")
    return {
        "artifact": None if digest is None else _artifact(digest, f"{name}.artifact"),
        "share": fields.get("share") is True,
    }


def _files(value: object, name: str) -> List[Order]:
    if not isinstance(value, list):
        raise wrong(name, "a list")
    return [_file(item, f"{name}[{index}]") for index, item in enumerate(value)]


def _file(value: object, name: str) -> Order:
    fields = as_object(value, name)
    if not packs.is_name(fields.get("name")):
        raise wrong(f"{name}.name", "a relative path that stays in its folder")
    mode = fields.get("mode", 0o600)
    if type(mode) is not int or not 0 <= mode <= 0o777:
        raise wrong(f"{name}.mode", "a number up to 0o777")
    content = "base64" if fields.get("base64") is not None else "content"
    file = {
        "name": fields["name"],
        "mode": mode,
        content: as_text(fields.get(content), f"{name}.{content}", nul=True),
    }
    data(file)
    return file


def data(file: Order) -> bytes:
    """The bytes of a configuration file."""
    if "content" in file:
        return str(file["content"]).encode("utf-8", "surrogatepass")
    binascii: Any = __import__("binascii")
    try:
        decoded: bytes = binascii.a2b_base64(file["base64"])
    except ValueError as error:
        raise StubError(MALFORMED, f"order: file {file['name']}: {error}") from None
    return decoded


def wrong(name: str, wanted: str) -> StubError:
    """The error for a field that is not what it must be."""
    return StubError(MALFORMED, f"order.{name} is not {wanted}")


def as_object(value: object, name: str) -> Dict[str, Any]:
    """A field that is an object."""
    if not isinstance(value, dict):
        raise wrong(name, "an object")
    return value


def as_text(value: object, name: str, nul: bool = False) -> str:
    """A field that is text."""
    if not isinstance(value, str) or ("\0" in value and not nul):
        raise wrong(name, "text")
    return value


def _texts(value: object, name: str) -> List[str]:
    if not isinstance(value, list):
        raise wrong(name, "a list of texts")
    return [as_text(item, name) for item in value]


def _argv(value: object, name: str) -> Optional[List[str]]:
    return None if value is None else as_argv(value, name)


def as_argv(value: object, name: str) -> List[str]:
    """A field that is a command line."""
    argv = _texts(value, name)
    if not argv or not argv[0]:
        raise wrong(name, "a command line")
    return argv


def _mapping(value: object, name: str, of: Check) -> Dict[str, Any]:
    fields = as_object(value, name)
    for key in fields:
        if not key or "=" in key or "\0" in key:
            raise wrong(name, "an object with usable names")
    return {key: of(item, f"{name}.{key}") for key, item in fields.items()}


def _artifact(value: object, name: str) -> str:
    if not layout.is_digest(value):
        raise wrong(name, "a digest")
    return str(value)


def as_seconds(value: object, name: str) -> float:
    """A field that is a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 86400:
        raise wrong(name, "a number of seconds up to a day")
    return value


def _signal(value: object, name: str) -> str:
    text = as_text(value, name)
    text = text[3:] if text.startswith("SIG") else text
    if text not in _SIGNALS:
        raise wrong(name, f"a signal: one of {', '.join(_SIGNALS)}")
    return text


def files(order: Order) -> List[Order]:
    """All configuration files; a later one replaces an earlier one of the same name."""
    return [*order["install"]["files"], *order["service"]["files"]]


def needs(order: Order) -> List[str]:
    """The artifacts that an order names."""
    code = order["code"]["artifact"]
    return sorted({*order["shared"].values(), *([code] if code else [])})


def code(order: Order) -> Order:
    """The part of an order that decides whether code must be loaded."""
    return dict(order["code"], shared=order["shared"])


def installed(order: Order) -> Order:
    """The part of an order that decides whether an installer has to run."""
    return {name: order[name] for name in ("environment_digest", "code", "shared", "install")}


def places(root: layout.Root, order: Order, release: str) -> Dict[str, str]:
    """Placeholder -> absolute path, for a release of the order's node."""
    node = root.node(order["path"])
    found = {"code": f"{release}/code", "config": f"{release}/config", "node": node, "python": sys.executable}
    for name in ("data", "run", "log"):
        found[name] = f"{node}/{name}"
    for name, digest in order["shared"].items():
        found[name] = f"{root.trees}/{digest}"
    return found


def expand(text: str, known: Dict[str, str]) -> str:
    """`text` with {placeholders} replaced in one pass; other braces stay."""
    first, *rest = text.split("{")
    out = [first]
    for piece in rest:
        name, brace, after = piece.partition("}")
        out.append(known[name] + after if brace and name in known else "{" + piece)
    return "".join(out)


def command_line(argv: List[str], known: Dict[str, str]) -> List[str]:
    """What to execute: placeholders replaced, the program taken from the code where it lies there."""
    line = [expand(item, known) for item in argv]
    program = line[0]
    if not program.startswith("/") and ("/" in program or os.path.isfile(f"{known['code']}/{program}")):
        line[0] = f"{known['code']}/{program}"
    return line


def environment(configured: Dict[str, str], known: Dict[str, str]) -> Dict[str, str]:
    """The environment of an installer or of a service."""
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env.setdefault("PATH", os.defpath)
    env.update(configured)
    for name, place in known.items():
        if name not in ("python", "node"):
            env[f"RAMIFY_{name.upper()}"] = place
    return env
