"""Servers of domains, in memory."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from ramify.model import bundle as bundles
from ramify.repository.store import Store
from ramify.repository.transfers import TransferError

if TYPE_CHECKING:
    from ramify.model.bundle import Bundle


class SimServers:
    """Servers of domains (implements Servers): what they serve, who is down, and what they were asked for."""

    def __init__(self) -> None:
        self.serves: dict[str, Bundle] = {}
        self.store: Store | None = None
        self.down: set[str] = set()
        self.asked: list[str] = []

    async def bundle(self, server: str, known: str) -> bytes | None:
        await self._answer(server, "bundle")
        data = bundles.encode(structs.replace(self.serves[server], runtimes=()))
        return None if bundles.digest(data) == known else data

    async def pack(self, server: str, digest: str, store: Store) -> Path:
        await self._answer(server, digest)
        if self.store is None or not self.store.has(digest):
            raise TransferError("http-status", "the server answers 404")
        store.path(digest).write_bytes(self.store.path(digest).read_bytes())
        return store.path(digest)

    async def _answer(self, server: str, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(0)
        if server in self.down:
            raise TransferError("no-answer", "Connection refused")
