"""Fleets as values, read from the documents' text: what the views show, without a file or a host."""

from collections.abc import Iterable
from textwrap import dedent
from typing import TypeVar

import msgspec
from msgspec import structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import plan
from ramify.compile.profiles import profile, values
from ramify.documents import configuration, hierarchy, inventory, repository
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.component import Component
from ramify.model.diagnostics import Diagnostics
from ramify.model.plan import Plan
from ramify.model.record import NodeRecord

T = TypeVar("T")

COMPONENTS = {
    "collection:ramify.core.initiator": Component(
        ref="collection:ramify.core.initiator", artifact="a" * 64, size=1, role="initiator",
        name="ramify.core.initiator", start={"initiator": ("run",)},
    ),
    "code/probe": Component(
        ref="code/probe", artifact="b" * 64, size=1, name="acme.probe", start={"service": ("run",)}
    ),
}  # fmt: skip

INVENTORY = """\
hosts:
  gw[1-10]: {address: "10.1.0.{{ index }}"}
  leaf[1-1000]: {labels: {kind: leaf}}
placements:
  - {match: ["/region*", "/region*/zone*"], host: "gw{{ node.path.split('/')[1][6:] }}"}
  - {match: "/region*/zone*/**", pool: {kind: leaf}}
"""

LARGE_INVENTORY = """\
hosts:
  gw[1-10]: {}
  box[1-1000]: {labels: {kind: box}}
placements:
  - match: ["/region*", "/region*/zone*", "/region*/zone*/rack*"]
    host: "gw{{ node.path[7:].split('/')[0] }}"
  - {match: "/region*/zone*/rack*/app*", pool: {kind: box}, per_host: 10}
"""

REPOSITORY = """\
code:
  - {match: ["/region*", "/region*/zone*", "!/**/app*"], ref: "collection:ramify.core.initiator"}
  - {match: "/**/app*", ref: code/probe}
service-config:
  - {match: "/**/app*", ref: config/probe.yml}
"""

LARGE_REPOSITORY = """\
code:
  - match: ["/region*", "/region*/zone*", "/region*/zone*/rack*"]
    ref: "collection:ramify.core.initiator"
  - {match: "/region*/zone*/rack*/app*", ref: code/probe}
service-config:
  - {match: "/**/app*", ref: config/probe.yml}
"""

PROBE = """\
env:
  INTERVAL: "{{ vars.interval }}"
  NAME: "{{ node.name }}"
"""


def small(zones: str = "zone[1-2]", interval: int = 5) -> str:
    """1 + 2 + 4 nodes."""
    return dedent(f"""\
        tree:
          region1:
            vars: {{interval: {interval}}}
            children:
              {zones}:
                children:
                  app[1-2]: {{}}
        """)


def files(**contents: str) -> str:
    """The probe's configuration with files."""
    return f"{PROBE}files: {msgspec.json.encode(contents).decode()}\n"


def large(interval: int = 5, special: str = "") -> str:
    """10 + 100 + 1,000 + 10,000 nodes."""
    return dedent(f"""\
        tree:
          region[1-10]:
            vars: {{interval: {interval}}}
            children:
              zone[1-10]:
                children:
                  rack[1-10]:
                    children:
                      app[01-10]: {{{special}}}
        """)


def compiled(
    tree: str,
    hosts: str = INVENTORY,
    lists: str = REPOSITORY,
    probe: str = PROBE,
    probe_artifact: str = "b" * 64,
    install: tuple[str, ...] | None = None,
) -> Fleet:
    """A fleet from texts; they have no errors."""
    components = {
        **COMPONENTS,
        "code/probe": structs.replace(
            COMPONENTS["code/probe"], artifact=probe_artifact, install=install, uninstall=install
        ),
    }
    settings = _good(configuration.read(probe, "config/probe.yml"))
    bundle = Bundle(
        project="acme",
        hierarchy=_good(hierarchy.read(tree, "hierarchy.yml")),
        repository=_good(repository.read(lists, "repository.yml")),
        inventory=_good(inventory.read(hosts, "inventory.yml")),
        configurations={"config/probe.yml": structs.replace(settings, ref="config/probe.yml")},
        components=components,
    )
    fleet = compile_fleet(bundle)
    assert not fleet.diagnostics.failed, list(fleet.diagnostics)
    return fleet


def _good(read: tuple[T | None, Diagnostics]) -> T:
    value, problems = read
    assert value is not None, list(problems)
    return value


def recorded(fleet: Fleet) -> dict[str, NodeRecord]:
    """Records of a fleet that has been deployed whole."""
    return {node.path: record(fleet, node.path) for node in fleet.tree.nodes}


def record(fleet: Fleet, path: str, service: str = "active") -> NodeRecord:
    """The record of one deployed node."""
    digests, host = fleet.digests[path], fleet.host_of(path)
    return NodeRecord(
        path=path,
        host=host.name if host else "",
        initiator=paths.parent(path),
        environment="installed",
        service=service,
        digest=digests.node,
        environment_digest=digests.environment,
        service_digest=digests.service,
        binding=digests.binding,
        release=1,
        values=values(profile(fleet, fleet.by_path[path])),
    )


def planned(fleet: Fleet, records: Iterable[NodeRecord] = ()) -> Plan:
    """The plan of a fleet against records."""
    return plan(fleet, bundles.digest(bundles.encode(fleet.bundle)), {one.path: one for one in records})


def component(fleet: Fleet, path: str) -> str:
    """The component of a path, as the commands tell the views."""
    node = fleet.by_path.get(path)
    made = fleet.class_of(node).component if node else None
    return made.name if made else ""
