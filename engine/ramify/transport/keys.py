"""The keys of a process: each file read once, the agent asked once, for however many hosts."""

import asyncio
import copy
from collections.abc import Iterable, Sequence
from pathlib import Path

import asyncssh

from ramify.transport.trust import Trust


class UnusableKeyError(Exception):
    """An identity that somebody named cannot be used; the message says why."""


class KeyRing:
    """Keys to show to hosts. `notes` keeps what could not be had, for the message of a refused login."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._files: dict[Path, Sequence[asyncssh.SSHKeyPair] | Exception] = {}
        self._publics: dict[Path, bytes | None] = {}
        self._agents: dict[str, _Agent] = {}
        self.notes: dict[str, None] = {}

    async def for_agent(
        self, path: str | None, identities: Iterable[Path], *, only: bool = False
    ) -> list[asyncssh.SSHKeyPair]:
        """The agent's keys, then those of files that exist; what the files name comes first.

        A server hangs up after six wrong keys (MaxAuthTries), and an agent may well hold more. `only`
        takes no others than the named ones, as IdentitiesOnly of ssh_config.
        """
        files = [file.expanduser() for file in identities]
        named = {data for file in files if (data := self._public(file))}
        held = sorted(await self._from_agent(path), key=lambda pair: pair.public_data not in named)
        return [*(pair for pair in held if not only or pair.public_data in named), *self._present(files)]

    def _public(self, file: Path) -> bytes | None:
        if file not in self._publics:
            self._publics[file] = _public(file)
        return self._publics[file]

    def for_identity(self, identity: str | None, instead: Sequence[Path] = ()) -> list[asyncssh.SSHKeyPair]:
        """The identity that the inventory names, or else those of ssh_config, or the default ones.

        Raises:
            UnusableKeyError: the named one is missing, encrypted, or no key.
        """
        if identity is None:
            return self._present(instead or self._trust.default_identities)
        file = Path(identity).expanduser()
        try:
            return _own(self._load(file))
        except OSError as error:
            raise UnusableKeyError(f"cannot read the key {file}: {error.strerror}") from error
        except asyncssh.KeyImportError as error:
            raise UnusableKeyError(f"cannot use the key {file}: {error}") from error

    async def close(self) -> None:
        """Leave the agents."""
        for agent in self._agents.values():
            agent.client.close()
            await agent.client.wait_closed()

    def _present(self, files: Iterable[Path]) -> list[asyncssh.SSHKeyPair]:
        found: list[asyncssh.SSHKeyPair] = []
        for file in files:
            try:
                found += _own(self._load(file))
            except FileNotFoundError:
                continue
            except (OSError, asyncssh.KeyImportError) as error:
                # An encrypted default key is no mistake: the agent may hold it. Say so if the login fails.
                self.notes[f"{file} was not offered: {error}"] = None
        return found

    def _load(self, file: Path) -> Sequence[asyncssh.SSHKeyPair]:
        if file not in self._files:
            try:
                self._files[file] = asyncssh.load_keypairs(file)
            except (OSError, asyncssh.KeyImportError) as error:
                self._files[file] = error
        found = self._files[file]
        if isinstance(found, Exception):
            raise found
        return found

    async def _from_agent(self, path: str | None) -> list[asyncssh.SSHKeyPair]:
        if not path:
            self.notes["no SSH agent is at hand"] = None
            return []
        agent = self._agents.setdefault(path, _Agent(path))
        try:
            return _own(await agent.keys())
        except (OSError, ValueError) as error:
            self.notes[f"the SSH agent at {path} does not answer: {error}"] = None
            return []


class _Agent:
    """One connection to one agent, over which all logins are signed."""

    def __init__(self, path: str) -> None:
        self.client = asyncssh.SSHAgentClient(path)
        self._lock = asyncio.Lock()
        self._keys: Sequence[asyncssh.SSHKeyPair] | None = None

    async def keys(self) -> Sequence[asyncssh.SSHKeyPair]:
        """Its keys, asked for once: many logins start together, and each would ask."""
        async with self._lock:
            if self._keys is None:
                self._keys = await self.client.get_keys()
            return self._keys


def _public(file: Path) -> bytes | None:
    try:
        return asyncssh.read_public_key(f"{file}.pub").public_data
    except (OSError, asyncssh.KeyImportError):
        return None


def _own(pairs: Iterable[asyncssh.SSHKeyPair]) -> list[asyncssh.SSHKeyPair]:
    # A login notes in the pair which signature it agreed on: two logins must not share that note.
    return [copy.copy(pair) for pair in pairs]
