"""Known hosts: which host keys to believe, in the format of OpenSSH.

A bundle's inventory may name thousands of hosts while an initiator contacts ten of them, and reading a
key costs thirty times more than splitting its line: lines wait here by name until somebody asks.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import asyncssh

logger = logging.getLogger(__name__)

_PATTERN = frozenset("*?|/!")


class Match(NamedTuple):
    """Keys of a host, of authorities that may vouch for it, and revoked ones: as asyncssh wants them."""

    trusted: tuple[asyncssh.SSHKey, ...] = ()
    authorities: tuple[asyncssh.SSHKey, ...] = ()
    revoked: tuple[asyncssh.SSHKey, ...] = ()


class KnownHosts:
    """All known hosts of a process."""

    def __init__(self, text: str = "", files: Iterable[Path] = ()) -> None:
        self._exact: dict[str, list[str]] = {}
        self._patterns = asyncssh.SSHKnownHosts()
        self._matches: dict[tuple[str, int], Match] = {}  # a login asks twice
        self.load(text)
        self._files: set[Path] = set()
        for file in files:
            self.load_file(file)

    def load(self, text: str) -> None:
        """Add lines of a known_hosts file."""
        self._matches.clear()
        for line in text.splitlines():
            words = line.split(None, 2)
            if len(words) < 2 or words[0].startswith("#"):
                continue
            names = words[1] if words[0].startswith("@") else words[0]
            if _PATTERN.isdisjoint(names):
                for name in names.split(","):
                    self._exact.setdefault(name, []).append(line)
            else:
                _add(self._patterns, line)

    def load_file(self, file: Path) -> None:
        """Add a file, once; one that is not there says nothing."""
        if file in self._files:
            return
        self._files.add(file)
        try:
            self.load(file.read_text(errors="replace"))
        except OSError as error:
            logger.debug("cannot read %s: %s", file, error)

    def match(self, host: str, port: int) -> Match:
        """What is known of a host; another port than 22 is looked up by host and port first, as ssh does.

        The name is what counts, not the address that it leads to: whoever can bend a name could lead
        it to an address whose key is known for something else.
        """
        plain = self._named(host)
        if port == asyncssh.DEFAULT_PORT:
            return plain
        precise = self._named(f"[{host}]:{port}")
        found = precise if precise.trusted or precise.authorities else plain
        return found._replace(revoked=precise.revoked + plain.revoked)

    def _named(self, name: str) -> Match:
        exact = asyncssh.SSHKnownHosts()
        for line in self._exact.get(name, ()):
            _add(exact, line)
        one, other = exact.match(name, "", None), self._patterns.match(name, "", None)
        return Match(*((*one[at], *other[at]) for at in range(3)))


def _add(known: asyncssh.SSHKnownHosts, line: str) -> None:
    try:
        known.load(line)
    except ValueError as error:  # as ssh: a line that cannot be read vouches for nobody
        logger.warning("ignored a line of known_hosts: %s", error)
