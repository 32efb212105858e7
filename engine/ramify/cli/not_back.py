"""Nodes that a way back did not bring back: which, and the commands that still lead there."""

from collections.abc import Collection, Iterator

from msgspec import Struct

from ramify.cli.folding import fold, shortened
from ramify.cli.words import counted
from ramify.directory.sqlite import Directory
from ramify.initiator.taking_back import made_by, not_well, to_undo
from ramify.model import paths

MOST_NAMES = 4


class Again(Struct, frozen=True):
    """Nodes that are not back, and the run that had made of them what they were."""

    run: str
    nodes: tuple[str, ...]


class NotBack(Struct, frozen=True):
    """The nodes that a run touched and that are not as before it, and ways back for some of them.

    Those that are `ill` have their earlier release, but their hosts could not bring it up well: why.
    """

    nodes: tuple[str, ...] = ()
    again: tuple[Again, ...] = ()
    ill: dict[str, str] = {}

    @property
    def all(self) -> tuple[str, ...]:
        """Those that are not as before, and those that are, but do not do well."""
        return (*self.nodes, *self.ill)


def after(directory: Directory, run: str) -> NotBack:
    """What is not as it was before a run."""
    left = to_undo(directory, run)
    again = made_by(directory, run, left).items()
    return NotBack(
        tuple(change.path for change in left),
        tuple(Again(made, tuple(nodes)) for made, nodes in again),
        not_well(directory, run),
    )


def lines(found: NotBack, known: Collection[str]) -> Iterator[str]:
    """The same as people read it; `known` are all nodes, for whom a command must not take by the way."""
    inner = frozenset(map(paths.parent, known))
    if not found.all:
        yield "By now all nodes are as before."
        return
    yield f"{counted(len(found.all), 'node')} not as before: {named(found.all)}"
    for path, why in list(found.ill.items())[:MOST_NAMES]:
        yield f"  {path}: {why}"
    for one in found.again:
        yield f"  {_command(one, inner)} goes back to what that run had made."


def named(nodes: Collection[str]) -> str:
    """Some nodes, folded, as many as can be read at once."""
    names, more = shortened(fold(nodes), MOST_NAMES)
    return f"{', '.join(names)}{' …' if more else ''}"


def _command(again: Again, inner: Collection[str]) -> str:
    alone = [f"{name}/." for name in fold(path for path in again.nodes if path in inner)]
    names = [*alone, *fold(path for path in again.nodes if path not in inner)]
    chosen = " ".join(f"'{name}'" for name in names) if len(names) <= MOST_NAMES else "PATH..."
    return f"`ramify rollback {chosen} --to {again.run}`"
