"""What a parent and its initiator say to each other, as frames over the session to the initiator's host."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, structs

from ramify.compile.proofs import Proof
from ramify.model.events import Event, Finished
from ramify.model.history import KEEP, Cause, Holding, Lease
from ramify.model.plan import Goal, NodePlan
from ramify.model.record import NodeRecord

Kind = Literal["apply", "refresh", "plan"]
Content = Literal["bundle", "pack"]
Number = Annotated[int, Meta(ge=0)]
Spot = tuple[int, int, int]
"""A place in a log, as its stub names it."""

PIECE = 256 * 1024
"""Bytes of a message, more or less: far below what a frame may hold, and soon sent on a slow link."""


class Options(Struct, frozen=True):
    """How a run works, the same on every level: how many children at once, and seconds.

    An initiator says something every `beat`, if only that it lives; its parent gives it up after `silence`.
    Without `rollouts` nothing is kept to that the hierarchy says of waves and limits.
    Events wait for company for `gather`: thousands of nodes would be thousands of frames otherwise. As
    many runs as `history` says are remembered. Where another one holds what a run wants, it waits for `wait`,
    without a number for as long as it takes. With `fix_drift` drift is put right whatever the hierarchy says.
    A change of what runs is taken back by its host unless it is confirmed within `confirm_timeout`; with 0
    it stays. A run that nobody above has been heard of for `lease` begins nothing more, and so ends.
    """

    parallel: int = 64
    command_timeout: float = 900
    reply_timeout: float = 60
    attach_timeout: float = 20
    beat: float = 10
    silence: float = 60
    gather: float = 0.02
    rollouts: bool = True
    history: int = KEEP
    wait: float | None = 0
    fix_drift: bool = False
    confirm_timeout: float = 30
    lease: float = 900


class RunRequest(Struct, frozen=True, tag="run"):
    """Work on all that is below a path.

    `goal` is what is wished for there, where anything is changed at all. `known` is the fingerprint of what
    the parent has recorded below it; `agent` is the socket of the forwarded SSH agent on the initiator's own
    host. `selection` holds path expressions, none for all. `mounts` are the nodes to go to whose domains are
    planned by their initiators, each with the digest of the domain's bundle that this was planned from;
    without one whatever the domain has by now.
    `observed` stands for all that the nodes below were recorded as when a saved plan was made: who has other
    records asks for the whole of it, and touches only what has stayed as it was. Without it there is no such
    plan. So many nodes may be at risk as there are `tickets`, until more come; any number without.
    """

    kind: Kind
    bundle: str
    path: str
    run: str
    known: str
    selection: tuple[str, ...] = ()
    agent: str | None = None
    above: Proof = ()
    options: Options = Options()
    mounts: dict[str, str] = {}
    observed: str = ""
    cause: Cause = Cause()
    tickets: Number | None = None
    goal: Goal = "apply"


class LogRequest(Struct, frozen=True, tag="logs"):
    """Bring the logs of nodes below a path: their last lines, and with `follow` all that comes after.

    Those of the last run of each service, of the run before it if they are the `previous` ones, or what its
    installers said; None for both. `at` says of nodes where in the log of each process to go on: such a
    node, or a process of it, need not be there yet. It is the only request on its link, and the end of the
    link is its end.
    """

    path: str
    paths: tuple[str, ...]
    lines: int = 100
    follow: bool = False
    previous: bool = False
    install: bool | None = False
    agent: str | None = None
    at: dict[str, dict[str, Spot]] = {}


class LockRequest(Struct, frozen=True, tag="locks"):
    """Tell which runs hold what at and below a path; with `paths` only on the way to these, and below them.

    Those that `release` names end: they begin nothing more. `who` wants that. It is the only request on its
    link.
    """

    path: str
    paths: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    who: str = ""
    agent: str | None = None


class Reserve(Struct, frozen=True, tag="reserve"):
    """Begin nothing for others for a while: the run of `lease` is about to stop the initiator itself.

    Whoever else is at work through it is waited for, for `wait`, without a number for as long as it takes. It
    is the only request on its link.
    """

    path: str
    lease: Lease
    wait: float | None = 0


class Need(Struct, frozen=True, tag="need"):
    """The initiator asks for something that its parent has, from a byte on: it may have what is before."""

    what: Literal["bundle", "pack", "records", "observed"]
    digest: str = ""
    offset: int = 0


class Ask(Struct, frozen=True, tag="ask"):
    """The initiator of a path asks for secrets, to be sealed for a key; whoever is between hands it on.

    `number` is that of the question on one link.
    """

    number: int
    path: str
    key: bytes
    names: tuple[str, ...]


class Sealed(Struct, frozen=True, tag="sealed"):
    """The answer to a question of that number: a box, or why there is none."""

    number: int
    box: bytes = b""
    problem: str = ""
    way_out: str = ""


class Chunk(Struct, frozen=True, tag="chunk"):
    """A piece of what was asked for; the bytes are the frame's body.

    Whoever has all of it already gets one of no bytes, which says so.
    """

    what: Content
    digest: str
    offset: int
    size: int


class Records(Struct, frozen=True, tag="records"):
    """Some of what the parent has recorded below the path; with `last` that was all."""

    records: tuple[NodeRecord, ...]
    last: bool


class Observed(Struct, frozen=True, tag="observed"):
    """Some of the generations that a saved plan saw below the path; with `last` that was all."""

    generations: dict[str, str]
    last: bool


class Missing(Struct, frozen=True, tag="missing"):
    """The parent does not have it either."""

    what: str
    digest: str
    message: str


class Events(Struct, frozen=True, tag="events"):
    """What happened since the last ones; nothing at all is a sign of life.

    Whoever `hears` wants signs of life from above, too.
    """

    events: tuple[Event, ...]
    hears: bool = False


class Alive(Struct, frozen=True, tag="alive"):
    """The parent is there: a sign of life."""


class Recorded(Struct, frozen=True, tag="recorded"):
    """Some of the records of a `Found` event, which may be larger than a frame; the last one completes it."""

    path: str
    records: tuple[NodeRecord, ...]
    last: bool


class Balance(Struct, frozen=True, tag="balance"):
    """What became of tickets: given back, or lost with their nodes; and how many more are wanted."""

    returned: Number = 0
    failed: Number = 0
    offline: Number = 0
    wanted: Number = 0


class Grant(Struct, frozen=True, tag="grant"):
    """More tickets, which were asked for."""

    tickets: Number


class Halt(Struct, frozen=True, tag="halt"):
    """Begin nothing any more; what is in flight ends."""

    reason: str


class Stop(Struct, frozen=True, tag="stop"):
    """End what is in flight, on every level, `within` so many seconds; nothing else begins."""

    reason: str
    within: float


class Said(Struct, frozen=True, tag="said"):
    """Lines of a node's process; `lost` says that some before them are gone. Without a process: it lives.

    `at` is where its log goes on after them.
    """

    path: str
    process: str = ""
    text: str = ""
    lost: bool = False
    at: Spot | None = None


class Over(Struct, frozen=True, tag="over"):
    """There is no more of a node's logs, and why, if they could not be read."""

    path: str
    problem: str = ""


