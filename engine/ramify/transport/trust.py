"""Whom we trust and who we are: all that a connection needs besides the host itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")
SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")
SYSTEM_SSH_CONFIG = Path("/etc/ssh/ssh_config")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Host keys to believe, keys to show, and whether the user's ssh_config has a say.

    `known_hosts` is the text that the inventory brings; the files are this machine's own. `identities` are
    offered beside the agent's keys to hosts with `auth: agent`; hosts with `auth: key` get the identity
    that the inventory names, or the default ones of this machine's user (`default_identities`). Lab hosts
    are reached with `lab_identity`, or from one lab host to another with its default ones.
    """

    known_hosts: str = ""
    known_hosts_files: tuple[Path, ...] = ()
    identities: tuple[Path, ...] = ()
    default_identities: tuple[Path, ...] = ()
    lab_identity: Path | None = None
    agent_path: str | None = None
    ssh_config: tuple[Path, ...] = ()

    @classmethod
    def of_operator(
        cls,
        known_hosts: str,
        environ: Mapping[str, str],
        home: Path,
        *,
        lab_identity: Path | None = None,
    ) -> Self:
        """What `ssh` would use for the person at this machine, and the inventory's known hosts."""
        folder = home / ".ssh"
        own = tuple(folder / name for name in DEFAULT_IDENTITIES)
        config = (folder / "config", SYSTEM_SSH_CONFIG)
        return cls(
            known_hosts=known_hosts,
            known_hosts_files=(folder / "known_hosts", SYSTEM_KNOWN_HOSTS),
            identities=own,
            default_identities=own,
            lab_identity=lab_identity,
            agent_path=environ.get("SSH_AUTH_SOCK") or None,
            ssh_config=tuple(file for file in config if file.is_file()),
        )

    @classmethod
    def of_initiator(cls, known_hosts: str, agent_path: str | None, home: Path) -> Self:
        """What a parent handed down, and the keys of the initiator's own host; no ssh_config."""
        own = tuple(home / ".ssh" / name for name in DEFAULT_IDENTITIES)
        return cls(known_hosts=known_hosts, default_identities=own, agent_path=agent_path)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Deadlines in seconds, and how much is done at once.

    `per_server` bounds connections to one server that have not authenticated yet: sshd drops them at
    random from the tenth on (MaxStartups 10:30:60). `per_connection` bounds who shares a connection: sshd
    starts ten sessions on one (MaxSessions), and a holder may well have two open.
    """

    connect: float = 10
    login: float = 20
    open: float = 15
    keepalive_interval: float = 15
    keepalive_count: int = 3
    per_server: int = 8
    at_once: int = 64
    per_connection: int = 5
    attempts: int = 6
    backoff: float = 0.25
