"""What cannot be seen from here: nodes below one whose domain only its initiator can ask for.

They are planned there. Here they are paths that may be, until that initiator tells what it plans.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct, structs

from ramify.compile.fleet import Fleet
from ramify.model import paths
from ramify.model.events import Planned, Unheard
from ramify.model.plan import Action, Goal, NodePlan, Open, Plan, summarise
from ramify.model.record import NodeRecord

ANY = "*"
"""A name for whatever may be below a node: no pattern of words takes it, all that take any name do."""


class There(Struct, frozen=True):
    """What initiators told of their plans: the nodes, what was planned from, and who could not be asked."""

    nodes: tuple[NodePlan, ...] = ()
    domains: dict[str, str] = {}
    open: tuple[Open, ...] = ()


def unasked(fleet: Fleet) -> There:
    """Nobody has been asked."""
    return There(open=tuple(Open(path) for path in leading(fleet.scope, fleet.unseen)))


def gathered(asked: Iterable[str], answers: Iterable[Planned | Unheard]) -> There:
    """What came of asking for some nodes; those that lie deeper are told of by their own domains' plans."""
    waiting = {path: Open(path) for path in asked}
    nodes: dict[str, list[NodePlan]] = {}
    domains: dict[str, str] = {}
    for answer in answers:
        if answer.path not in waiting:
            continue  # nobody asked for it
        if isinstance(answer, Unheard):
            waiting[answer.path] = Open(answer.path, answer.message)
            continue
        nodes.setdefault(answer.path, []).extend(answer.nodes)
        if answer.last:
            domains[answer.path] = answer.domain
            waiting |= {path: Open(path) for path in answer.mounts}
            del waiting[answer.path]
    told = tuple(node for path in domains for node in nodes[path])
    return There(told, domains, tuple(waiting.values()))


def reachable(there: There, records: Mapping[str, NodeRecord], goal: Goal) -> There:
    """What is told for a goal: a lifecycle command has no business below a node that is not deployed."""
    if goal == "apply":
        return there
    found = (one for one in there.open if one.path in records and records[one.path].exists)
    return structs.replace(there, open=tuple(found))


def known(fleet: Fleet, records: Mapping[str, NodeRecord], there: There) -> dict[str, None]:
    """All paths that can be selected: of nodes, of records, and what may be below nodes that are open."""
    seen = (node.path for node in fleet.within(fleet.scope))
    told = (node.path for node in there.nodes)
    return dict.fromkeys((*seen, *told, *records, *(paths.child(one.path, ANY) for one in there.open)))


def completed(made: Plan, there: There, wanted: frozenset[str] | None) -> Plan:
    """A plan with what is planned below its unseen nodes, as far as that is wanted."""
    if there == There():
        return made
    told = [node for node in there.nodes if wanted is None or node.path in wanted]
    leaving = [node for node in told if node.action is Action.DESTROY]
    staying = [node for node in told if node.action is not Action.DESTROY]
    at = next((n for n, node in enumerate(made.nodes) if node.action is Action.DESTROY), len(made.nodes))
    nodes = (*made.nodes[:at], *staying, *leaving, *made.nodes[at:])
    mounts = {*there.domains, *(one.path for one in there.open)}
    asked = mounts if wanted is None else {mount for path in wanted for mount in above(path, mounts)}
    return Plan(
        made.bundle,
        nodes,
        summarise(nodes),
        made.selection,
        tuple(one for one in there.open if one.path in asked),
        {path: digest for path, digest in there.domains.items() if path in asked},
        made.goal,
        made.fix_drift,
    )


def due(plan: Plan) -> dict[str, str]:
    """The nodes with something to do below them that is planned there, and from which bundle it was planned.

    Those on the way to another are among them. Nothing instead of a digest: whatever the domain has by then.
    """
    open_ones = {one.path: "" for one in plan.open}
    mounts = {**plan.domains, **open_ones}
    changed = (node.path for node in plan.nodes if node.action.acts) if mounts else ()
    found = {mount for path in changed for mount in above(path, mounts)}
    found |= {mount for path in open_ones for mount in (path, *above(path, mounts))}
    return {mount: digest for mount, digest in mounts.items() if mount in found}


def above(path: str, mounts: Collection[str]) -> Iterator[str]:
    """Those of some nodes that a path lies strictly below, the nearest first."""
    while mounts and path != paths.ROOT:
        path = paths.parent(path)
        if path in mounts:
            yield path


def leading(path: str, mounts: Iterable[str]) -> tuple[str, ...]:
    """Those of some nodes that are a path's own or lie below it."""
    return tuple(mount for mount in mounts if paths.within(mount, path))
