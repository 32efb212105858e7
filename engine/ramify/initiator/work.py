"""What a run has to do, child by child: a plan cut into branches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ramify.compile.fleet import Fleet
from ramify.compile.steps import AIMS
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.inventory import Host
from ramify.model.patterns import Kind, Matcher, Pattern
from ramify.model.plan import Action, Goal, NodePlan, Plan
from ramify.model.record import NodeRecord

Records = Mapping[str, NodeRecord]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A child of the run's path, and what is planned below it; `after` are the siblings that come first.

    `node` is None for a child that is not in the hierarchy any more, `host` is where it shall be, and
    `found_on` the name of the host where it is recorded: `found` is None if the inventory has not got that
    one any more. `deploys` is what it shall do, `below` holds what is planned there; `mounts` are nodes,
    itself perhaps, whose initiators plan what is below them, and shall be asked. `steps` are planned for it.
    """

    path: str
    node: Node | None
    host: Host | None
    found: Host | None
    found_on: str
    touched: bool
    moved: bool
    deploys: bool
    needs_agent: bool
    after: tuple[str, ...]
    below: tuple[str, ...]
    mounts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def leads_on(self) -> bool:
        """Whether its initiator has something to do."""
        return bool(self.below or self.mounts)

    @property
    def all(self) -> tuple[str, ...]:
        """The child and all that is planned below it."""
        return (self.path, *self.below)

    @property
    def retires(self) -> bool:
        """Whether it has something below now and will not deploy any more."""
        return bool(self.below) and not self.deploys


def branches(
    fleet: Fleet, plan: Plan, records: Records, *, everything: bool = False, mounts: Iterable[str] = ()
) -> list[Branch]:
    """The children with something to do, each with its part of the plan; with `everything` all children.

    Those that lead to `mounts` have something to do.
    """
    depth = paths.depth(fleet.scope) + 1
    own: dict[str, NodePlan] = {}
    below: dict[str, list[str]] = {}
    for planned in plan.nodes:
        if planned.path == fleet.scope:
            continue
        top = _ancestor(planned.path, depth)
        if planned.path == top:
            own[top] = planned
        elif everything or planned.action.acts:
            below.setdefault(top, []).append(planned.path)
    led: dict[str, list[str]] = {}
    for mount in mounts:
        if mount != fleet.scope:
            led.setdefault(_ancestor(mount, depth), []).append(mount)
    cut = _Cut(fleet, records, plan.goal)
    found = [
        cut.branch(path, own.get(path), below.get(path, []), led.get(path, []))
        for path in {**own, **below, **led}
    ]
    return [branch for branch in found if everything or branch.touched or branch.leads_on]


def _ancestor(path: str, depth: int) -> str:
    return "/" + "/".join(path[1:].split("/")[:depth])


@dataclass(frozen=True)
class _Cut:
    fleet: Fleet
    records: Records
    goal: Goal

    @cached_property
    def order(self) -> dict[str, tuple[str, ...]]:
        """The siblings that each child comes after; on the way down those that came after it."""
        up = {node.path: _after(self.fleet, node) for node in self.fleet.below(self.fleet.scope)}
        if not AIMS[self.goal].down:
            return up
        down: dict[str, list[str]] = {}
        for path, earlier in up.items():
            for other in earlier:
                down.setdefault(other, []).append(path)
        return {path: tuple(later) for path, later in down.items()}

    def branch(self, path: str, own: NodePlan | None, below: list[str], mounts: list[str]) -> Branch:
        fleet, record = self.fleet, self.records.get(path)
        node = fleet.by_path.get(path)
        component = fleet.class_of(node).component if node else None
        return Branch(
            path=path,
            node=node,
            host=fleet.host_of(path),
            found=fleet.hosts.get(record.host) if record else None,
            found_on=record.host if record else "",
            touched=own is not None and own.action.acts,
            moved=own is not None and own.action is Action.REPLACE,
            deploys=component is not None and component.deploys,
            needs_agent=bool(below or mounts) and self._needs_agent(path, below, mounts),
            after=self.order.get(path, ()),
            below=tuple(below),
            mounts=tuple(mounts),
            steps=own.steps if own is not None else (),
        )

    def _needs_agent(self, path: str, below: list[str], mounts: list[str]) -> bool:
        """Whether anybody below is reached by the forwarded agent, where it shall be or where it still is.

        Of hosts that cannot be seen it is taken to be as of the host of the node that leads to them.
        """
        nodes = (node.path for node in self.fleet.within(path) if node.path != path)
        shall = (self.fleet.host_of(node) for node in (*nodes, *mounts))
        recorded = (self.records[inner].host for inner in below if inner in self.records)
        hosts = (*shall, *(self.fleet.hosts.get(name) for name in recorded))
        return any(host is not None and host.auth == "agent" for host in hosts)


def _after(fleet: Fleet, node: Node) -> tuple[str, ...]:
    if not node.spec.after:
        return ()
    steps = Matcher(Pattern(f"/{text}", Kind.GLOB) for text in node.spec.after)
    siblings = fleet.tree.below(node.parent)
    return tuple(
        sibling.path for sibling in siblings if sibling is not node and steps.matches(f"/{sibling.name}")
    )
