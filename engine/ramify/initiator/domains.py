"""The servers of domains that nobody but an initiator can ask, and what they said last.

What was fetched is kept, and asked for again only if it is another by now. Where a server does not answer
the copy has to do, which is said; a plan that somebody has seen is carried out from just the bundle that it
was made from, or not at all.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct, structs

from ramify.compile.fleet import Fleet
from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.repository.store import Store
from ramify.repository.transfers import Limits, TransferError

MAX_DEPTH = 16
LIMITS = Limits(connect=5, silence=15, head=15, attempts=2)

_NO_ANSWER = "no-answer"
_BUNDLE = ".bundle"


class DomainError(Exception):
    """A domain cannot be planned from here; the sentence says which and why."""


class Servers(Protocol):
    """How servers are asked; both raise TransferError."""

    async def bundle(self, server: str, known: str) -> bytes | None:
        """The bundle that a server has; None if it is the one with the known digest."""

    async def pack(self, server: str, digest: str, store: Store) -> Path:
        """A pack, brought into a store."""


class Seen(Struct, frozen=True):
    """What a domain's server said; `stale` says why nobody knows whether it would say so still."""

    server: str
    bundle: Bundle
    digest: str
    stale: str = ""


class Domains:
    """Asks servers, and keeps their last words in a folder."""

    def __init__(self, folder: Path, servers: Servers) -> None:
        self._folder = folder
        self._servers = servers

    async def bundle(self, server: str, planned: str = "") -> Seen:
        """The bundle of the project that a server has: just the `planned` one, if that is given.

        Raises:
            DomainError: it is not to be had.
        """
        file = self._file(server)
        kept = _digest(file)
        stale = "" if planned and planned == kept else await self._ask(server, file, kept)
        digest = _digest(file)
        if planned and planned != digest:
            raise DomainError(f"the domain of {server} has changed since it was planned: plan again")
        return Seen(server, _opened(file.read_bytes(), server), digest, stale)

    async def _ask(self, server: str, file: Path, kept: str) -> str:
        """Have a file hold what a server has now; why it may be an old copy, if that cannot be."""
        try:
            data = await self._servers.bundle(server, kept)
        except TransferError as error:
            if not kept or error.code != _NO_ANSWER:
                raise DomainError(_words(server, error)) from error
            return str(error)
        if data is not None:
            _opened(data, server)
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_bytes(data)
            fresh.replace(file)
        return ""

    async def pack(self, seen: Seen, digest: str, store: Store) -> Path:
        """An artifact that a domain names, brought into a store.

        Raises:
            DomainError: it is not to be had.
        """
        names = {made.artifact for one in bundles.within(seen.bundle) for made in one.components.values()}
        if digest not in names:
            raise DomainError(f"{seen.server} names no artifact {digest[:12]}")
        try:
            return await self._servers.pack(seen.server, digest, store)
        except TransferError as error:
            raise DomainError(_words(seen.server, error)) from error

    def kept(self) -> Iterator[Bundle]:
        """What servers said last, also those that no node names any more."""
        for file in sorted(self._folder.glob(f"*{_BUNDLE}")):
            yield _opened(file.read_bytes(), file.name)

    def forget(self, but: Iterable[str]) -> None:
        """Keep the last words of some servers only."""
        kept = {self._file(server) for server in but}
        for file in self._folder.glob(f"*{_BUNDLE}"):
            if file not in kept:
                file.unlink(missing_ok=True)

    def _file(self, server: str) -> Path:
        return self._folder / f"{hashlib.sha256(server.encode()).hexdigest()[:32]}{_BUNDLE}"


def augmented(fleet: Fleet, path: str, seen: Bundle) -> Bundle:
    """A fleet's bundle with the domain of a node in it.

    Raises:
        DomainError: the node lies in that domain already, so that there would be no end.
    """
    keys = _keys(fleet, path)
    if keys[-1] in keys[:-1]:
        raise DomainError(f"the domain of {path} ({keys[-1]}) contains itself")
    if len(keys) > MAX_DEPTH:
        raise DomainError(f"the domain of {path} is nested deeper than {MAX_DEPTH}")
    # Ramify itself and places in pools are the matter of whoever plans the whole.
    return _with(fleet.bundle, keys, structs.replace(seen, runtimes=(), pins={}))


def _keys(fleet: Fleet, path: str) -> list[str]:
    """The keys of the domains that lead to a node's own, outermost first."""
    node, found = fleet.by_path.get(path), list[str]()
    while node is not None:
        if node.spec.domain is not None:
            found.append(node.spec.domain.key)
        node = node.parent
    return found[::-1]


def _with(bundle: Bundle, keys: list[str], seen: Bundle) -> Bundle:
    key, *further = keys
    inner = _with(bundle.domains[key], further, seen) if further else seen
    return structs.replace(bundle, domains={**bundle.domains, key: inner})


def _opened(data: bytes, server: str) -> Bundle:
    from ramify.repository.domains import opened  # noqa: PLC0415 - only for those who have a domain

    try:
        return opened(data, server)
    except UnusableBundleError as error:
        raise DomainError(f"{server} has no bundle that can be used here: {error}") from error


def _digest(file: Path) -> str:
    try:
        return bundles.digest(file.read_bytes())
    except FileNotFoundError:
        return ""


def _words(server: str, error: TransferError) -> str:
    hint = "; is it `ramify repo serve` of a whole project?" if error.code == "http-status" else ""
    return f"the domain's server {server} cannot be asked: {error}{hint}"


class WebServers:
    """Servers asked over HTTP, beside the loop (implements Servers)."""

    async def bundle(self, server: str, known: str) -> bytes | None:
        """The bundle that a server has; None if it is the one with the known digest."""
        from ramify.repository.domains import fetch_bundle  # noqa: PLC0415 - as above

        return await asyncio.to_thread(fetch_bundle, server, known, LIMITS)

    async def pack(self, server: str, digest: str, store: Store) -> Path:
        """A pack, brought into a store."""
        from ramify.repository.domains import fetch_pack  # noqa: PLC0415 - as above

        return await asyncio.to_thread(fetch_pack, server, digest, store, LIMITS)
