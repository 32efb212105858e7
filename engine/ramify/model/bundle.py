"""The bundle: an immutable, content-addressed snapshot of all that planning reads."""

import hashlib
from collections.abc import Iterator

import msgspec
from msgspec import Struct, field

from ramify.model.component import Component
from ramify.model.configuration import Configuration
from ramify.model.hierarchy import Hierarchy
from ramify.model.inventory import Inventory
from ramify.model.repository import Repository
from ramify.model.trust import Seal

FORMAT = 1


class Runtime(Struct, frozen=True):
    """Ramify itself for the hosts of one kind (`cp311-linux-x86_64-glibc`), as an artifact.

    `engine` identifies the sources of Ramify in it: equal in runtimes of all kinds that were made from one.
    """

    kind: str
    artifact: str
    size: int
    engine: str = ""


class Bundle(Struct, frozen=True):
    """What every machine of a run plans from; code is inside by digest only.

    `pins` are recorded placements in pools that the plain rule would not repeat, so that a pool may grow
    without moving anybody. `domains` are the bundles of domains, by their keys; those that only an initiator
    can ask for are not among them until it has. `secrets` are the names that values may use, each with
    a keyed digest of its value that tells when that has changed, and nothing else of it. `seal` is what its
    signers said of it, and `policy` who may say so, with the signatures that let hosts
    take it in place of an earlier one.
    """

    project: str
    hierarchy: Hierarchy
    repository: Repository
    inventory: Inventory
    configurations: dict[str, Configuration] = field(default_factory=dict)
    components: dict[str, Component] = field(default_factory=dict)
    runtimes: tuple[Runtime, ...] = ()
    pins: dict[str, str] = field(default_factory=dict)
    domains: dict[str, "Bundle"] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    seal: Seal | None = None
    policy: Seal | None = None
    format: int = FORMAT


def within(bundle: Bundle) -> Iterator[Bundle]:
    """A bundle and those of all its domains, each once however often it is mounted."""
    seen: set[int] = set()
    waiting = [bundle]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting.extend(one.domains.values())


def packs(bundle: Bundle) -> list[str]:
    """The artifacts that a bundle names, with those of its domains and its runtimes."""
    found = [component.artifact for one in within(bundle) for component in one.components.values()]
    return list(dict.fromkeys((*found, *(runtime.artifact for runtime in bundle.runtimes))))


class UnusableBundleError(Exception):
    """Bytes that are not the bundle they are said to be."""


def encode(bundle: Bundle) -> bytes:
    """The canonical bytes: equal bundles give equal bytes."""
    # A whole number in a field of floats is written otherwise once it has been read: 600, 600.0.
    return _encode(msgspec.json.decode(_encode(bundle), type=Bundle))


def _encode(bundle: Bundle) -> bytes:
    return msgspec.json.encode(bundle, order="deterministic")


def digest(data: bytes) -> str:
    """The identity of a bundle's bytes."""
    return hashlib.sha256(data).hexdigest()


def decode(data: bytes, expected: str) -> Bundle:
    """Read a bundle that arrived from somewhere.

    Raises:
        UnusableBundleError: the digest differs, or the bytes are no bundle of a format known here.
    """
    if digest(data) != expected:
        raise UnusableBundleError(f"bundle {expected[:12]} arrived as {digest(data)[:12]}")
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
    except msgspec.MsgspecError as error:
        raise UnusableBundleError(f"bundle {expected[:12]} cannot be read: {error}") from error
    if bundle.format != FORMAT:
        raise UnusableBundleError(f"bundle {expected[:12]} has format {bundle.format}, expected {FORMAT}")
    return bundle
