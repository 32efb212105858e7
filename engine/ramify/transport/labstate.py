"""What is known of a lab: its hosts, and an inventory with their addresses filled in. Cheap to import."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct, structs

from ramify.model import ranges
from ramify.model.inventory import HostSettings, HostSpec, Inventory
from ramify.stub import process

ADDRESS = "127.0.0.1"
STATE = "lab.json"
SERVER = "server.json"
LOG = "server.log"
CONTROL = "control"
OPERATOR_KEY = "id_ed25519"
DISCARD = 9
"""A port that nothing answers on: it stands for one that has not been chosen yet."""
OPERATOR = "/"
"""The operator among those who may log in: no host can have this name."""


Known = TypeVar("Known", bound=Struct)


class LabError(Exception):
    """The lab cannot do it; `hint` is the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class LabHost(Struct, frozen=True):
    """A host of the lab: where it listens, who it is, where it lives, and a port for its services."""

    port: int
    service_port: int
    user: str
    host_public_key: str
    home: str


class LabState(Struct, frozen=True):
    """The whole lab; `folder` is where it lives, `operator_key` what opens its gates for the operator."""

    folder: str
    hosts: dict[str, LabHost]

    @property
    def operator_key(self) -> Path:
        """The operator's private key."""
        return Path(self.folder) / OPERATOR_KEY


class Server(Struct, frozen=True):
    """The lab's server process: its pid is believed only together with its start time."""

    pid: int
    stamp: str
    temporary: str

    @property
    def runs(self) -> bool:
        """Whether exactly this process is there."""
        return process.alive((self.pid, self.stamp))


class LabStatus(NamedTuple):
    """Whether the lab runs, as which process, and what it consists of."""

    running: bool
    pid: int | None
    state: LabState | None


def state(folder: Path) -> LabState | None:
    """The lab in a folder, or None if there is none."""
    found = _read(folder / STATE)
    return None if found is None else _decoded(folder / STATE, found, LabState)


def server(folder: Path) -> Server | None:
    """The server process that was started last, whether it still runs or not."""
    found = _read(folder / SERVER)
    return None if found is None else _decoded(folder / SERVER, found, Server)


def status(folder: Path) -> LabStatus:
    """What there is of a lab."""
    found = server(folder)
    running = found is not None and found.runs
    return LabStatus(running, found.pid if found and running else None, state(folder))


def save(file: Path, value: Struct) -> None:
    """Write a value so that a reader finds the old one or the new one."""
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(value)))
    new.replace(file)


def overlay(inventory: Inventory, lab: LabState | None) -> Inventory:
    """The inventory with what the lab knows of its hosts (transport `lab`); ranges of them are unrolled.

    A host that the lab has not got yet stands at the discard port: there is something to plan with.
    """
    made = lab.hosts if lab else {}
    hosts: list[HostSpec] = []
    for spec in inventory.hosts:
        transport = spec.settings.transport or inventory.defaults.transport
        hosts += _unrolled(spec, made) if transport == "lab" else [spec]
    names = {f"[{ADDRESS}]:{host.port}": host.host_public_key for host in made.values()}
    # An inventory that was overlaid earlier says the same, or what another lab had there.
    others = [line for line in inventory.known_hosts.splitlines() if line.partition(" ")[0] not in names]
    known = [*others, *(f"{name} {key}" for name, key in names.items())]
    return structs.replace(inventory, hosts=tuple(hosts), known_hosts="".join(f"{line}\n" for line in known))


def _unrolled(spec: HostSpec, made: Mapping[str, LabHost]) -> list[HostSpec]:
    before, _, after = spec.name.partition("[")
    _, _, after = after.partition("]")
    found = []
    for name, index in ranges.expand(spec.name):
        number = name.removeprefix(before).removesuffix(after) if after else name.removeprefix(before)
        # A range of one: the host keeps its `index`, which other settings may be written with.
        single = name if index is None else f"{before}[{number}]{after}"
        settings = _placed(spec.settings, made.get(name))
        found.append(HostSpec(single, settings, spec.origin))
    return found


def _placed(settings: HostSettings, host: LabHost | None) -> HostSettings:
    return structs.replace(
        settings,
        address=ADDRESS,
        port=host.port if host else DISCARD,
        user=host.user if host else settings.user,
        auth="key",
        service_port=settings.service_port or (host.service_port if host else DISCARD),
    )


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _decoded(file: Path, data: bytes, kind: type[Known]) -> Known:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise LabError(f"cannot read {file}: {error}", "`ramify lab down` takes the lab away") from error
