"""Where artifacts come from: this machine's store, or the parent, asked once for each."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from ramify.model.bundle import Bundle
from ramify.repository.store import Store
from ramify.repository.transfers import TransferError

Fetch = Callable[[str], Awaitable[Path]]


class MissingArtifactError(Exception):
    """Neither this machine nor any above it has an artifact."""


def first_of(*sources: Fetch) -> Fetch:
    """One source after the other, until one has what is asked for."""

    async def fetch(digest: str) -> Path:
        missing: list[str] = []
        for source in sources:
            try:
                return await source(digest)
            except MissingArtifactError as error:
                missing.append(str(error))
        raise MissingArtifactError("; ".join(missing))

    return fetch


def from_servers(bundle: Bundle, store: Store) -> Fetch | None:
    """The servers of those domains of a bundle that were planned by whoever made it, an operator."""
    if not bundle.domains:
        return None
    from ramify.repository.domains import fetch_pack, servers  # noqa: PLC0415 - only for those who have one
    from ramify.repository.downloads import Downloads  # noqa: PLC0415

    known = servers(bundle)
    if not known:
        return None
    downloads = Downloads()  # through the operator's proxies, as all else that is read here

    async def fetch(digest: str) -> Path:
        if digest not in known:
            raise MissingArtifactError(f"artifact {digest[:12]} is in no store")
        try:
            return await asyncio.to_thread(fetch_pack, known[digest], digest, store, downloads=downloads)
        except TransferError as error:
            raise MissingArtifactError(f"artifact {digest[:12]} of {known[digest]}: {error}") from error

    return fetch


class Supply:
    """Packs by digest; many may ask for one at the same time, it crosses the link once."""

    def __init__(self, stores: tuple[Store, ...], fetch: Fetch | None = None) -> None:
        self._stores = stores
        self._fetch = fetch
        self._coming: dict[str, asyncio.Future[Path]] = {}

    async def pack(self, digest: str) -> Path:
        """The file of a pack.

        Raises:
            MissingArtifactError: it is not to be had.
        """
        found = self._here(digest)
        if found is not None:
            return found
        if self._fetch is None:
            raise MissingArtifactError(f"artifact {digest[:12]} is in no store")
        if digest not in self._coming:
            self._coming[digest] = asyncio.ensure_future(self._fetch(digest))
            self._coming[digest].add_done_callback(lambda coming: self._came(digest, coming))
        # Whoever gives up waiting must not take it from the others.
        return await asyncio.shield(self._coming[digest])

    def _here(self, digest: str) -> Path | None:
        return next((store.path(digest) for store in self._stores if store.has(digest)), None)

    def _came(self, digest: str, coming: "asyncio.Future[Path]") -> None:
        # One that did not come is asked for again by the next who wants it.
        self._coming.pop(digest, None)
        if not coming.cancelled():
            coming.exception()

    async def close(self) -> None:
        """Stop what is still coming."""
        coming = list(self._coming.values())
        for future in coming:
            future.cancel()
        await asyncio.gather(*coming, return_exceptions=True)
