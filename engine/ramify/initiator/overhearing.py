"""The operator's way to logs: through the initiators, and without the secrets that nodes are given."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from msgspec import structs

from ramify.compile.confidential import used
from ramify.initiator.listening import Hear, Listening
from ramify.initiator.masking import Stream, words
from ramify.initiator.messages import LogRequest, Over, Said
from ramify.initiator.operator import Workspace, own_place
from ramify.model.diagnostics import Diagnostics, DiagnosticsError

Listen = Callable[[LogRequest, Hear], Awaitable[None]]


@asynccontextmanager
async def listening(space: Workspace, nodes: Iterable[str]) -> AsyncIterator[Listen]:
    """A way to have the logs of nodes brought, as they are recorded then; secrets in them are masked.

    Raises:
        DiagnosticsError: a secret of one of the nodes cannot be read, so that nobody knows what to mask.
    """
    veil = _Veil(words(_values_of(space, nodes)))
    async with own_place(space) as place:

        async def bring(request: LogRequest, hear: Hear) -> None:
            hearing = partial(veil.over, hear, request)
            await Listening(space.fleet, space.records(), place.hosts, hearing).bring(request)

        yield bring


class _Veil:
    """Hides secrets in each log; where one was left off is remembered from one request to the next."""

    def __init__(self, known: Sequence[str]) -> None:
        self._words = known
        self._streams: dict[tuple[str, str], Stream] = {}

    async def over(self, hear: Hear, request: LogRequest, message: Said | Over) -> None:
        """Hand a message on."""
        if isinstance(message, Over):
            if not request.follow:
                await self._end(hear, message.path)
            await hear(message)
        elif message.process:
            stream = self._streams.setdefault((message.path, message.process), Stream(self._words))
            text = stream.feed(message.text, lost=message.lost)
            await hear(structs.replace(message, text=text))
        else:
            await hear(message)

    async def _end(self, hear: Hear, path: str) -> None:
        for (node, process), stream in self._streams.items():
            text = stream.end() if node == path else ""
            if text:
                await hear(Said(path, process, text))


def _values_of(space: Workspace, nodes: Iterable[str]) -> list[str]:
    """The secrets of nodes."""
    known, found = space.fleet.by_path, Diagnostics()
    names = frozenset[str]().union(*(used(space.fleet, known[path]) for path in nodes if path in known))
    space.vault.fingerprints(names, found)
    if found.failed:
        raise DiagnosticsError(found)
    return [space.vault.value(name) for name in names]
