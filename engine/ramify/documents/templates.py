"""Templates of a hierarchy: each `extends` names one, and none contains itself."""

from collections.abc import Iterable, Iterator, Mapping

from ramify.model.circles import arrows, circles
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.hierarchy import NodeSpec


def check(templates: Mapping[str, NodeSpec], tree: Iterable[NodeSpec], found: Diagnostics) -> None:
    """Tell unknown templates, and circles."""
    for spec in _all([*templates.values(), *tree]):
        for name in spec.extends:
            if name not in templates:
                where = spec.origins.get("extends", spec.origin)
                found.error("unknown-template", f'no template "{name}"', did_you_mean(name, templates), where)
    # A template that one of its children extends would contain itself without end: an edge like any other.
    graph = {
        name: [used for part in _all([spec]) for used in part.extends] for name, spec in templates.items()
    }
    for circle in circles(graph):
        first = templates[circle[0]]
        way_out = "A template cannot be built from itself: take one of these steps out."
        where = first.origins.get("extends", first.origin)
        found.error("template-cycle", f"templates go in a circle: {arrows(circle)}", way_out, where)


def _all(specs: Iterable[NodeSpec]) -> Iterator[NodeSpec]:
    for spec in specs:
        yield spec
        yield from _all(spec.children)
