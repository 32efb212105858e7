"""Where a node's variables come from: every template and every node above that says something of them.

The compiler merges and forgets what was overridden, since plans need no history. Here the layers are walked
once more as they were written: within a node the bases first, each with what it extends, its own keys last;
then the next node down, whose variables hide those of the same name above.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ramify.compile.tree import Node
from ramify.model.diagnostics import Origin
from ramify.model.hierarchy import Hierarchy, NodeSpec

_TEMPLATE = "template "


class Layer(Struct, frozen=True):
    """A spec as it was written, and what to call it: a node's path or a template."""

    label: str
    spec: NodeSpec


class Written(Struct, frozen=True):
    """What one layer says of a variable; `level` is the depth of the node that it is a layer of."""

    level: int
    label: str
    value: Any
    origin: Origin


def history(hierarchy: Hierarchy, node: Node) -> dict[str, list[Written]]:
    """All that was written about each variable that a node sees; the last one is the strongest."""
    found: dict[str, list[Written]] = {}
    for below, layer in _layers_down_to(hierarchy, node):
        label = f"{layer.label} of {below.path}" if layer.label.startswith(_TEMPLATE) else layer.label
        for name, value in layer.spec.vars.items():
            origin = layer.spec.origins.get(name, layer.spec.origin)
            found.setdefault(name, []).append(Written(below.depth, label, value, origin))
    return found


def _layers_down_to(hierarchy: Hierarchy, node: Node) -> Iterator[tuple[Node, Layer]]:
    chain = [node]
    while not chain[-1].is_top and chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    # A domain without a hierarchy of its own has what is written below the node that it is mounted at.
    mount = chain[-1].parent
    root = NodeSpec("", node.spec.origin, children=hierarchy.tree or (mount.spec.children if mount else ()))
    layers = [Layer("", root)]
    for below in reversed(chain):
        layers = [
            one
            for layer in layers
            for spec in layer.spec.children
            if spec.name == below.spec.name
            for one in _layers(spec, _label(layer, below), hierarchy.templates)
        ]
        yield from ((below, layer) for layer in layers)


def _label(layer: Layer, below: Node) -> str:
    """The children of a template stay a template's."""
    return f"{layer.label}/{below.spec.name}" if layer.label.startswith(_TEMPLATE) else below.path


def _layers(spec: NodeSpec, label: str, templates: Mapping[str, NodeSpec]) -> Iterator[Layer]:
    for name in spec.extends:
        yield from _layers(templates[name], f"{_TEMPLATE}{name}", templates)
    yield Layer(label, spec)


def outcomes(written: list[Written]) -> list[str]:
    """What became of each: only the nearest node's layers count, of which mappings are merged."""
    level = written[-1].level
    mapping = True
    result = ["wins"]
    for later, one in zip(reversed(written), reversed(written[:-1]), strict=False):
        mapping = mapping and isinstance(later.value, dict) and isinstance(one.value, dict)
        result.append("merged" if mapping and one.level == level else "overridden")
    return result[::-1]
