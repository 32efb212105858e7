"""Templates of a hierarchy merged into its tree, and what only the merged tree shows."""

from graphlib import TopologicalSorter
from typing import Any

from msgspec import Struct, structs

from ramify.model import order, siblings
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Hierarchy, NodeSpec
from ramify.model.paths import MAX_DEPTH
from ramify.model.ranges import count

MAX_NODES = 1_000_000


def merge_templates(hierarchy: Hierarchy, diagnostics: Diagnostics) -> tuple[NodeSpec, ...]:
    """The tree with every `extends` resolved: later bases over earlier ones, own keys over all."""
    merged: dict[str, NodeSpec] = {}
    extents = _Extents()
    # Whoever is extended comes first: no chain of templates is too long, and each is merged once.
    uses = {name: _used_by(spec) & hierarchy.templates.keys() for name, spec in hierarchy.templates.items()}
    for name in TopologicalSorter(uses).static_order():
        merged[name] = _merged(hierarchy.templates[name], merged)
        if extents.of(merged[name]).depth > MAX_DEPTH:
            _tell_too_deep(merged[name], diagnostics)
            return ()
    tree = tuple(_merged(spec, merged) for spec in hierarchy.tree)
    if not _fits(tree, extents, diagnostics):
        return ()
    finish = _Finish()
    return tuple(finish(spec) for spec in tree)


def _used_by(spec: NodeSpec) -> frozenset[str]:
    return frozenset(spec.extends).union(*map(_used_by, spec.children))


def _merged(spec: NodeSpec, templates: dict[str, NodeSpec]) -> NodeSpec:
    children = tuple(_merged(child, templates) for child in spec.children)
    result = structs.replace(spec, extends=(), children=children)
    for name in reversed(spec.extends):
        # Unknown names were told when the document was read.
        if name in templates:
            result = _over(result, templates[name])
    return result


def _over(spec: NodeSpec, base: NodeSpec) -> NodeSpec:
    own = {child.name: child for child in spec.children}
    inherited = [_over(own.pop(child.name), child) if child.name in own else child for child in base.children]
    return structs.replace(
        spec,
        vars=deep_merge(base.vars, spec.vars),
        after=spec.after or base.after,
        rollout=spec.rollout.over(base.rollout)
        if spec.rollout and base.rollout
        else spec.rollout or base.rollout,
        on_drift=spec.on_drift or base.on_drift,
        domain=spec.domain or base.domain,
        children=(*inherited, *own.values()),
        origins={n: place for n, place in base.origins.items() if not _hidden(n, spec.vars)} | spec.origins,
    )


def _hidden(name: str, over: dict[str, Any]) -> bool:
    """Whether what stands over it put another value where a dotted name's mapping was."""
    value: Any = over
    for step in name.split(".")[:-1]:
        if step not in value:
            return False
        value = value[step]
        if not isinstance(value, dict) or isinstance(value, _Whole):
            return True
    return False


class _Whole(dict[str, Any]):
    """A mapping that stands over a plain value: what was below that stays hidden, however it is merged.

    So it does not matter which layers are merged first, and each template is merged once for all its users.
    """


def deep_merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, everything else is replaced."""
    result = type(base)(base)
    for key, value in over.items():
        result[key] = _put(base[key], value) if key in base else value
    return result


def _put(below: Any, value: Any) -> Any:
    if not isinstance(value, dict) or isinstance(value, _Whole):
        return value
    return deep_merge(below, value) if isinstance(below, dict) else _Whole(value)


class _Finish:
    """Makes ordinary mappings of those that hide something; what many share is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[NodeSpec, NodeSpec]] = {}

    def __call__(self, spec: NodeSpec) -> NodeSpec:
        known = self._known.get(id(spec))
        if known is None:
            known = self._known[id(spec)] = (spec, self._finished(spec))
        return known[1]

    def _finished(self, spec: NodeSpec) -> NodeSpec:
        children = tuple(self(child) for child in spec.children)
        return structs.replace(spec, vars=_plain(spec.vars), children=children)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, dict) else value for key, value in values.items()}


class Extent(Struct, frozen=True):
    """How many nodes a spec stands for, and how deep it goes."""

    nodes: int
    depth: int


class _Extents:
    """Measures specs without making nodes; what many share is measured once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[NodeSpec, Extent]] = {}

    def of(self, spec: NodeSpec) -> Extent:
        known = self._known.get(id(spec))
        if known is None:
            below = self.of_all(spec.children)
            extent = Extent(count(spec.name) * (1 + below.nodes), 1 + below.depth)
            # The spec is kept beside its extent, so that its id stays its own.
            known = self._known[id(spec)] = (spec, extent)
        return known[1]

    def of_all(self, specs: tuple[NodeSpec, ...]) -> Extent:
        extents = [self.of(spec) for spec in specs]
        return Extent(sum(e.nodes for e in extents), max((e.depth for e in extents), default=0))


def _fits(tree: tuple[NodeSpec, ...], extents: _Extents, diagnostics: Diagnostics) -> bool:
    extent = extents.of_all(tree)
    if extent.depth > MAX_DEPTH:
        deepest = max(tree, key=lambda spec: extents.of(spec).depth)
        _tell_too_deep(deepest, diagnostics)
    if extent.nodes > MAX_NODES:
        diagnostics.error(
            "too-large",
            f"{extent.nodes:,} nodes are more than the limit of {MAX_NODES:,}",
            "Look for a digit too many in a range, or for a template that is used too often.",
            max(tree, key=lambda spec: extents.of(spec).nodes).origin,
        )
    return not diagnostics.failed


def _tell_too_deep(spec: NodeSpec, diagnostics: Diagnostics) -> None:
    diagnostics.error(
        "too-deep",
        f'"{spec.name}" is nested deeper than {MAX_DEPTH} steps, its templates merged in',
        "Make the tree flatter.",
        spec.origin,
    )


def check_merged(tree: tuple[NodeSpec, ...], diagnostics: Diagnostics) -> None:
    """Names and order of siblings, some of which templates may have brought."""
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        specs = waiting.pop()
        if id(specs) not in seen:
            seen.add(id(specs))
            siblings.check_names(specs, diagnostics)
            order.check_order(specs, diagnostics)
            waiting.extend(spec.children for spec in specs if spec.children)
