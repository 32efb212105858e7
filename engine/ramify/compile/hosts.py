"""Hosts of an inventory with every setting decided."""

from collections.abc import Callable
from typing import Any

from msgspec import structs

from ramify.compile import templates
from ramify.compile.references import BadTemplateError
from ramify.compile.templates import HOST_NAMES
from ramify.compile.tree import expand_name
from ramify.model.diagnostics import Diagnostics
from ramify.model.inventory import Host, HostSettings, Inventory

MAX_PORT = 65535
PORTS = ("port", "service_port")


def hosts(inventory: Inventory, diagnostics: Diagnostics) -> dict[str, Host]:
    """Every host of an inventory, in the order written; one with an error is there with its name alone."""
    found: dict[str, Host] = {}
    for spec in inventory.hosts:
        failed: list[str] = []
        problem: BadTemplateError | None = None
        make = _maker(_over(spec.settings, inventory.defaults))
        for name, index in expand_name(spec.name):
            try:
                found[name] = make(name, index)
            except BadTemplateError as error:
                found[name] = Host(name, name)
                failed.append(name)
                problem = problem or error
        if problem is not None:
            more = f" and {len(failed) - 1:,} more" if len(failed) > 1 else ""
            diagnostics.error("bad-host", f'host "{failed[0]}"{more}: {problem}', problem.hint, spec.origin)
    return found


def _over(settings: HostSettings, defaults: HostSettings) -> HostSettings:
    own = {key: value for key, value in structs.asdict(settings).items() if value is not None}
    return structs.replace(defaults, **{**own, "labels": {**defaults.labels, **settings.labels}})


def _maker(settings: HostSettings) -> Callable[[str, int | None], Host]:
    """What makes the hosts of one entry; it raises BadTemplateError for a setting that cannot be rendered."""
    values = {key: value for key, value in structs.asdict(settings).items() if value is not None}
    labels = values.pop("labels")
    values.setdefault("address", "127.0.0.1" if settings.transport == "local" else "{{ name }}")
    ports = [port for port in PORTS if port in values]

    def make(name: str, index: int | None) -> Host:
        context = {"name": name, "index": index}
        decided: dict[str, Any] = {key: _rendered(value, context) for key, value in values.items()}
        for port in ports:
            decided[port] = _port(port, decided[port])
        own_labels = {key: _rendered(value, context) for key, value in labels.items()}
        return Host(name=name, index=index, labels=own_labels, **decided)

    return make


def _rendered(value: Any, context: dict[str, Any]) -> Any:
    return templates.parse(value, HOST_NAMES).render(context) if isinstance(value, str) else value


def _port(key: str, value: str | int) -> int:
    port = int(value) if str(value).isdecimal() else 0
    if not 0 < port <= MAX_PORT:
        raise BadTemplateError(f"{key} {value} is not a number between 1 and {MAX_PORT}")
    return port
