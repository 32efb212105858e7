"""The operator's way to logs: through the initiators, and without the secrets that nodes are given."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from msgspec import structs

from ramify.compile.confidential import used
from ramify.initiator.listening import Hear, Listening
from ramify.initiator.messages import LogRequest, Over, Said
from ramify.initiator.operator import Workspace, own_place
from ramify.initiator.ring import masked
from ramify.model.diagnostics import Diagnostics, DiagnosticsError

Listen = Callable[[LogRequest, Hear], Awaitable[None]]


@asynccontextmanager
async def listening(space: Workspace, nodes: Iterable[str]) -> AsyncIterator[Listen]:
    """A way to have the logs of nodes brought, as they are recorded then; secrets in them are masked.

    Raises:
        DiagnosticsError: a secret of one of the nodes cannot be read, so that nobody knows what to mask.
    """
    values = _values_of(space, nodes)
    async with own_place(space) as place:

        async def bring(request: LogRequest, hear: Hear) -> None:
            async def masking(said: Said | Over) -> None:
                told = masked(said.text, values) if isinstance(said, Said) else ""
                await hear(structs.replace(said, text=told) if isinstance(said, Said) else said)

            hearing = masking if values else hear
            await Listening(space.fleet, space.records(), place.hosts, hearing).bring(request)

        yield bring


def _values_of(space: Workspace, nodes: Iterable[str]) -> list[str]:
    """The secrets of nodes."""
    known, found = space.fleet.by_path, Diagnostics()
    names = frozenset[str]().union(*(used(space.fleet, known[path]) for path in nodes if path in known))
    space.vault.fingerprints(names, found)
    if found.failed:
        raise DiagnosticsError(found)
    return [space.vault.value(name) for name in names]
