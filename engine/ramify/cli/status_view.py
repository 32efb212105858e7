"""The state of a fleet: each node where there are few, level by level where there are many."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, structs

from ramify.cli.folding import fold, fold_words, natural, shortened
from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.words import counted
from ramify.model import paths
from ramify.model.drift import summed
from ramify.model.plan import Action, NodePlan
from ramify.model.record import NodeRecord

FEW = 60
MOST_NAMES = 3
UNHEALTHY = "unhealthy"
DRIFTED = "drifted"
NOTHING = "No nodes."
THERE = "planned there"
_PLAIN = Paint()

_HOLDS = {
    Action.UNCHANGED: "in sync",
    Action.CREATE: "to add",
    Action.UPDATE: "to change",
    Action.REPLACE: "to replace",
    Action.DESTROY: "to destroy",
    Action.HELD: "held",
}


class NodeStatus(Struct, frozen=True):
    """What is recorded of one node, held against the hierarchy where that is known here."""

    path: str
    host: str
    environment: str
    service: str
    initiator: str
    digest: str
    in_sync: bool | None
    action: Action | None
    problem: str = ""
    drift: tuple[str, ...] = ()


def statuses(
    planned: Iterable[NodePlan], records: Mapping[str, NodeRecord], there: Iterable[NodeRecord] = ()
) -> tuple[NodeStatus, ...]:
    """The status of every planned node; one that was never deployed is told as non-existent.

    What is recorded of nodes that are planned `there` cannot be held against a hierarchy here.
    """
    seen = (
        _status(records.get(n.path) or NodeRecord(n.path, n.host, n.initiator), n.action) for n in planned
    )
    return (*seen, *(_status(record, None) for record in there))


def _status(known: NodeRecord, action: Action | None) -> NodeStatus:
    return NodeStatus(
        path=known.path,
        host=known.host,
        environment=known.environment,
        service=known.service,
        initiator=known.initiator,
        digest=known.digest,
        in_sync=None if action is None else action is Action.UNCHANGED and not known.drift,
        action=action,
        problem="an earlier run was interrupted"
        if known.open
        else known.problem or known.held or _drift(known),
        drift=tuple(one.words for one in known.drift),
    )


def _drift(known: NodeRecord) -> str:
    return f"{DRIFTED}: {summed(known.drift)}" if known.drift else ""


def text(found: Sequence[NodeStatus], paint: Paint = _PLAIN, *, full: bool = False) -> str:
    """The table, and the totals in the last line."""
    if not found:
        return NOTHING
    lines = _each(found) if full or len(found) <= FEW else list(_folded(found, paint))
    return "\n".join([*lines, "", last_line(found, paint)])


def last_line(found: Sequence[NodeStatus], paint: Paint = _PLAIN) -> str:
    """How many there are, run, and are as the hierarchy says."""
    active = sum(node.service == "active" for node in found)
    same = sum(node.in_sync is True for node in found)
    there = sum(node.in_sync is None for node in found)
    more = f", {there:,} {THERE}" if there else ""
    ill = sum(node.problem.startswith(UNHEALTHY) for node in found)
    ills = f", {ill:,} {UNHEALTHY}" if ill else ""
    drifted = sum(bool(node.drift) for node in found)
    drifts = f", {drifted:,} {DRIFTED}" if drifted else ""
    return paint(
        "good" if same + there == len(found) and not ill and not drifted else "warning",
        f"Status: {counted(len(found), 'node')}, {active:,} active{ills}, {same:,} in sync{drifts}{more}.",
    )


def _each(found: Sequence[NodeStatus]) -> list[str]:
    rows = [
        (node.path, node.host, node.environment, node.service, _held(node))
        for node in sorted(found, key=lambda node: natural(node.path))
    ]
    return table(rows, ("PATH", "HOST", "ENVIRONMENT", "SERVICE", "HIERARCHY"))


def _held(node: NodeStatus) -> str:
    held = _HOLDS[node.action] if node.action else THERE
    held = "left alone" if node.drift and node.action is Action.UNCHANGED else held
    return f"{held} ({node.problem})" if node.problem else held


def _held_alike(node: NodeStatus) -> str:
    """The same without what a host said in words of its own."""
    return _held(structs.replace(node, problem=node.problem.partition(": ")[0]))


def _folded(found: Sequence[NodeStatus], paint: Paint) -> Iterator[str]:
    by_level: dict[int, list[NodeStatus]] = {}
    for node in found:
        by_level.setdefault(paths.depth(node.path), []).append(node)
    for depth in sorted(by_level):
        yield paint("bold", f"Level {depth}: {counted(len(by_level[depth]), 'node')}")
        rows = list(_rows(by_level[depth]))
        yield from (f"  {line}" for line in table(rows))


def _rows(nodes: Iterable[NodeStatus]) -> Iterator[tuple[str, ...]]:
    alike: dict[tuple[str, str, str], list[NodeStatus]] = {}
    for node in nodes:
        alike.setdefault((node.environment, node.service, _held_alike(node)), []).append(node)
    for (environment, service, held), together in sorted(alike.items(), key=lambda item: -len(item[1])):
        names, left = shortened(fold(node.path for node in together), MOST_NAMES)
        hosts = dict.fromkeys(node.host for node in together)
        place = fold_words(hosts, 2) or counted(len(hosts), "host")
        yield (names[0] if names else "", place, environment, service, held, f"{len(together):,}")
        for name in names[1:]:
            yield (name, "", "", "", "", "")
        if left:
            yield (f"… and {left:,} more", "", "", "", "", "")
