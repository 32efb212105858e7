"""What a stub says, as typed values. It comes from a host, so nothing is believed that is not checked."""

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from ramify.model.drift import Drift
from ramify.stub import wire
from ramify.transport.errors import UnusableReplyError

Environment = Literal["non-existent", "code-loaded", "configured", "installed"]
Service = Literal["non-existent", "deployed", "configured", "active", "passive"]
Held = Literal["", "stopped", "paused"]


class Hello(Struct, frozen=True):
    """A stub's greeting: what it is, what runs it, and the policy it has pinned (its sha256, or nothing)."""

    hello: int
    protocol: tuple[int, ...]
    stub: str
    python: tuple[int, int, int]
    implementation: str
    platform: str
    machine: str
    root: str
    libc: str = ""
    agent: str | None = None
    trust: str = ""


class OpenStep(Struct, frozen=True):
    """A step that has begun and not ended: the stub that did it was killed."""

    command: str
    step: str


class Exit(Struct, frozen=True):
    """How a process of a service ended (minus the number of a signal), and when."""

    code: int
    at: float


class Health(Struct, frozen=True):
    """How a service does that is checked, since when, and what the check that failed last said."""

    state: Literal["healthy", "unhealthy", "starting"]
    since: float
    output: str = ""


class Pending(Struct, frozen=True):
    """A change that is taken back to a release unless it is confirmed; with `why` that has begun."""

    token: str
    release: int
    seconds: float
    why: str = ""


class Reverted(Struct, frozen=True):
    """A change that was taken back to a release; `problem` is what could not be done about it."""

    token: str
    release: int
    at: float
    why: str
    problem: str = ""


class LogPiece(Struct, frozen=True):
    """Some of a process's log, and the place to read on from; `lost` says that what was before is gone."""

    at: tuple[int, int, int]
    text: str
    lost: bool = False


class NodeState(Struct, frozen=True):
    """Where a node stands on its host; `drift` is what was not as it was put there (verify)."""

    path: str
    environment: Environment = "non-existent"
    service: Service = "non-existent"
    release: int = 0
    digest: str = ""
    environment_digest: str = ""
    service_digest: str = ""
    binding: str = ""
    held: Held = ""
    open: OpenStep | None = None
    pids: dict[str, int] = field(default_factory=dict)
    exits: dict[str, Exit] = field(default_factory=dict)
    health: Health | None = None
    pending: Pending | None = None
    reverted: Reverted | None = None
    drift: tuple[Drift, ...] | None = None


class Problem(Struct, frozen=True):
    """Why a request was not carried out; `code` is one of those in ramify.stub.wire."""

    code: str
    message: str
    detail: str = ""
    command: str = ""
    found: NodeState | None = None
    received: int | None = None


class Reply(Struct, frozen=True):
    """The answer to any request; which fields it fills depends on the operation."""

    id: int | None
    ok: bool
    error: Problem | None = None
    have: dict[str, int] = field(default_factory=dict)
    received: int = 0
    done: tuple[str, ...] = ()
    state: NodeState | None = None
    nodes: tuple[NodeState, ...] = ()
    logs: dict[str, LogPiece] = field(default_factory=dict)
    more: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class StubError(Exception):
    """The stub did not do it, and says why. The session goes on."""

    def __init__(self, reply: Reply, problem: Problem) -> None:
        super().__init__(problem.message)
        self.reply = reply
        self.code = problem.code
        self.message = problem.message
        self.detail = problem.detail
        self.command = problem.command
        self.found = problem.found
        self.received = problem.received


_HELLO = msgspec.json.Decoder(Hello)
_REPLY = msgspec.json.Decoder(Reply)


def hello(header: bytes, host: str, digest: str) -> Hello:
    """Read a greeting.

    Raises:
        UnusableReplyError: it is none, of another protocol, or of another stub than was sent.
    """
    try:
        found = _HELLO.decode(header)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnusableReplyError(host, f"the stub's greeting cannot be read: {error}") from error
    if wire.PROTOCOL not in found.protocol:
        reason = f"expected protocol {wire.PROTOCOL}, the stub speaks {found.protocol}"
        raise UnusableReplyError(host, reason)
    if found.stub != digest:
        raise UnusableReplyError(host, f"expected stub {digest[:12]}, got {found.stub[:12]}")
    return found


def reply(header: bytes, host: str) -> Reply:
    """Read a reply.

    Raises:
        UnusableReplyError: it is none, or it is to nothing that was asked.
    """
    try:
        found = _REPLY.decode(header)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnusableReplyError(host, f"a reply of the stub cannot be read: {error}") from error
    if found.id is None or found.ok == (found.error is not None):
        said = found.error.message if found.error else "neither success nor failure"
        raise UnusableReplyError(host, f"the stub could not follow: {said}")
    return found
