"""The hierarchy as a tree; siblings that are alike, with all that is below them, are one line."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, structs

from ramify.cli.folding import fold_words, natural
from ramify.cli.words import counted
from ramify.model.ranges import fold_names

FEW = 60


class Branch(Struct, frozen=True):
    """A node to show, or many that are alike; `domain` is what speaks for all below, if that is another."""

    names: tuple[str, ...]
    hosts: tuple[str, ...]
    component: str
    children: tuple["Branch", ...] = ()
    domain: str = ""

    @property
    def size(self) -> int:
        """How many nodes it stands for, with all below."""
        return len(self.hosts) + sum(child.size for child in self.children)


class Glyphs(Struct, frozen=True):
    """What the lines are drawn with."""

    fork: str
    last: str
    line: str
    space: str


UNICODE = Glyphs("├── ", "└── ", "│   ", "    ")
ASCII = Glyphs("|-- ", "`-- ", "|   ", "    ")


def text(top: str, branches: Sequence[Branch], glyphs: Glyphs = UNICODE, *, full: bool = False) -> str:
    """The tree under a heading."""
    total = sum(branch.size for branch in branches)
    shown = branches if full or total <= FEW else merged(branches)
    return "\n".join([top, *_lines(shown, glyphs, ""), "", f"{counted(total, 'node')}."])


def _lines(branches: Sequence[Branch], glyphs: Glyphs, margin: str) -> Iterator[str]:
    for at, branch in enumerate(branches, start=1):
        last = at == len(branches)
        yield f"{margin}{glyphs.last if last else glyphs.fork}{_label(branch)}"
        yield from _lines(branch.children, glyphs, margin + (glyphs.space if last else glyphs.line))


def _label(branch: Branch) -> str:
    names = ",".join(sorted(fold_names(branch.names), key=natural))
    hosts = dict.fromkeys(branch.hosts)
    place = fold_words(hosts, 2) or counted(len(hosts), "host")
    number = f"  ({len(branch.hosts):,})" if len(branch.hosts) > 1 else ""
    domain = f"  domain {branch.domain}" if branch.domain else ""
    return f"{names}  {place}  {branch.component}{domain}{number}"


def merged(branches: Iterable[Branch]) -> tuple[Branch, ...]:
    """Siblings with the same shape as one; they keep the place of the first."""
    alike: dict[object, list[Branch]] = {}
    for branch in branches:
        small = structs.replace(branch, children=merged(branch.children))
        alike.setdefault(_shape(small), []).append(small)
    return tuple(_together(group) for group in alike.values())


def _shape(branch: Branch) -> object:
    children = tuple((child.names, _shape(child)) for child in branch.children)
    return (branch.component, branch.domain, children)


def _together(group: Sequence[Branch]) -> Branch:
    """Branches of one shape: their children stand at the same places, under the same names."""
    if len(group) == 1:
        return group[0]
    columns = zip(*(branch.children for branch in group), strict=True)
    return Branch(
        names=tuple(dict.fromkeys(itertools.chain.from_iterable(branch.names for branch in group))),
        hosts=tuple(itertools.chain.from_iterable(branch.hosts for branch in group)),
        component=group[0].component,
        children=tuple(_together(column) for column in columns),
        domain=group[0].domain,
    )
