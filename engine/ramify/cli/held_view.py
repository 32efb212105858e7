"""Nodes that a plan leaves as they are, and why: held on purpose, or not to be had for its goal."""

from collections.abc import Iterable, Iterator

from ramify.cli.folding import fold, shortened
from ramify.cli.paint import Paint
from ramify.cli.words import counted
from ramify.model.plan import Action, NodePlan

MOST_REASONS = 6
MOST_NAMES = 3


def lines(nodes: Iterable[NodePlan], paint: Paint) -> Iterator[str]:
    """The same reason once, the nodes that it holds for folded."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        if not node.action.acts and node.reason:
            found.setdefault((node.action.symbol, node.reason), []).append(node.path)
    if not found:
        return
    yield ""
    yield paint("bold", f"Left as they are: {counted(sum(map(len, found.values())), 'node')}")
    shown = sorted(found.items(), key=lambda item: (item[0][0] != Action.HELD.symbol, -len(item[1])))
    for (symbol, reason), together in shown[:MOST_REASONS]:
        names, left = shortened(fold(together), MOST_NAMES)
        for name in names:
            yield f"{paint(symbol, f'{symbol:>5}')} {name}"
        if left:
            yield f"      … and {left:,} more such paths"
        yield f"        {reason}"
    more = sum(len(together) for _, together in shown[MOST_REASONS:])
    if more:
        yield f"      … and {counted(more, 'node')} for other reasons"
