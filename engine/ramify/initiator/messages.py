"""What a parent and its initiator say to each other, as frames over the session to the initiator's host."""

from typing import Literal

import msgspec
from msgspec import Struct

from ramify.model.events import Event
from ramify.model.record import NodeRecord, NodeResult

Kind = Literal["apply", "refresh"]


class Options(Struct, frozen=True):
    """How a run works, the same on every level: seconds, and how many children at once."""

    parallel: int = 32
    command_timeout: float = 900
    attach_timeout: float = 20


class RunRequest(Struct, frozen=True, tag="run"):
    """Work on all that is below a path.

    `known` is the fingerprint of what the parent has recorded below it; `agent` is the socket of the
    forwarded SSH agent on the initiator's own host. `selection` holds path expressions, none for all.
    """

    kind: Kind
    bundle: str
    path: str
    run: str
    known: str
    selection: tuple[str, ...] = ()
    agent: str | None = None
    options: Options = Options()


class Need(Struct, frozen=True, tag="need"):
    """The initiator asks for something that its parent has."""

    what: Literal["bundle", "pack", "records"]
    digest: str = ""


class Chunk(Struct, frozen=True, tag="chunk"):
    """A piece of what was asked for; the bytes are the frame's body."""

    what: Literal["bundle", "pack"]
    digest: str
    offset: int
    size: int


class Records(Struct, frozen=True, tag="records"):
    """What the parent has recorded below the path."""

    records: tuple[NodeRecord, ...]


class Missing(Struct, frozen=True, tag="missing"):
    """The parent does not have it either."""

    what: str
    digest: str
    message: str


class Events(Struct, frozen=True, tag="events"):
    """What happened since the last ones."""

    events: tuple[Event, ...]


class Ended(Struct, frozen=True, tag="ended"):
    """The run is over; `results` leave out unchanged nodes, which are counted."""

    results: tuple[NodeResult, ...]
    unchanged: int


class Refused(Struct, frozen=True, tag="refused"):
    """The run cannot be carried out at all."""

    message: str


Downward = RunRequest | Chunk | Records | Missing
Upward = Need | Events | Ended | Refused

_DOWN: msgspec.json.Decoder[Downward] = msgspec.json.Decoder(Downward)
_UP: msgspec.json.Decoder[Upward] = msgspec.json.Decoder(Upward)


class UnusableMessageError(Exception):
    """A header that is no message of this protocol."""


def encode(message: Downward | Upward) -> bytes:
    """A message as a frame's header."""
    return msgspec.json.encode(message)


def decode_downward(header: bytes) -> Downward:
    """What a parent said.

    Raises:
        UnusableMessageError: it is no message of a parent.
    """
    try:
        return _DOWN.decode(header)
    except msgspec.MsgspecError as error:
        raise UnusableMessageError(str(error)) from error


def decode_upward(header: bytes) -> Upward:
    """What an initiator said.

    Raises:
        UnusableMessageError: it is no message of an initiator.
    """
    try:
        return _UP.decode(header)
    except msgspec.MsgspecError as error:
        raise UnusableMessageError(str(error)) from error
