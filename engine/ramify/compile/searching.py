"""Which nodes patterns get, and what was probably meant by one that gets none."""

from collections.abc import Iterable, Mapping, Sequence

from ramify.compile.mismatch import Progress
from ramify.compile.tree import Tree
from ramify.model import patterns as syntax
from ramify.model.diagnostics import did_you_mean
from ramify.model.patterns import ANY, Kind, Matcher, Pattern, selected

_TREE = "`ramify tree` lists the paths."

MAX_NAMES = 2000
"""Above it, looking for the closest name takes longer than reading the hint."""


def matching(tree: Tree, patterns: Sequence[Pattern]) -> list[frozenset[int]]:
    """Of each node the patterns (by their numbers) that match it."""
    matcher = Matcher(patterns)
    states: list[int] = []
    for node in tree.nodes:
        above = matcher.start if node.parent is None else states[node.parent.number]
        states.append(matcher.advance(above, node.name))
    return [matcher.matches(node.path, state) for node, state in zip(tree.nodes, states, strict=True)]


def taken_by(patterns: Sequence[Pattern], matched: frozenset[int]) -> bool:
    """Whether patterns take a node together; without a plain one those with `!` take away from all."""
    if all(pattern.negated for pattern in patterns):
        return not matched
    return selected(patterns, matched)


Children = Mapping[str, Sequence[str]]
"""The names below each path; the root's are below ""."""


def children(known: Iterable[str]) -> Children:
    """The tree that paths make, with the nodes above them."""
    found: dict[str, dict[str, None]] = {"": {}}
    for path in known:
        above, _, name = path.rpartition("/")
        while name not in found.setdefault(above, {}):
            found[above][name] = None
            above, _, name = above.rpartition("/") if above else ("", "", name)
    return {above: tuple(names) for above, names in found.items()}


def meant(below: Children, pattern: Pattern) -> str:
    """What may have been meant by a pattern that matches no node: where it ends, and what there is."""
    if pattern.kind is Kind.REGEX:
        return _TREE
    above, progress = _deepest(below, syntax.steps(pattern))
    expected = progress.expected
    if not expected or ANY in expected:
        # Something of the pattern fits at any depth: only its end says what was looked for.
        every = dict.fromkeys(name for names in below.values() for name in names)
        hint = did_you_mean(progress.steps[-1], list(every)[:MAX_NAMES])
        return hint if hint.startswith("Did") else _TREE
    names = below.get(above, ())[:MAX_NAMES]
    if not names:
        return f'Nothing lies below "{above}".'
    return f'Below "{above or "/"}" nothing fits "{expected[-1]}". {did_you_mean(expected[-1], names)}'


def _deepest(below: Children, steps: tuple[str, ...]) -> tuple[str, Progress]:
    """The first path as far down as anything of the pattern fits, and how far it has come there."""
    best = ("", Progress(steps))
    level = [best]
    while level:
        best = level[0]
        level = [
            (f"{path}/{name}", further)
            for path, progress in level
            for name in below.get(path, ())
            if (further := progress.after(name)).expected
        ]
    return best
