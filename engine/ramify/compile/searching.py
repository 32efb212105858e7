"""Which nodes patterns get, and what was probably meant by one that gets none."""

from collections.abc import Iterable, Sequence

from ramify.compile.mismatch import Progress
from ramify.compile.tree import Node, Tree
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


def meant(tree: Tree, pattern: Pattern) -> str:
    """What may have been meant by a pattern that matches no node: where it ends, and what there is."""
    if pattern.kind is Kind.REGEX:
        return _TREE
    above, progress = _deepest(tree, syntax.steps(pattern))
    expected = progress.expected
    if not expected or ANY in expected:
        # Something of the pattern fits at any depth: only its end says what was looked for.
        hint = did_you_mean(progress.steps[-1], _names(tree.nodes))
        return hint if hint.startswith("Did") else _TREE
    names = _names(tree.below(above))
    where = above.path if above else "/"
    if not names:
        return f'Nothing lies below "{where}".'
    return f'Below "{where}" nothing fits "{expected[-1]}". {did_you_mean(expected[-1], names)}'


def _names(nodes: Iterable[Node]) -> list[str]:
    return list(dict.fromkeys(node.name for node in nodes))[:MAX_NAMES]


def _deepest(tree: Tree, steps: tuple[str, ...]) -> tuple[Node | None, Progress]:
    """The first node as far down as anything of the pattern fits, and how far it has come there."""
    best: tuple[Node | None, Progress] = (None, Progress(steps))
    level: list[tuple[Node | None, Progress]] = [best]
    while level:
        best = level[0]
        level = [
            (child, further)
            for node, progress in level
            for child in tree.below(node)
            if (further := progress.after(child.name)).expected
        ]
    return best
