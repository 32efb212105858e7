"""Small bundles as values, with the place of everything that a user would have written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.component import Component
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Diagnostic, Origin
from ramify.model.hierarchy import Assertion, Hierarchy, NodeSpec
from ramify.model.inventory import HostSettings, HostSpec, Inventory, Placement
from ramify.model.patterns import Kind, Pattern
from ramify.model.record import NodeRecord
from ramify.model.repository import Entry, Repository

INITIATOR = Component("init", "b" * 64, 10, role="initiator", start={"initiator": ("run",)})
AGENT = Component("agent", "a" * 64, 10, start={"service": ("./agent",)})
COMPONENTS = {"init": INITIATOR, "agent": AGENT}
HOSTS = (HostSpec("h[1-30]", HostSettings(address="10.0.0.{{ index }}"), Origin("inventory.yml", 2, 3)),)


def at(line: int, file: str = "hierarchy.yml") -> Origin:
    """A place; tests tell places apart by their lines."""
    return Origin(file, line, 1)


def spec(name: str, *children: NodeSpec, line: int = 1, **more: Any) -> NodeSpec:
    """A node spec whose variables (`vars`) stand in the line after it."""
    origins = {dotted: at(line + 1) for dotted in _dotted(more.get("vars", {}), "")}
    return NodeSpec(name, at(line), children=children, origins=origins, **more)


def _dotted(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{key}.")


def patterns(*texts: str, origin: Origin, kind: Kind = Kind.GLOB) -> tuple[Pattern, ...]:
    return tuple(Pattern(text.removeprefix("!"), kind, text.startswith("!"), origin) for text in texts)


def entry(match: str, ref: str, line: int = 1, kind: Kind = Kind.GLOB) -> Entry:
    """An entry of a repository list; several patterns are written with spaces between them."""
    origin = at(line, "repository.yml")
    return Entry(patterns(*match.split(), origin=origin, kind=kind), ref, origin)


def placement(match: str, line: int = 9, **where: Any) -> Placement:
    origin = at(line, "inventory.yml")
    return Placement(patterns(*match.split(), origin=origin), origin, **where)


def host(name: str, line: int = 2, **settings: Any) -> HostSpec:
    return HostSpec(name, HostSettings(**settings), at(line, "inventory.yml"))


def document(
    ref: str,
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Configuration:
    """A configuration document; its values stand in lines 1, 2, 3 ... of the file that it is named by."""
    lines = iter(range(1, 1000))
    return Configuration(
        ref,
        tuple(Setting(name, value, at(next(lines), ref)) for name, value in (env or {}).items()),
        tuple(Setting("", value, at(next(lines), ref)) for value in args),
        tuple(FileSetting(name, text, at(next(lines), ref)) for name, text in (files or {}).items()),
    )


CODE = (entry("/** !/**/app*", "init", 1), entry("/**/app*", "agent", 2))
ANYWHERE = (placement("/**", host="h1"),)


def bundle(
    *tree: NodeSpec,
    templates: Iterable[NodeSpec] = (),
    assertions: tuple[Assertion, ...] = (),
    documents: Sequence[Configuration] = (),
    placements: tuple[Placement, ...] = ANYWHERE,
    **more: Any,
) -> Bundle:
    """A bundle; nodes called `app...` run the agent, all others the initiator.

    `documents` are service configurations of every node; `more` are lists of the repository and fields of
    the bundle and of the inventory.
    """
    service = tuple(entry("/**", made.ref, 3) for made in documents)
    made = Bundle(
        project="acme",
        hierarchy=Hierarchy(tree, {template.name: template for template in templates}, assertions),
        repository=Repository(more.pop("code", CODE), more.pop("install", ()), more.pop("service", service)),
        inventory=Inventory(more.pop("hosts", HOSTS), placements, more.pop("defaults", HostSettings())),
        configurations={made.ref: made for made in (*documents, *more.pop("others", ()))},
        components=COMPONENTS,
    )
    return structs.replace(made, **more)


def compiled(*tree: NodeSpec, **more: Any) -> Fleet:
    """The fleet of a bundle without errors."""
    return sound(compile_fleet(bundle(*tree, **more)))


def sound(fleet: Fleet) -> Fleet:
    assert not fleet.diagnostics.failed, [str(item) for item in fleet.diagnostics]
    return fleet


def problems(*tree: NodeSpec, **more: Any) -> list[Diagnostic]:
    """What is wrong with a bundle."""
    return list(compile_fleet(bundle(*tree, **more)).diagnostics)


def told(*tree: NodeSpec, **more: Any) -> list[tuple[str, Origin | None]]:
    """Codes and places of what is wrong with a bundle."""
    return [(item.code, item.origin) for item in problems(*tree, **more)]


def node(fleet: Fleet, path: str) -> Node:
    return fleet.by_path[path]


def record(fleet: Fleet, path: str, **found: Any) -> NodeRecord:
    """The record of a node that is up as the fleet wishes; `found` is what differs."""
    digests = fleet.digests[path]
    placed = fleet.host_of(path)
    up = NodeRecord(
        path=path,
        host=placed.name if placed else "",
        initiator=paths.parent(path),
        environment="installed",
        service="active",
        digest=digests.node,
        environment_digest=digests.environment,
        service_digest=digests.service,
        binding=digests.binding,
        release=1,
    )
    return structs.replace(up, **found)


# Random ones.

VALUES = (
    "constant",
    "{{ vars.x }}",
    "{{ vars.x * 2 }}",
    "{{ node.name }}",
    "{{ node.path }}-{{ parent.name }}",
    "{{ (node.index or 0) + 1 }}",
    "{{ children | map(attribute='name') | join(' ') }}",
    "{{ parent.children | length if parent.name else 0 }}",
    "{{ host.address }}",
    "{{ children | map(attribute='host.address') | join(' ') }}",
    "{{ parent.host.address if parent.host else '-' }}",
    "{{ facts.cpus }}",
)
"""Templates that hold for every node of a fleet whose top has a variable x."""


@st.composite
def specs(draw: st.DrawFn, depth: int = 3) -> tuple[NodeSpec, ...]:
    """Sibling specs with different names, and variables x and y here and there."""
    inner = draw(st.lists(st.sampled_from(["a", "b[1-2]", "c-[09-10]"]), unique=True, max_size=2))
    leaves = draw(st.lists(st.sampled_from(["app", "app[1-3]", "app-x"]), unique=True, max_size=2))
    below = specs(depth=depth - 1) if depth > 1 else st.just(())
    made = [spec(name, *draw(below), vars=draw(variables)) for name in inner]
    return (*made, *(spec(name, vars=draw(variables)) for name in leaves))


variables = st.dictionaries(st.sampled_from("xy"), st.integers(0, 3), max_size=2)

documents = st.lists(st.sampled_from(VALUES), max_size=4).map(
    lambda values: document("values.yml", {f"V{at}": value for at, value in enumerate(values)}, values)
)


@st.composite
def fleets(draw: st.DrawFn, *, pools: bool | None = None) -> Bundle:
    """Bundles without errors."""
    tree = spec("top", *draw(specs()), vars={"x": 1})
    use_pools = draw(st.booleans()) if pools is None else pools
    pool = placement("/**/app*", pool={"kind": "{{ 'odd' if (node.index or 0) % 2 else 'even' }}"})
    hosts = (
        host("even[1-100]", labels={"kind": "even"}, address="10.1.0.{{ index }}"),
        host("odd[1-60]", labels={"kind": "odd"}, address="10.2.0.{{ index }}"),
    )
    named = placement("/**", host="even{{ node.level }}")
    return bundle(
        tree, documents=[draw(documents)], hosts=hosts, placements=(pool, named) if use_pools else (named,)
    )
