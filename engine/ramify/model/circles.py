"""Circles in a graph, for messages that people read."""

from collections.abc import Iterable, Iterator, Mapping

MAX_TOLD = 10


def circles(graph: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Circles of a graph, each once, beginning with its earliest name in the graph's order.

    Every graph with a circle gives at least one, and no more than MAX_TOLD.
    """
    order = {name: at for at, name in enumerate(graph)}
    told: dict[tuple[str, ...], None] = {}
    done: set[str] = set()
    for name in graph:
        for circle in _from(name, graph, done):
            first = circle.index(min(circle, key=order.__getitem__))
            told[circle[first:] + circle[:first]] = None
            if len(told) >= MAX_TOLD:
                return list(told)
    return list(told)


def _from(start: str, graph: Mapping[str, Iterable[str]], done: set[str]) -> Iterator[tuple[str, ...]]:
    # Depth first with a stack of our own: a chain of templates may be longer than Python's.
    trail: dict[str, Iterator[str]] = {}
    if start not in done:
        trail[start] = iter(graph[start])
    while trail:
        name = next(reversed(trail))
        following = next(trail[name], None)
        if following is None:
            done.add(name)
            del trail[name]
        elif following in trail:
            walked = list(trail)
            yield tuple(walked[walked.index(following) :])
        elif following in graph and following not in done:
            trail[following] = iter(graph[following])


def arrows(circle: tuple[str, ...]) -> str:
    """A circle as `site -> base -> site`."""
    return " -> ".join((*circle, circle[0]))