class Holds(Struct, frozen=True, tag="holds"):
    """What an initiator holds for runs."""

    holdings: tuple[Holding, ...]


class Unasked(Struct, frozen=True, tag="unasked"):
    """The initiator of a path could not be asked who holds what there, and those below it neither."""

    path: str
    why: str


class Ended(Struct, frozen=True, tag="ended"):
    """The run is over: every node that did not stay as it was has been told of."""


class Refused(Struct, frozen=True, tag="refused"):
    """The run is not carried out, or, once `begun`, not to its end; `locked` by another one."""

    message: str
    begun: bool = False
    locked: bool = False


Request = RunRequest | LogRequest | LockRequest
Asked = Request | Reserve
Downward = Asked | Sealed | Chunk | Records | Observed | Missing | Grant | Halt | Stop | Alive
OfRun = Need | Ask | Events | Recorded | Balance | Ended | Refused
Upward = OfRun | Said | Over | Holds | Unasked

_DOWN: msgspec.json.Decoder[Downward] = msgspec.json.Decoder(Downward)
_UP: msgspec.json.Decoder[Upward] = msgspec.json.Decoder(Upward)

MANY = 1000
"""Generations in a message: paths have bounds of their own."""

T = TypeVar("T", Event, NodeRecord, NodePlan)


class UnusableMessageError(Exception):
    """A frame that is no message of this protocol, or none that was due."""


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
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnusableMessageError(str(error)) from error


def decode_upward(header: bytes) -> Upward:
    """What an initiator said.

    Raises:
        UnusableMessageError: it is no message of an initiator.
    """
    try:
        return _UP.decode(header)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnusableMessageError(str(error)) from error


def pieces(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """Items in groups that fit into a message, in order."""
    group: list[T] = []
    size = 0
    for item in items:
        length = len(msgspec.json.encode(item))
        fitting = item if length <= PIECE else _slim(item)
        if group and size + length > PIECE:
            yield tuple(group)
            group, size = [], 0
        group.append(fitting)
        size += length
    if group:
        yield tuple(group)


def generations(seen: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Generations in groups that fit into a message."""
    items = iter(seen.items())
    while group := dict(islice(items, MANY)):
        yield group


def _slim(item: T) -> T:
    """A record or plan without its values, which can be of any size, and are for a plan's reader only."""
    if isinstance(item, NodeRecord):
        return structs.replace(item, values={})
    if isinstance(item, Finished) and item.record is not None:
        return structs.replace(item, record=structs.replace(item.record, values={}))
    if isinstance(item, NodePlan):
        return structs.replace(item, changes=(), reason=item.reason or "values too large to be shown here")
    return item
