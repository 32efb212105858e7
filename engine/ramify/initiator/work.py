"""What a run has to do, child by child: a plan cut into branches."""

from collections.abc import Mapping
from dataclasses import dataclass

from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.inventory import Host
from ramify.model.patterns import Kind, Matcher, Pattern
from ramify.model.plan import Action, NodePlan, Plan
from ramify.model.record import NodeRecord


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A child of the run's path, and what is planned below it.

    `node` is None for a child that is not in the hierarchy any more; `host` for a host that is not in the
    inventory any more; `previous` is the host that a node moves away from, when it can still be named.
    """

    path: str
    node: Node | None
    host: Host | None
    host_name: str
    touched: bool
    moved: bool
    deploys: bool
    needs_agent: bool
    previous: Host | None
    after: tuple[str, ...]
    below: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """The child and all that is planned below it."""
        return (self.path, *self.below)


def branches(
    fleet: Fleet, plan: Plan, records: Mapping[str, NodeRecord], *, everything: bool = False
) -> list[Branch]:
    """The children with something to do, each with its part of the plan; with `everything` all children."""
    depth = paths.depth(fleet.scope) + 1
    own: dict[str, NodePlan] = {}
    below: dict[str, list[str]] = {}
    for planned in plan.nodes:
        if planned.path == fleet.scope:
            continue
        top = _ancestor(planned.path, depth)
        if planned.path == top:
            own[top] = planned
        elif everything or planned.action is not Action.UNCHANGED:
            below.setdefault(top, []).append(planned.path)
    found = [_branch(fleet, path, own.get(path), below.get(path, []), records) for path in {**own, **below}]
    return [branch for branch in found if everything or branch.touched or branch.below]


def _ancestor(path: str, depth: int) -> str:
    return "/" + "/".join(path[1:].split("/")[:depth])


def _branch(
    fleet: Fleet, path: str, own: NodePlan | None, below: list[str], records: Mapping[str, NodeRecord]
) -> Branch:
    node = fleet.by_path.get(path)
    record = records.get(path)
    placed = fleet.host_of(path)
    name = placed.name if placed else (record.host if record else "")
    component = fleet.class_of(node).component if node else None
    return Branch(
        path=path,
        node=node,
        host=placed or fleet.hosts.get(name),
        host_name=name,
        touched=own is not None and own.action is not Action.UNCHANGED,
        moved=own is not None and own.action is Action.REPLACE,
        deploys=component.deploys if component else bool(below),
        needs_agent=bool(below) and _needs_agent(fleet, path),
        previous=fleet.hosts.get(own.previous_host) if own and own.previous_host else None,
        after=_after(fleet, node) if node else (),
        below=tuple(below),
    )


def _needs_agent(fleet: Fleet, path: str) -> bool:
    hosts = (fleet.host_of(node.path) for node in fleet.within(path) if node.path != path)
    return any(host is not None and host.auth == "agent" for host in hosts)


def _after(fleet: Fleet, node: Node) -> tuple[str, ...]:
    if not node.spec.after:
        return ()
    steps = Matcher(Pattern(f"/{text}", Kind.GLOB) for text in node.spec.after)
    siblings = fleet.tree.below(node.parent)
    return tuple(
        sibling.path for sibling in siblings if sibling is not node and steps.matches(f"/{sibling.name}")
    )
