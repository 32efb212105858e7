"""What can go wrong between here and a host.

    TransportError
    ├── UnreachableError        never got in; `phase` says how far it came, `dropped` that the server hung up
    ├── HostKeyError            the host key is unknown, has changed, or is revoked
    ├── AuthenticationError     the host does not take any of the keys that were offered
    ├── SessionRefusedError     connected, but the server starts no further command
    ├── StubNotStartedError     the host runs commands, but not our stub
    ├── ConnectionLostError     the link broke after it had been established
    └── UnusableReplyError      the bytes that came back are not what was agreed

Each names the host, says in one sentence what happened, and carries the way out in `hint`. Errors of
asyncssh and of the operating system are translated where they arise and kept as `__cause__`.
"""

from enum import Enum


class Phase(Enum):
    """How far a connection came."""

    LOOKUP = "name lookup"
    CONNECT = "connect"
    GREETING = "greeting"
    KEY_EXCHANGE = "key exchange"
    AUTHENTICATION = "authentication"


class TransportError(Exception):
    """Base of all: `host` as the inventory names it, `reason`, and the way out in `hint`."""

    def __init__(self, host: str, reason: str, hint: str = "") -> None:
        super().__init__(host, reason)
        self.host = host
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.host}: {self.reason}"


class UnreachableError(TransportError):
    """The connection ended before it was one. `dropped`: the server hung up before it asked who we are."""

    def __init__(self, host: str, phase: Phase, reason: str, *, dropped: bool = False) -> None:
        super().__init__(host, reason, _HINTS[phase])
        self.phase = phase
        self.dropped = dropped

    def __str__(self) -> str:
        return f"{self.host}: cannot be reached ({self.phase.value}): {self.reason}"


_HINTS = {
    Phase.LOOKUP: "check the host's `address` in the inventory",
    Phase.CONNECT: "check `address` and `port` in the inventory, and that the SSH server runs",
    Phase.GREETING: "something accepts connections there, but no SSH server answers in time",
    Phase.KEY_EXCHANGE: "the SSH server ended the handshake: its log says why",
    Phase.AUTHENTICATION: "the SSH server did not finish the login: its log says why",
}


class HostKeyError(TransportError):
    """The host is not the one it should be, or nobody said which one it should be."""

    def __init__(self, host: str, reason: str, hint: str, fingerprint: str = "") -> None:
        super().__init__(host, reason, hint)
        self.fingerprint = fingerprint


class AuthenticationError(TransportError):
    """No key that we have opens the host."""


class SessionRefusedError(TransportError):
    """The server accepts the login, but no (further) command."""


class StubNotStartedError(TransportError):
    """The command that starts the stub ended instead: no Python, an old one, no place to write."""


class ConnectionLostError(TransportError):
    """The link broke after it had been established; what was in flight may or may not have happened."""


class UnusableReplyError(TransportError):
    """What a host sent is not what was agreed; the session with it is over."""
