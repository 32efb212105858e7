"""Nodes that were found on hosts and that nobody here knows: told, and left alone."""

from collections.abc import Iterator, Sequence

from ramify.cli.paint import Paint
from ramify.cli.words import counted
from ramify.model.events import Stray
from ramify.stub.layout import key

MOST = 8
_PLAIN = Paint()
_WAY_OUT = (
    "Moves have left them behind, or they are another project's. Nothing is done to them.",
    "Who wants one gone ends its processes on that host, and removes its folder there.",
)


def text(strays: Sequence[Stray], paint: Paint = _PLAIN, *, full: bool = False) -> str:
    """All of them, or the first few, and what to do."""
    return "\n".join(_lines(strays, paint, len(strays) if full else MOST))


def _lines(strays: Sequence[Stray], paint: Paint, most: int) -> Iterator[str]:
    found = counted(len(strays), "node")
    yield paint("warning", f"Found on hosts, and in neither the hierarchy nor the records: {found}")
    for stray in strays[:most]:
        processes = f" (process {', '.join(map(str, stray.pids))})" if stray.pids else ""
        yield f"    ? {stray.path} on {stray.host}: {stray.environment}, {stray.service}{processes}"
        yield f"        ~/.ramify/nodes/{key(stray.path)}"
    if len(strays) > most:
        yield f"      … and {counted(len(strays) - most, 'node')} more; `-v` shows them"
    yield from (f"      {line}" for line in _WAY_OUT)
