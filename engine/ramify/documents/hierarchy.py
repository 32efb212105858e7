"""`hierarchy.yml`: templates, the tree, assertions.

Checks what one document alone can show. What templates add is merged and checked by the compiler.
"""

from collections.abc import Iterable
from typing import cast

from ramify.documents import domain, rollout, templates
from ramify.documents.node import Node
from ramify.documents.reading import pattern, read_yaml
from ramify.documents.vaulted import Vaulted
from ramify.model import order, siblings
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.drift import OnDrift
from ramify.model.hierarchy import Assertion, Hierarchy, NodeSpec
from ramify.model.paths import MAX_DEPTH, valid_name
from ramify.model.patterns import Kind
from ramify.model.ranges import count

MAX_NODES = 1_000_000


def read(text: str | bytes, file: str) -> tuple[Hierarchy | None, Diagnostics]:
    """Read a hierarchy document."""
    return read_yaml(text, file, "hierarchy", _build, Vaulted("vars"))


def _build(root: Node, found: Diagnostics) -> Hierarchy:
    hierarchy = Hierarchy(
        tree=_specs(root["tree"], found),
        templates={spec.name: spec for spec in _specs(root["templates"], found)},
        assertions=tuple(_assertion(node, found) for node in root["assert"].elements),
        rollout=rollout.build(root["rollout"], found),
        on_drift=_on_drift(root),
    )
    templates.check(hierarchy.templates, hierarchy.tree, found)
    for spec in hierarchy.templates.values():
        _check_template_name(spec, found)
    if _within_limits(hierarchy, root, found):
        _check_siblings(hierarchy.tree, found, known=True)
        for spec in hierarchy.templates.values():
            _check_siblings(spec.children, found, known=False)
    return hierarchy


def _specs(parent: Node, found: Diagnostics) -> tuple[NodeSpec, ...]:
    return tuple(_spec(name, node, parent.key(name), found) for name, node in parent.items())


def _spec(name: str, node: Node, origin: Origin, found: Diagnostics) -> NodeSpec:
    variables = node["vars"]
    for key in variables:
        if not key.isidentifier():
            way_out = "Expressions reach it as vars.NAME: letters, digits and `_`, no digit first."
            found.error("bad-name", f'"{key}" cannot be the name of a variable', way_out, variables.key(key))
    return NodeSpec(
        name=name,
        origin=origin,
        extends=_words(node["extends"]),
        vars=variables.value if isinstance(variables.value, dict) else {},
        after=_words(node["after"]),
        rollout=rollout.build(node["rollout"], found),
        on_drift=_on_drift(node),
        children=_specs(node["children"], found),
        domain=domain.build(node, found) if "domain" in node else None,
        origins={key: node.key(key) for key in node if key != "vars"} | _places(variables, ""),
    )


def _on_drift(node: Node) -> OnDrift | None:
    return cast("OnDrift | None", node["on_drift"].text or None)


def _words(node: Node) -> tuple[str, ...]:
    return tuple(word.text for word in node.texts())


def _places(node: Node, prefix: str) -> dict[str, Origin]:
    places: dict[str, Origin] = {}
    for key, child in node.items():
        places[prefix + key] = node.key(key)
        places |= _places(child, f"{prefix}{key}.")
    return places


def _assertion(node: Node, found: Diagnostics) -> Assertion:
    return Assertion(
        match=tuple(str(pattern(item, Kind.GLOB, found)) for item in node["match"].texts()),
        that=node["that"].text,
        message=node["message"].text or f'"{node["that"].text}" does not hold',
        origin=node.origin,
    )


def _check_template_name(spec: NodeSpec, found: Diagnostics) -> None:
    if not valid_name(spec.name):
        way_out = "It has letters, digits, `.`, `_` and `-`, and no range."
        found.error("bad-name", f'"{spec.name}" cannot be the name of a template', way_out, spec.origin)


def _within_limits(hierarchy: Hierarchy, root: Node, found: Diagnostics) -> bool:
    everything = (*hierarchy.tree, *hierarchy.templates.values())
    total, names = _total(hierarchy.tree), sum(map(_names, everything))
    if total > MAX_NODES or names > MAX_NODES:
        summary = f"{max(total, names):,} nodes are more than the limit of {MAX_NODES:,}"
        found.error("too-large", summary, "Look for a digit too many in a range.", root.key("tree"))
    if _depth(everything) > MAX_DEPTH:
        summary = f"nodes are nested deeper than {MAX_DEPTH}"
        found.error("too-deep", summary, "Make the tree flatter.", root.key("tree"))
    return max(total, names) <= MAX_NODES


def _total(specs: Iterable[NodeSpec]) -> int:
    """Nodes that specs stand for, without making them."""
    return sum(_width(spec) * (1 + _total(spec.children)) for spec in specs)


def _names(spec: NodeSpec) -> int:
    return _width(spec) + sum(map(_names, spec.children))


def _width(spec: NodeSpec) -> int:
    try:
        return count(spec.name)
    except ValueError:  # told where names are checked
        return 1


def _depth(specs: Iterable[NodeSpec]) -> int:
    return max((1 + _depth(spec.children) for spec in specs), default=0)


def _check_siblings(specs: tuple[NodeSpec, ...], found: Diagnostics, *, known: bool) -> None:
    """`known`: no template adds to these, so that an `after` can be held against them."""
    siblings.check_names(specs, found)
    if known:
        order.check_order(specs, found)
    for spec in specs:
        _check_siblings(spec.children, found, known=known and not spec.extends)
