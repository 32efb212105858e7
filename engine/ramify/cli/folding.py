"""Folding: many paths in few words, such as `/region[1-10]/zone[1-3]/app[01-08]`; nothing is lost.

Names are folded level by level: siblings become one name with a range where the very same is below them.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product

from ramify.model import ranges

_DIGITS = re.compile(r"(\d+)")


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts `zone2` before `zone10`."""
    words = _DIGITS.split(text)
    return tuple((int(word), word) if at % 2 else (0, word) for at, word in enumerate(words))


def fold(paths: Iterable[str]) -> list[str]:
    """Paths in folded form; those that are one step long come first."""
    by_depth: dict[int, list[str]] = {}
    for path in paths:
        by_depth.setdefault(path.count("/"), []).append(path)
    return [folded for depth in sorted(by_depth) for folded in _fold(dict.fromkeys(by_depth[depth]))]


def _fold(paths: Iterable[str]) -> tuple[str, ...]:
    """Fold paths of one depth from their ends upwards: last names first, then what they are below."""
    below: dict[str, tuple[str, ...]] = dict.fromkeys(paths, ("",))
    while "" not in below:
        alike: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for path, rests in below.items():
            above, _, name = path.rpartition("/")
            alike.setdefault(above, {}).setdefault(rests, []).append(name)
        below = {
            above: _joined(tuple((tuple(names), rests) for rests, names in groups.items()))
            for above, groups in alike.items()
        }
    return below[""]


# Thousands of parents have children of the same few names.
@lru_cache(maxsize=1024)
def _joined(groups: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> tuple[str, ...]:
    folded = [f"/{name}{rest}" for names, rests in groups for name in _names(names) for rest in rests]
    return tuple(sorted(folded, key=natural))


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(ranges.fold_names(names), key=natural))


def expand(folded: str) -> list[str]:
    """The paths that a folded path stands for."""
    steps = [[name for name, _ in ranges.expand(step)] for step in folded.split("/")[1:]]
    return ["/" + "/".join(names) for names in product(*steps)]


def fold_words(words: Iterable[str], limit: int = 3) -> str:
    """Names of hosts and the like for one line; empty when they would not fit it."""
    folded = _names(tuple(dict.fromkeys(words)))
    return ", ".join(folded) if len(folded) <= limit else ""


def shortened(folded: list[str], limit: int) -> tuple[list[str], int]:
    """The first few of many folded paths, and how many paths are in the others."""
    if len(folded) <= limit:
        return folded, 0
    return folded[: limit - 1], sum(size(text) for text in folded[limit - 1 :])


def size(folded: str) -> int:
    """How many paths a folded path stands for, without making them."""
    total = 1
    for step in folded.split("/")[1:]:
        total *= ranges.count(step)
    return total
