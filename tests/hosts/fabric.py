"""The network of a world: segments that share nothing, and the legs that hosts stand on."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from hosts import namespaces

CORE = "core"


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One network device of a host: its address in a segment, and the port it is plugged into."""

    segment: str
    bridge: str
    port: str
    device: str
    interface: ipaddress.IPv4Interface

    @property
    def address(self) -> str:
        return str(self.interface.ip)


@dataclass(kw_only=True)
class Segment:
    """A network of its own: 10.64.0.0/16 is the core, 10.65.0.0/16 the next, and so on."""

    bridge: str
    network: ipaddress.IPv4Network
    free: Iterator[ipaddress.IPv4Address] = field(init=False)

    def __post_init__(self) -> None:
        self.free = self.network.hosts()


@dataclass
class Fabric:
    """Bridges in a network namespace where nobody has an address: frames pass, nothing is routed."""

    holder: int
    segments: dict[str, Segment] = field(default_factory=dict)
    ports: int = 0

    def add(self, name: str) -> None:
        """Lay a new segment."""
        if name in self.segments:
            raise ValueError(f"segment {name!r} has its gateway already")
        number = len(self.segments)
        network = ipaddress.IPv4Network(f"10.{64 + number}.0.0/16")
        self.segments[name] = Segment(bridge=f"b{number}", network=network)
        namespaces.ip(self.holder, f"link add b{number} type bridge", f"link set b{number} up")

    def leg(self, name: str, device: str) -> Leg:
        """The next free address and port of a segment."""
        if name not in self.segments:
            raise ValueError(f"no segment {name!r}: make a host with gateway_to={name!r} first")
        segment = self.segments[name]
        self.ports += 1
        interface = ipaddress.IPv4Interface(f"{next(segment.free)}/{segment.network.prefixlen}")
        return Leg(
            segment=name, bridge=segment.bridge, port=f"v{self.ports}", device=device, interface=interface
        )

    def plug(self, holder: int, *legs: Leg) -> None:
        """Give the network namespace of a process its legs."""
        namespaces.ip(
            self.holder,
            *(
                f"link add {leg.port} master {leg.bridge} up type veth peer name {leg.device} netns {holder}"
                for leg in legs
            ),
        )
        namespaces.ip(
            holder,
            "link set lo up",
            *(f"addr add {leg.interface} dev {leg.device}" for leg in legs),
            *(f"link set {leg.device} up" for leg in legs),
        )

    def unplug(self, *legs: Leg) -> None:
        """Take away the ports of a host that ended: the kernel would, but some time later."""
        namespaces.ip(self.holder, *(f"link del {leg.port}" for leg in legs), force=True)

    def switch(self, state: str, *legs: Leg) -> None:
        """Turn ports `up` or `down`: when down, all others see silence, never a refusal."""
        namespaces.ip(self.holder, *(f"link set {leg.port} {state}" for leg in legs))
