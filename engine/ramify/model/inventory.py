"""The inventory: hosts where a stub can be reached, and which paths they may carry (HPL 2.3)."""

from typing import Literal

from msgspec import Struct, field

from ramify.model.diagnostics import Origin
from ramify.model.patterns import Pattern

TransportName = Literal["ssh", "local", "lab"]
AuthName = Literal["agent", "key"]


class HostSettings(Struct, frozen=True, omit_defaults=True):
    """What can be said of a host, of many, or of all (`defaults`); None leaves it to the next wider one.

    Text values may be templates over `index` and `name`. `auth` says how a parent proves itself to this
    host: by the forwarded agent, or by a key on the parent's own host (`identity`).
    """

    address: str | None = None
    port: int | str | None = None
    user: str | None = None
    transport: TransportName | None = None
    auth: AuthName | None = None
    identity: str | None = None
    python: str | None = None
    root: str | None = None
    service_port: int | str | None = None
    labels: dict[str, str] = field(default_factory=dict)


class HostSpec(Struct, frozen=True):
    """An entry of `hosts:`; the name may hold a range."""

    name: str
    settings: HostSettings
    origin: Origin


class Placement(Struct, frozen=True):
    """Where the nodes that the patterns take go: a host by name, or any host whose labels fit (a pool).

    `per_host` bounds how many nodes of this placement share one host of a pool.
    """

    patterns: tuple[Pattern, ...]
    origin: Origin
    host: str | None = None
    pool: dict[str, str] | None = None
    per_host: int = 1


class Inventory(Struct, frozen=True):
    """An inventory document; `known_hosts` is the text of the file that it names."""

    hosts: tuple[HostSpec, ...]
    placements: tuple[Placement, ...]
    defaults: HostSettings = HostSettings()
    known_hosts: str = ""


class Host(Struct, frozen=True):
    """A host with every setting decided."""

    name: str
    address: str
    port: int = 22
    user: str | None = None
    transport: TransportName = "ssh"
    auth: AuthName = "agent"
    identity: str | None = None
    python: str = "python3"
    root: str = "~/.ramify"
    service_port: int | None = None
    index: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
