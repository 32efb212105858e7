"""Plans of the lifecycle commands: what is deployed is started, stopped, configured again, taken away.

They speak of what is recorded, whether or not it is what the hierarchy says: that is what `apply` is for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec import structs

from ramify.compile.certainty import of_deployed
from ramify.compile.fleet import Fleet
from ramify.compile.standing import standing
from ramify.compile.steps import AIMS, HOLD, RELEASE, Standing, way
from ramify.compile.unseen import above
from ramify.model import paths
from ramify.model.plan import Action, Goal, NodePlan
from ramify.model.record import NodeRecord
from ramify.stub.tables import INSTALLED, RUNNING, START

Records = Mapping[str, NodeRecord]

LOOK = "status"
"""The step of a node whose state is not certain: what follows depends on what is found."""

_PAUSING = frozenset({"activate", "deactivate"})
_ORDERED = frozenset({"configure", "configure-env"})
_WAKING = frozenset({"start", "restart"})


def plan_nodes(
    fleet: Fleet, records: Records, selected: frozenset[str] | None, goal: Goal
) -> tuple[NodePlan, ...]:
    """What happens to every selected node on the way to a goal, in the order of the hierarchy.

    Nodes that have left the hierarchy come last, children before their parents.
    """
    unseen = frozenset(fleet.unseen)
    nodes = [node.path for node in fleet.within(fleet.scope)]
    present = fleet.by_path
    gone = (
        path
        for path in sorted(records, reverse=True)
        if path not in present and paths.within(path, fleet.scope) and not any(above(path, unseen))
    )
    chosen = [path for path in (*nodes, *gone) if selected is None or path in selected]
    there = {path: record for path, record in records.items() if record.exists or record.open}
    below = frozenset(path for path in there if any(above(path, unseen))) if unseen else frozenset[str]()
    kept = frozenset() if selected is None else below - selected
    return _Planner(fleet, there, frozenset(chosen), goal, below - kept, kept).plans(chosen)


@dataclass(frozen=True)
class _Planner:
    """Of recorded nodes that initiators plan, `there` are those that are chosen, `kept` the others."""

    fleet: Fleet
    records: Records
    chosen: frozenset[str]
    goal: Goal
    there: frozenset[str]
    kept: frozenset[str]

    def plans(self, chosen: list[str]) -> tuple[NodePlan, ...]:
        asleep = {path for path, record in self.records.items() if self._sleeps(record)}
        made = {path: self._plan(path, asleep) for path in chosen}
        made |= self._out_of_reach(asleep)
        if self.goal == "uninstall":
            self._keep_parents(made)
            self._leave_below_sleepers(made, asleep)
        if AIMS[self.goal].down:
            self._wake_parents(made, asleep)
        if self.goal == "stop":
            self._tell_left_behind(made)
        return tuple(made.values())

    def _out_of_reach(self, asleep: set[str]) -> dict[str, NodePlan]:
        """What initiators would plan that do not run, and are not started on the way."""
        unseen, made = frozenset(self.fleet.unseen), {}
        for path in sorted(self.there):
            tops = (one for one in self._blocking(path, asleep) if not any(above(one, unseen)))
            top = next(tops, None)
            if top is not None:
                why = f"{top} does not run: start it first"
                made[path] = self._left(self.records[path], Action.HELD, why)
        return made

    def _plan(self, path: str, asleep: set[str]) -> NodePlan:
        record = self.records.get(path)
        if record is None:
            host = self.fleet.host_of(path)
            name = host.name if host else ""
            return NodePlan(path, Action.UNCHANGED, name, paths.parent(path), reason="it is not deployed")
        steps = way(self.goal, self._standing(record))
        why_not = self._why_not(record) or ("" if steps is not None or record.open else self._stuck(record))
        if why_not or not (steps or record.open):
            return self._left(record, Action.UNCHANGED, why_not)
        blocking = next(self._blocking(path, asleep), None)
        if blocking is not None:
            return self._left(record, Action.HELD, f"{blocking} does not run: start it first")
        if record.open:
            return self._acting(record, (LOOK, *(steps or ())), "an earlier run was interrupted")
        return self._acting(record, steps or (), self._reason(record, steps or ()))

    def _stuck(self, record: NodeRecord) -> str:
        state = f"its environment is {record.environment}, its service {record.service}"
        return f"{state}: `ramify apply` brings it up"

    def _why_not(self, record: NodeRecord) -> str:
        """Why a goal is none of this node's; empty when it is."""
        if self.goal in _PAUSING and self._deploys(record.path):
            return "an initiator is not paused: what is below it is"
        if self.goal in _ORDERED:
            node, host = self.fleet.by_path.get(record.path), self.fleet.host_of(record.path)
            if node is None or host is None:
                return "it is not in the hierarchy any more"
            if host.name != record.host:
                return f"it moves to {host.name}: `ramify apply` brings it there"
        return ""

    def _deploys(self, path: str) -> bool:
        node = self.fleet.by_path.get(path)
        if node is None:
            return any(paths.parent(other) == path for other in self.records)
        component = self.fleet.class_of(node).component
        return component is not None and component.deploys

    def _standing(self, record: NodeRecord) -> Standing:
        return standing(self.fleet, self.fleet.by_path.get(record.path), record, record)

    def _sleeps(self, record: NodeRecord) -> bool:
        """Whether nobody is there to act on what is below a node; where that is not certain, it is tried."""
        return record.service not in RUNNING and not record.open

    def _blocking(self, path: str, asleep: set[str]) -> Iterator[str]:
        """Initiators above that do not run when it comes to this node."""
        for parent in above(path, asleep):
            wakes = self.goal in _WAKING or AIMS[self.goal].down
            if not (wakes and parent in self.chosen and self.records[parent].environment == INSTALLED):
                yield parent

    def _reason(self, record: NodeRecord, steps: tuple[str, ...]) -> str:
        if HOLD in steps:
            return "it does not run, and shall not"
        if RELEASE in steps:
            return "it runs, and may"
        return "" if record.path in self.fleet.by_path else "not in the hierarchy any more"

    def _acting(self, record: NodeRecord, steps: tuple[str, ...], reason: str) -> NodePlan:
        action = Action.DESTROY if self.goal == "uninstall" else Action.UPDATE
        parent = paths.parent(record.path)
        conditional, opaque = of_deployed(self.fleet, record, steps)
        return NodePlan(
            record.path, action, record.host, parent, steps,
            reason=reason, conditional=conditional, opaque=opaque,
        )  # fmt: skip

    def _left(self, record: NodeRecord, action: Action, reason: str) -> NodePlan:
        return NodePlan(record.path, action, record.host, paths.parent(record.path), reason=reason)

    def _keep_parents(self, made: dict[str, NodePlan]) -> None:
        """Something below that stays keeps the nodes above it."""
        kept: set[str] = set()
        for path in sorted(self.records, reverse=True):  # children before their parents
            if path in self.there or path in self.kept:  # planned there
                if path in kept or path in self.kept:
                    kept.add(paths.parent(path))
                continue
            plan = made.get(path)
            if plan is not None and plan.action.acts and path in kept:
                made[path] = self._left(self.records[path], Action.HELD, "something below it stays")
            if not made.get(path, _NOTHING).action.acts:
                kept.add(paths.parent(path))

    def _leave_below_sleepers(self, made: dict[str, NodePlan], asleep: set[str]) -> None:
        """An initiator that stays, and does not run, is nobody who takes down what is below it."""
        staying = {path for path in asleep if path in made and not made[path].action.acts}
        for path, plan in made.items():
            sleeper = next(above(path, staying), None) if plan.action.acts else None
            if sleeper is not None:
                reason = f"{sleeper} stays, and does not run: start it first"
                made[path] = self._left(self.records[path], Action.HELD, reason)

    def _wake_parents(self, made: dict[str, NodePlan], asleep: set[str]) -> None:
        """An initiator that does not run is started, for what is below it is taken down by it."""
        taken = (*self.there, *(path for path, plan in made.items() if plan.action.acts))
        needed = {parent for path in taken for parent in above(path, asleep)}
        for path in needed & made.keys():
            record = self.records[path]
            # An initiator is not paused: it goes on to run.
            after = Standing(INSTALLED, "active", held=record.held)
            steps = () if self.goal in _PAUSING else way(self.goal, after) or ()
            reason = "it is started to take down what is below it"
            made[path] = self._acting(record, (START, *steps), reason)

    def _tell_left_behind(self, made: dict[str, NodePlan]) -> None:
        """What goes on below an initiator that is stopped cannot be reached until that is started again."""
        running = {path for path, record in self.records.items() if not self._sleeps(record)}
        staying = running - {path for path, plan in made.items() if plan.action.acts}
        without = {parent for path in staying for parent in above(path, made)}
        for path in without:
            if made[path].action.acts:
                reason = "what is below it goes on, and cannot be reached until it is started"
                made[path] = structs.replace(made[path], reason=reason)


_NOTHING = NodePlan("", Action.UNCHANGED, "", "")
