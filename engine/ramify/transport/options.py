"""The options of a login: what the inventory says, then the user's ssh_config, then our own defaults."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_public_key_algs

from ramify.model.inventory import Host
from ramify.transport import algorithms
from ramify.transport.keys import KeyRing
from ramify.transport.known_hosts import KnownHosts
from ramify.transport.trust import Limits, Trust

Options = asyncssh.SSHClientConnectionOptions

# Our own choice stands only where ssh_config makes none.
_ALGORITHMS: Mapping[str, tuple[str, list[str]]] = {
    "KexAlgorithms": ("kex_algs", algorithms.supported(algorithms.KEY_EXCHANGE, get_kex_algs())),
    "Ciphers": ("encryption_algs", algorithms.supported(algorithms.ENCRYPTION, get_encryption_algs())),
    "MACs": ("mac_algs", algorithms.supported(algorithms.MAC, get_mac_algs())),
    "CASignatureAlgorithms": (
        "signature_algs",
        algorithms.supported(algorithms.SIGNATURE, get_public_key_algs()),
    ),
}


class Offer(NamedTuple):
    """Arguments for asyncssh.connect, and the keys among them, for an error message."""

    arguments: dict[str, Any]
    keys: list[asyncssh.SSHKeyPair]


async def build(host: Host, trust: Trust, limits: Limits, keys: KeyRing, known_hosts: KnownHosts) -> Offer:
    """All options of a login but who is told of its progress.

    Raises:
        UnusableKeyError: the identity that the inventory names cannot be used.
        ValueError: ssh_config cannot be understood.
    """
    arguments, said = await _named(host, trust)
    for file in (*_files(said("UserKnownHostsFile")), *_files(said("GlobalKnownHostsFile"))):
        known_hosts.load_file(file)
    offered = await _keys(host, trust, keys, said)
    arguments |= {name: ours for key, (name, ours) in _ALGORITHMS.items() if said(key) is None}
    if said("HostKeyAlgorithms") is None:
        name = said("HostKeyAlias") or said("Hostname") or host.address
        port = said("Port") or host.port
        arguments["server_host_key_algs"] = algorithms.host_keys(known_hosts.match(name, port))
    arguments |= {
        "known_hosts": lambda name, _, port: known_hosts.match(name, port or asyncssh.DEFAULT_PORT),
        "client_keys": offered or None,  # an empty list would mean "look for some yourself"
        "agent_path": None,  # its keys are among those offered
        "preferred_auth": ["publickey"],  # nobody is there to type a password
        "gss_host": None,
        "send_env": None,  # what a host does must not depend on whose terminal it was asked from
        "login_timeout": 0,  # we have our own, which knows the phase
        "keepalive_interval": limits.keepalive_interval,
        "keepalive_count_max": limits.keepalive_count,
    }
    return Offer(arguments, offered)


async def _named(host: Host, trust: Trust) -> tuple[dict[str, Any], Callable[[str], Any]]:
    # The lab is our own: a `Host *` that sends everything over a jump host is not meant for it.
    files = list(trust.ssh_config) if host.transport == "ssh" else []
    arguments: dict[str, Any] = {"host": host.address, "config": None}
    if host.user:
        arguments["username"] = host.user
    # The inventory cannot say "22" louder than not at all: an ssh_config may name another port for the host.
    if host.port != asyncssh.DEFAULT_PORT or not files:
        arguments["port"] = host.port
    if not files:
        return arguments, lambda _: None
    read = await Options.construct(**{**arguments, "config": files, "client_keys": None, "known_hosts": b""})
    arguments["options"] = read
    if read.tunnel:
        arguments["config"] = files  # asyncssh logs in to the jump host with it
    return arguments, read.config.get


async def _keys(
    host: Host, trust: Trust, keys: KeyRing, said: Callable[[str], Any]
) -> list[asyncssh.SSHKeyPair]:
    if host.transport == "lab":
        return keys.for_identity(str(trust.lab_identity) if trust.lab_identity else None)
    configured = _files(said("IdentityFile"))
    if host.auth == "key":
        return keys.for_identity(host.identity, configured)
    named = (Path(host.identity),) if host.identity else ()
    identities = (*named, *(configured or trust.identities))
    agent = said("IdentityAgent") or trust.agent_path
    return await keys.for_agent(agent, identities, only=bool(said("IdentitiesOnly")))


def _files(value: Any) -> tuple[Path, ...]:
    return tuple(Path(name).expanduser() for name in value or ())
