"""Where a hierarchy leaves what is below a node to a domain."""

from collections.abc import Iterator

from msgspec import Struct

from ramify.compile import merging
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Domain, Hierarchy, NodeSpec

Specs = tuple[NodeSpec, ...]


class Mount(Struct, frozen=True):
    """A domain, and what the nodes that are left to it have below themselves, for each such node."""

    domain: Domain
    children: tuple[Specs, ...]

    @property
    def inside(self) -> Specs:
        """All that stands below the nodes, as if it were below one."""
        return tuple(spec for specs in self.children for spec in specs)


def top(hierarchy: Hierarchy) -> Specs:
    """The specs of a hierarchy with their templates merged in; as they are where none of them has a domain.

    Problems are told where the fleet is made.
    """
    if not any(map(_has_domain, (*hierarchy.tree, *hierarchy.templates.values()))):
        return ()
    return merging.merge_templates(hierarchy, Diagnostics())


def mounts(specs: Specs) -> list[Mount]:
    """The domains that specs name, by their keys; what is below a mount is the domain's own business."""
    found: dict[str, tuple[Domain, list[Specs]]] = {}
    for spec in _mounting(specs, set()):
        if spec.domain is not None:
            found.setdefault(spec.domain.key, (spec.domain, []))[1].append(spec.children)
    return [Mount(domain, tuple(children)) for domain, children in found.values()]


def unknown(bundle: Bundle, specs: Specs) -> list[Domain]:
    """The domains below specs that whoever plans has to ask a server for, and that are not in the bundle."""
    return [
        mount.domain
        for mount in mounts(specs)
        if mount.domain.server and mount.domain.planned == "here" and mount.domain.key not in bundle.domains
    ]


def everywhere(hierarchy: Hierarchy) -> Iterator[Domain]:
    """Every domain that stands in a hierarchy, whether a node uses it or not."""
    for spec in (*hierarchy.tree, *hierarchy.templates.values()):
        yield from _standing(spec)


def _standing(spec: NodeSpec) -> Iterator[Domain]:
    if spec.domain is not None:
        yield spec.domain
    for child in spec.children:
        yield from _standing(child)


def _has_domain(spec: NodeSpec) -> bool:
    return spec.domain is not None or any(map(_has_domain, spec.children))


def _mounting(specs: Specs, seen: set[int]) -> Iterator[NodeSpec]:
    """The specs that have a domain; what templates brought to many places is looked at once."""
    for spec in specs:
        if spec.domain is not None:
            yield spec
        elif id(spec) not in seen:
            seen.add(id(spec))
            yield from _mounting(spec.children, seen)
