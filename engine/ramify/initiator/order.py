"""Orders: a profile as the stub on the host takes it."""

from collections.abc import Iterator
from typing import Any

from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.component import INITIATOR, Component, Control
from ramify.model.profile import Part, Profile, Value

INTERPRETER = "RAMIFY_INTERPRETER"
"""Service variable of an initiator: an interpreter on its host that has Ramify, instead of a runtime."""

RUNTIME = "runtime"


def interpreter(made: Profile) -> str:
    """The host's own interpreter that an initiator shall run with, or nothing."""
    return next((value.text or "" for value in made.service.env if value.name == INTERPRETER), "")


def build(fleet: Fleet, node: Node, made: Profile, runtime: str | None) -> dict[str, Any]:
    """The order for a node; `runtime` is the artifact that holds Ramify for its host, where one is needed."""
    component = made.component
    return {
        "path": made.path,
        "digest": made.digest,
        "environment_digest": made.environment_digest,
        "service_digest": made.service_digest,
        "binding": made.binding,
        "code": {"artifact": component.artifact, "share": False},
        "shared": {RUNTIME: runtime} if runtime else {},
        "secret": any(value.secret for value in _values(made)),
        "install": {
            "argv": component.install,
            "env": _env(made.install),
            "args": _args(made.install),
            "files": _files(made.install),
            "timeout": component.install_timeout,
        },
        "uninstall": {"argv": component.uninstall},
        "service": {
            "start": _start(component, made),
            "start_from": component.start_from,
            "stop": {"signal": component.stop.signal, "timeout": component.stop.timeout},
            "control": {
                "activate": _control(component.activate),
                "deactivate": _control(component.deactivate),
                "reload": _control(component.reload),
            },
            "env": {**_env(made.service), **identity(fleet, node)},
            "args": _args(made.service),
            "files": _files(made.service),
            "grace": component.grace,
            "health": component.health,
        },
    }


def _values(made: Profile) -> Iterator[Value]:
    for part in (made.install, made.service):
        yield from (*part.env, *part.args, *part.files)


def _start(component: Component, made: Profile) -> dict[str, list[str]] | None:
    if component.start is None:
        return None
    start = {name: list(argv) for name, argv in component.start.items()}
    own = interpreter(made)
    if component.deploys and own and INITIATOR in start:
        start[INITIATOR] = [own, "-m", "ramify.initiator.service"]
    return start


def identity(fleet: Fleet, node: Node) -> dict[str, str]:
    """What a service learns of its place: the paper's default reporting topology (HPL 5.2, 6)."""
    children = fleet.tree.below(node)
    return {
        "RAMIFY_PROJECT": fleet.realm_of(node).bundle.project,
        "RAMIFY_PATH": node.path,
        "RAMIFY_NAME": node.name,
        "RAMIFY_HOST": _host(fleet, node.path),
        "RAMIFY_ADDRESS": _address(fleet, node.path),
        "RAMIFY_PARENT": paths.parent(node.path),
        "RAMIFY_PARENT_ADDRESS": _address(fleet, paths.parent(node.path)),
        "RAMIFY_CHILDREN": " ".join(child.path for child in children),
        "RAMIFY_CHILDREN_ADDRESSES": " ".join(_address(fleet, child.path) for child in children),
    }


def _host(fleet: Fleet, path: str) -> str:
    host = fleet.host_of(path)
    return host.name if host else ""


def _address(fleet: Fleet, path: str) -> str:
    host = fleet.host_of(path)
    return host.address if host else ""


def _env(part: Part) -> dict[str, str]:
    return {value.name: _text(value) for value in part.env}


def _args(part: Part) -> list[str]:
    return [word for value in part.args for word in _argument(value)]


def _argument(value: Value) -> list[str]:
    """`--port 80` for a name that is an option, `PORT=80` for another (HPL Figure 3), bare without a name."""
    if not value.name:
        return [_text(value)]
    return [value.name, _text(value)] if value.name.startswith("-") else [f"{value.name}={_text(value)}"]


def _files(part: Part) -> list[dict[str, Any]]:
    return [{"name": value.name, "mode": value.mode, "content": _text(value)} for value in part.files]


def _text(value: Value) -> str:
    if value.sealed:
        raise RuntimeError(f"{value.name} needs secrets that nobody asked for")
    if value.text is None:
        raise RuntimeError(f"{value.name} needs facts that nobody asked for")
    return value.text


def _control(control: Control) -> dict[str, Any] | None:
    """How the service is reached; None where the component states no way, which the stub then says."""
    if control.argv:
        return {"argv": list(control.argv)}
    return {"signal": control.signal} if control.signal else None
