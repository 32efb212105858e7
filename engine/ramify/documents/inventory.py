"""The native inventory: hosts, and where paths go."""

from typing import Any

from ramify.documents.node import Node
from ramify.documents.reading import pattern, read_yaml, tell_none
from ramify.documents.text import Source, no_source
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.inventory import HostSettings, HostSpec, Inventory, Placement
from ramify.model.paths import NAME
from ramify.model.patterns import Kind
from ramify.model.ranges import expand

MAX_HOST_NAME = 253
MAX_HOSTS = 1_000_000
_TEXTS = ("address", "user", "transport", "auth", "identity", "python", "root")


def read(text: str | bytes, file: str, source: Source = no_source) -> tuple[Inventory | None, Diagnostics]:
    """Read an inventory document; `source` gives the text of the known_hosts file that it names."""

    def build(root: Node, found: Diagnostics) -> Inventory:
        names: dict[str, HostSpec] = {}
        hosts = tuple(_host(name, root["hosts"], names, found) for name in root["hosts"])
        return Inventory(
            hosts=hosts,
            placements=tuple(_placement(node, names, found) for node in root["placements"].elements),
            defaults=_settings(root["defaults"], found),
            known_hosts=sourced(root["known_hosts"], source, found),
        )

    return read_yaml(text, file, "inventory", build)


def _host(name: str, hosts: Node, names: dict[str, HostSpec], found: Diagnostics) -> HostSpec:
    spec = HostSpec(name, _settings(hosts[name], found), hosts.key(name))
    for one in _expanded(spec, len(names), found):
        if not NAME.match(one) or len(one) > MAX_HOST_NAME:
            way_out = "A name has letters, digits, `.`, `_` and `-`, and begins with one of the first two."
            found.error("bad-name", f'"{one[:80]}" cannot be the name of a host', way_out, spec.origin)
            break
        other = names.setdefault(one, spec)
        if other is not spec:
            way_out = f'"{other.name}" in line {other.origin.line} already stands for it.'
            found.error("duplicate-name", f'two hosts are called "{one}"', way_out, spec.origin)
            break
    return spec


def _expanded(spec: HostSpec, known: int, found: Diagnostics) -> list[str]:
    try:
        names = [name for name, _ in expand(spec.name)]
    except ValueError as error:
        found.error("bad-range", str(error), "A name holds at most one range, such as gw[1-10].", spec.origin)
        return []
    if known + len(names) > MAX_HOSTS:
        found.error("too-large", f"more than {MAX_HOSTS:,} hosts", "Look for a digit too many.", spec.origin)
        return []
    return names


def _settings(node: Node, found: Diagnostics) -> HostSettings:
    values: dict[str, Any] = {key: node[key].text or None for key in _TEXTS}
    values |= {key: _port(node[key], found) for key in ("port", "service_port")}
    return HostSettings(**values, labels=_labels(node["labels"]))


def _port(node: Node, found: Diagnostics) -> int | str | None:
    """A number, or the template of one; digits in quotes are a number too."""
    if not isinstance(node.value, str):
        return node.value if isinstance(node.value, int) else None
    if "{{" in node.value:
        return node.value
    if node.value.isascii() and node.value.isdecimal() and 1 <= int(node.value[:9]) <= 65535:
        return int(node.value[:9])
    found.error(
        "bad-value", f'"{node.value[:40]}" is not a port', "A port is a number from 1 to 65535.", node.origin
    )
    return None


def _labels(node: Node) -> dict[str, str]:
    return {key: value.written for key, value in node.items() if value.is_scalar}


def _placement(node: Node, names: dict[str, HostSpec], found: Diagnostics) -> Placement:
    patterns = tuple(pattern(item, Kind.GLOB, found) for item in node["match"].texts())
    tell_none(patterns, found)
    if isinstance(node.value, dict):
        _check_target(node, names, found)
    return Placement(
        patterns=patterns,
        origin=node.origin,
        host=node["host"].text or None,
        pool=_labels(node["pool"]) if "pool" in node else None,
        per_host=node["per_host"].value if isinstance(node["per_host"].value, int) else 1,
    )


def _check_target(node: Node, names: dict[str, HostSpec], found: Diagnostics) -> None:
    if ("host" in node) == ("pool" in node):
        summary = "a placement has " + ("both host and pool" if "host" in node else "neither host nor pool")
        found.error("placement-target", summary, "Give a host by name, or a pool by labels.", node.origin)
    elif "per_host" in node and "pool" not in node:
        way_out = "One host by name takes every node that matches."
        found.error("placement-target", "per_host speaks of pools only", way_out, node.key("per_host"))
    host = node["host"].text
    if host and "{" not in host and names and host not in names:
        found.error("unknown-host", f'no host "{host}"', did_you_mean(host, names), node["host"].origin)


def sourced(node: Node, source: Source, found: Diagnostics) -> str:
    """The text of a file that a document names."""
    if not node.text:
        return ""
    try:
        return source(node.text)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        found.error(
            "unreadable-file",
            f'cannot read "{node.text}": {why}',
            "Paths count from this document.",
            node.origin,
        )
        return ""
