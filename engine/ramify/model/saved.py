"""A saved plan: a plan to be carried out later, with all that it was made from, as the bytes of one file.

The first line says what the file is, and the sha256 of the rest: a zlib stream of MessagePack. Whoever reads
it trusts none of it: size, sum, format and types are checked before anything is made of it.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.model.history import Cause
from ramify.model.plan import Plan
from ramify.model.record import NodeRecord, generation

FORMAT = 1
MAGIC = b"ramify-plan "
MAX_FILE = 256 * 1024 * 1024
MAX_SIZE = 1024 * 1024 * 1024
"""Bytes of the file, and of what it unpacks to."""

Generations = Mapping[str, str]
"""Of every planned node, as what it was recorded (`record.generation`); "" for one that was not there."""


class Saved(Struct, frozen=True):
    """A plan, the bundle that it was made from, and what was recorded of each of its nodes then.

    `made` is when, and `ramify` the version that made it; `cause` is what history tells of its run. `key`
    names the key that the digests of its secrets were made with.
    """

    plan: Plan
    bundle: bytes
    observed: dict[str, str]
    project: str
    made: str
    ramify: str = ""
    cause: Cause = Cause()
    key: str = ""
    format: int = FORMAT

    @property
    def id(self) -> str:
        """What history knows it by: another plan has another one."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:16]

    def opened(self) -> Bundle:
        """The bundle, as a value.

        Raises:
            UnusablePlanError: it is not the one that the plan was made from.
        """
        try:
            return bundles.decode(self.bundle, self.plan.bundle)
        except UnusableBundleError as error:
            raise UnusablePlanError(str(error)) from error


class UnusablePlanError(Exception):
    """Bytes that are no saved plan, or none that is known here; the sentence says why."""


def observed(plan: Plan, records: Mapping[str, NodeRecord]) -> dict[str, str]:
    """As what the nodes of a plan are recorded."""
    return {node.path: generation(records.get(node.path)) for node in plan.nodes}


def summed(seen: Generations) -> str:
    """One word for many generations: equal if all of them are."""
    return hashlib.sha256("".join(sorted(_lines(seen))).encode()).hexdigest()


def _lines(seen: Generations) -> Iterable[str]:
    return (f"{path} {one}\n" for path, one in seen.items())


def is_saved(head: bytes) -> bool:
    """Whether a file that begins so says that it is a saved plan."""
    return head.startswith(MAGIC)


def encode(saved: Saved) -> bytes:
    """The bytes of the file."""
    packed = zlib.compress(msgspec.msgpack.encode(saved), 6)
    return b"%s%d %s\n%s" % (MAGIC, FORMAT, hashlib.sha256(packed).hexdigest().encode(), packed)


def decode(data: bytes) -> Saved:
    """Read the bytes of a file that came from wherever.

    Raises:
        UnusablePlanError: it is no saved plan of a format known here, or damaged.
    """
    packed = _packed(data)
    try:
        plain = zlib.decompressobj()
        content = plain.decompress(packed, MAX_SIZE)
        if not plain.eof or plain.unused_data:
            raise UnusablePlanError("it is longer or shorter than it says")
        saved = msgspec.msgpack.decode(content, type=Saved)
    except (zlib.error, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnusablePlanError(f"it cannot be read: {error}") from error
    if saved.format != FORMAT:
        raise UnusablePlanError(f"it has format {saved.format}, expected {FORMAT}")
    if saved.observed.keys() != {node.path for node in saved.plan.nodes}:
        raise UnusablePlanError("it does not say of each of its nodes as what it was recorded")
    if hashlib.sha256(saved.bundle).hexdigest() != saved.plan.bundle:
        raise UnusablePlanError("it was made from another bundle than it carries")
    return saved


def _packed(data: bytes) -> bytes:
    head, _, packed = data.partition(b"\n")
    words = head.split(b" ")
    if len(data) > MAX_FILE:
        raise UnusablePlanError("it is too large")
    if not is_saved(data) or len(head) > len(MAGIC) + 80 or len(words) != 3:
        raise UnusablePlanError("it is no saved plan")
    if words[1] != b"%d" % FORMAT:
        raise UnusablePlanError(f"it has format {words[1].decode('ascii', 'replace')}, expected {FORMAT}")
    if hashlib.sha256(packed).hexdigest().encode() != words[2]:
        raise UnusablePlanError("it is damaged: its sum is not the one that it names")
    return packed
