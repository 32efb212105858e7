"""One login by SSH: how far it came, and what its failure means."""

import asyncio
import base64
import hashlib
import os
import socket

import asyncssh

from ramify.model.inventory import Host
from ramify.transport import options
from ramify.transport.errors import AuthenticationError, HostKeyError, Phase, TransportError, UnreachableError
from ramify.transport.keys import KeyRing, UnusableKeyError
from ramify.transport.known_hosts import KnownHosts
from ramify.transport.trust import Limits, Trust


class Login:
    """An attempt to log in to a host."""

    def __init__(
        self, host: Host, trust: Trust, limits: Limits, keys: KeyRing, known_hosts: KnownHosts
    ) -> None:
        self._host = host
        self._trust = trust
        self._limits = limits
        self._keys = keys
        self._known_hosts = known_hosts
        self._offer = options.Offer({}, [])
        self._progress: _Progress | None = None

    async def perform(self, *, agent: bool) -> asyncssh.SSHClientConnection:
        """Connect, verify the host key, authenticate.

        Raises:
            TransportError: UnreachableError, HostKeyError or AuthenticationError.
        """
        try:
            self._offer = await options.build(
                self._host, self._trust, self._limits, self._keys, self._known_hosts
            )
            return await self._connect((agent and self._trust.agent_path) or False)
        except UnusableKeyError as error:
            raise AuthenticationError(self._host.name, str(error), _MEND_IDENTITY) from error
        except (asyncssh.Error, OSError, ValueError) as error:
            raise self._meaning(error) from error

    async def _connect(self, forward: str | bool) -> asyncssh.SSHClientConnection:
        async with asyncio.timeout(self._limits.connect) as deadline:
            # One deadline for getting through, then, from the first contact on, one for logging in.
            progress = self._progress = _Progress(deadline, self._limits.login)
            return await asyncssh.connect(
                client_factory=lambda: progress, agent_forwarding=forward, **self._offer.arguments
            )

    def _meaning(self, error: Exception) -> TransportError:
        name, phase = self._host.name, self._phase()
        match error:
            case asyncssh.HostKeyNotVerifiable():
                return self._wrong_host_key(error)
            case asyncssh.KeyExchangeFailed() if "host key" in error.reason:
                return HostKeyError(name, "shows none of the kinds of host key that we accept", _MEND_KINDS)
            case asyncssh.ConnectionLost():
                return self._no_connection(error, name, phase)
            case asyncssh.DisconnectError() if phase is Phase.AUTHENTICATION:  # also: too many keys
                return self._not_let_in(error.reason)
            case _:
                return self._no_connection(error, name, phase)

    def _no_connection(self, error: Exception, name: str, phase: Phase) -> TransportError:
        match error:
            case asyncssh.ConnectionLost() | ConnectionError() if phase is not Phase.CONNECT:
                early = phase is not Phase.AUTHENTICATION
                return UnreachableError(name, phase, "the server hung up", dropped=early)
            case TimeoutError():
                return UnreachableError(name, phase, f"no answer within {self._waited(phase):g} s")
            case socket.gaierror():
                reason = f'"{self._host.address}": {error.strerror}'
                return UnreachableError(name, Phase.LOOKUP, reason)
            case _:
                return UnreachableError(name, phase, _plain(error))

    def _phase(self) -> Phase:
        return self._progress.phase if self._progress else Phase.CONNECT

    def _waited(self, phase: Phase) -> float:
        return self._limits.connect if phase is Phase.CONNECT else self._limits.login

    def _wrong_host_key(self, error: asyncssh.HostKeyNotVerifiable) -> HostKeyError:
        place = self._host.address
        if self._host.port != asyncssh.DEFAULT_PORT:
            place = f"[{place}]:{self._host.port}"
        seen = self._progress.seen if self._progress else None
        if seen is None:  # revoked, or a certificate that nobody trusted vouches for
            return HostKeyError(self._host.name, f"{error.reason} ({place})", _MEND_REVOKED)
        kind, fingerprint = seen.get_algorithm(), seen.get_fingerprint()
        scan = f"ssh-keyscan -p {self._host.port} {self._host.address}"
        if self._known_hosts.match(self._host.address, self._host.port).trusted:
            reason = f"the host key of {place} has changed: it shows {kind} {fingerprint}"
            return HostKeyError(self._host.name, reason, _MEND_CHANGED.format(scan=scan), fingerprint)
        reason = f"the host key of {place} is not known: it shows {kind} {fingerprint}"
        return HostKeyError(self._host.name, reason, _MEND_UNKNOWN.format(scan=scan), fingerprint)

    def _not_let_in(self, reason: str) -> AuthenticationError:
        shown = ", ".join(_print_of(pair) for pair in self._offer.keys) or "no key at all"
        notes = "".join(f"; {note}" for note in self._keys.notes)
        hint = _MEND_AGENT if self._host.auth == "agent" else _MEND_IDENTITY
        return AuthenticationError(self._host.name, f"{reason}; offered {shown}{notes}", hint)


class _Progress(asyncssh.SSHClient):
    """What asyncssh tells about a login on its way."""

    def __init__(self, deadline: asyncio.Timeout, login: float) -> None:
        self._deadline = deadline
        self._login = login
        self._connection: asyncssh.SSHClientConnection | None = None
        self.seen: asyncssh.SSHKey | None = None

    @property
    def phase(self) -> Phase:
        """How far it came."""
        if self._connection is None:
            return Phase.CONNECT
        if self._connection.get_extra_info("server_version") is None:
            return Phase.GREETING
        # The cipher is chosen at the end of the key exchange, when the host key has been verified.
        if self._connection.get_extra_info("send_cipher") is None:
            return Phase.KEY_EXCHANGE
        return Phase.AUTHENTICATION

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        if not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._login)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.seen = key  # asked only where known_hosts does not have it: the answer is no, always
        return False


def _print_of(pair: asyncssh.SSHKeyPair) -> str:
    printed = base64.b64encode(hashlib.sha256(pair.public_data).digest()).decode().rstrip("=")
    return f"{pair.get_comment() or pair.algorithm.decode()} SHA256:{printed}"


def _plain(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)


_MEND_UNKNOWN = (
    "compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there), "
    "then add the line that `{scan}` prints to the file that the inventory names as `known_hosts`"
)
_MEND_CHANGED = (
    "if the host was set up anew, replace its lines in the inventory's `known_hosts` (and in "
    "~/.ssh/known_hosts: ssh-keygen -R) by what `{scan}` prints; if it was not, somebody is in between"
)
_MEND_REVOKED = "look for @revoked and @cert-authority lines in the inventory's `known_hosts`"
_MEND_KINDS = "the host needs an ed25519, ECDSA or RSA (SHA-2) host key: ssh-keygen -A there"
_MEND_AGENT = "ssh-add the key that the host's authorized_keys has, or set `auth: key` in the inventory"
_MEND_IDENTITY = (
    "`auth: key` uses `identity` of the inventory (default ~/.ssh/id_ed25519, id_ecdsa, id_rsa) of the "
    "machine that connects; its public half belongs into the host's authorized_keys"
)
