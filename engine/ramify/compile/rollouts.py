"""Which rollout is in effect below a node, and in which order it takes the children."""

import hashlib
import re
from collections.abc import Iterator, Sequence

from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.patterns import Step
from ramify.model.rollout import Rollout, effective

_NUMBER = re.compile(r"([0-9]+)")


def rollout_of(fleet: Fleet, path: str) -> Rollout:
    """What is in effect for the children of a node, or for the top nodes.

    A domain inherits nothing, and what it says holds from its own top nodes down: those are the children of
    a node outside, which says how they are taken.
    """
    if path == paths.ROOT:
        return effective((fleet.bundle.hierarchy.rollout,))
    node = fleet.by_path.get(path)
    return effective(_said(fleet, node)) if node else Rollout()


def _said(fleet: Fleet, node: Node) -> Iterator[Rollout | None]:
    above: Node | None = node
    while above is not None:
        yield above.spec.rollout
        above = None if above.is_top else above.parent
    yield fleet.realm_of(node).bundle.hierarchy.rollout


def ordered(children: Sequence[str], rollout: Rollout, run: str) -> list[str]:
    """The paths of children, given as in the hierarchy, in the order in which they are taken."""
    match rollout.order or ("hierarchy",):
        case ("hierarchy",):
            return list(children)
        case ("reversed",):
            return list(reversed(children))
        case ("sorted",):
            return sorted(children, key=_natural)
        case ("shuffle",):
            return sorted(children, key=lambda path: hashlib.sha256(f"{run} {path}".encode()).digest())
        case patterns:
            steps = [Step(pattern) for pattern in patterns]
            return sorted(children, key=lambda path: _first(steps, paths.name(path)))


def _natural(path: str) -> list[tuple[int, str]]:
    """`app2` before `app10`."""
    words = _NUMBER.split(path)
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words]


def _first(steps: Sequence[Step], name: str) -> int:
    return next((at for at, step in enumerate(steps) if step.fits(name)), len(steps))
