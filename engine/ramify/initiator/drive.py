"""Drive one node through its host's stub: look where it stands, send what is missing, give the commands."""

from collections.abc import Awaitable, Callable

from msgspec import structs

from ramify.compile.drifting import is_fixed, on_drift, why
from ramify.compile.fleet import Fleet
from ramify.compile.lifecycle import LOOK
from ramify.compile.proofs import Proof
from ramify.compile.standing import standing
from ramify.compile.steps import AIMS, Standing, way
from ramify.compile.tree import Node
from ramify.initiator import confirming
from ramify.initiator.asking import Asking
from ramify.initiator.commanding import Asked, Commanding
from ramify.initiator.confirming import Again
from ramify.initiator.doing import Doing
from ramify.initiator.failing import DriftedError, MovedOnError, NodeFailedError, StaleError
from ramify.initiator.messages import Options
from ramify.initiator.ports import Session
from ramify.initiator.recording import recorded
from ramify.initiator.ring import Ring
from ramify.initiator.sending import Sending
from ramify.initiator.supply import Supply
from ramify.initiator.veil import Veil
from ramify.model.drift import received, summed
from ramify.model.events import LOOK_AT_DRIFT
from ramify.model.plan import Goal
from ramify.model.record import NodeRecord
from ramify.stub.tables import (
    CONFIGURE,
    CONFIGURE_ENV,
    DEPLOY,
    INITIAL,
    RELOAD,
    RESTART,
    RUNNING,
    SHUTDOWN,
    START,
    condition,
)
from ramify.transport.replies import NodeState

LOOKS = 3
"""How often a node that moves on meanwhile is looked at, before that is told as its failure."""

_LOADING = frozenset({DEPLOY, CONFIGURE_ENV, CONFIGURE, RELOAD})
_STOPPING = frozenset({SHUTDOWN, RESTART})

APPLY_FIRST = "`ramify apply` brings it to what the hierarchy says."

Begin = Callable[[], None]
"""Called before the first command that changes anything."""

MakeWay = Callable[[], Awaitable[None]]
"""Called before a service is stopped that runs."""


async def _no_one_in_the_way() -> None:
    """What runs there works for nobody else."""


class Driver:
    """What driving needs; `may` are a saved plan's commands for the node, if one is carried out.

    `ring` has the secrets, and what is recorded `before` tells whether the node was given any. What is
    found on the host decides what is done: where that is not what was `planned`, `otherwise` says so.
    """

    def __init__(  # noqa: PLR0913 - what to do, and by what
        self,
        fleet: Fleet,
        supply: Supply,
        options: Options,
        above: Proof = (),
        may: tuple[str, ...] | None = None,
        *,
        ring: Ring | None = None,
        before: NodeRecord | None = None,
        planned: tuple[str, ...] = (),
    ) -> None:
        ring = ring or Ring(fleet.scope)
        self.doing = Doing()
        self.otherwise = ""
        self._planned = planned
        self._veil = Veil(fleet, ring, before)
        self._fleet = fleet
        self._options = options
        self._may = may
        self.asking = Asking(fleet, options, self.doing)
        self._sending = Sending(fleet, supply, above, self.asking, ring)
        self._commanding = Commanding(self.asking, self._veil)
        self.make_way: MakeWay = _no_one_in_the_way

    def allow(self, steps: tuple[str, ...], state: NodeState | None = None) -> None:
        """Go on only if the commands are planned.

        Raises:
            StaleError: they are more than a saved plan says.
        """
        if self._may is not None and not set(steps) <= set(self._may):
            due = f"{', '.join(steps)} would be due, and " + (
                f"only {', '.join(self._may)} was planned" if self._may else "nothing was planned"
            )
            raise StaleError(f"it is not as it was when this was planned ({due}): plan again", state=state)

    async def look(self, stub: Session, path: str, *, closely: bool = False) -> NodeState:
        """Where a node stands on its host; `closely` also what there is not as it was put there."""
        return await self.asking.look(stub, path, closely=closely)

    async def up(
        self, stub: Session, node: Node, record: NodeRecord | None, begin: Begin, again: Again | None = None
    ) -> NodeState:
        """Bring a node up; what changes a service that runs is confirmed by coming `again`.

        Raises:
            NodeFailedError: a command was refused or failed, or something that it needs is missing.
            NoAnswerError: the stub took too long.
            TransportError: the host was lost on the way.
        """
        state: NodeState | None = None
        await self._sending.pin(stub)
        await self._stop_for_drift(stub, node, record)
        if record is None and self._sending.is_plain(node):
            state = await self._at_once(stub, node, begin)
        if state is None:
            closely = self._repairs(node, record)
            state = await self._step_by_step(
                stub, node.path, "apply", record, begin, again=again, closely=closely
            )
        state = await self._seen_after(stub, record, state)
        self._check(node.path, "apply", state if self._repairs(node, record) else _unseen(state))
        return state

    async def _seen_after(self, stub: Session, record: NodeRecord | None, state: NodeState) -> NodeState:
        """What is left of drift that was recorded, after commands: some of them put some of it right."""
        if record is None or not record.drift:
            return state
        return await self.look(stub, record.path, closely=True)

    async def steer(
        self,
        stub: Session,
        path: str,
        goal: Goal,
        record: NodeRecord | None,
        begin: Begin,
        again: Again | None = None,
    ) -> NodeState | None:
        """Bring a node that is deployed to a goal; None when nothing is left of it.

        Raises: as `up`.
        """
        state = await self._step_by_step(stub, path, goal, record, begin, again=again)
        state = await self._seen_after(stub, record, state)
        self._check(path, goal, _unseen(state))
        return state if (state.environment, state.service) != INITIAL else None

    def _check(self, path: str, goal: Goal, state: NodeState) -> None:
        found = standing(self._fleet, self._fleet.by_path.get(path), state)
        left = way(goal, structs.replace(found, anew=True))
        if left != ():
            due = left[0] if left else goal
            raise NodeFailedError(f"the stub told success, and {due} is still due", state=state)

    def _repairs(self, node: Node, record: NodeRecord | None) -> bool:
        """Whether there is drift to put right."""
        known = record is not None and bool(record.drift)
        return known and is_fixed(self._fleet, node, asked=self._options.fix_drift)

    async def _stop_for_drift(self, stub: Session, node: Node, record: NodeRecord | None) -> None:
        """Before a node is touched that nobody may touch when it has drifted: see whether it has.

        Raises:
            DriftedError: it has, and nobody has looked at that yet.
        """
        if record is None or self._options.fix_drift or on_drift(self._fleet, node) != "stop":
            return
        state = await self.look(stub, node.path, closely=True)
        if state.drift:
            message = why(node.path, summed(received(state.drift)), node.path)
            raise DriftedError(message, LOOK_AT_DRIFT, state)

    async def down(self, stub: Session, path: str, begin: Begin) -> None:
        """Take a node away.

        Raises:
            NodeFailedError: it did not stop, or its uninstaller failed.
            NoAnswerError: the stub took too long.
            TransportError: the host was lost on the way.
        """
        await self._step_by_step(stub, path, "uninstall", None, begin)
        self.otherwise = ""  # on an earlier host there may be less to take away

    async def wake(self, stub: Session, path: str, begin: Begin) -> NodeState:
        """Have the service of a node run as it was installed, so that it can be asked.

        Raises:
            NodeFailedError: it cannot be started as it stands.
        """
        state = await self.look(stub, path)
        if state.service in RUNNING:
            return state
        if condition(START, (state.environment, state.service)):
            found = f"{state.environment}, its service {state.service}"
            raise NodeFailedError(f"its initiator is {found}: it cannot be asked for what is below it")
        self.allow((START,))
        begin()
        return await self._commanding.give(stub, Asked(path, (START,)))

    def record(self, path: str, state: NodeState, before: NodeRecord | None, host: str) -> NodeRecord:
        """The word of a stub on a host as a record."""
        return recorded(self._fleet, path, self._veil.over(state), before, host)

    async def _at_once(self, stub: Session, node: Node, begin: Begin) -> NodeState | None:
        artifact, pack, wish = await self._sending.plainly(node)
        begin()
        asked = Asked(node.path, (DEPLOY,), wish, self._sending.warrant(node))
        return await self._commanding.deploy_at_once(stub, asked, artifact, pack)

    async def _step_by_step(  # noqa: PLR0913 - what is to be reached, and what that needs
        self,
        stub: Session,
        path: str,
        goal: Goal,
        record: NodeRecord | None,
        begin: Begin,
        *,
        again: Again | None = None,
        closely: bool = False,
    ) -> NodeState:
        node, asked = self._fleet.by_path.get(path), Asked(path, ())
        for _ in range(LOOKS):
            state = await self.look(stub, path, closely=closely)
            found = _as_held(standing(self._fleet, node, state, record), goal, record)
            steps = _way(goal, found, state)
            self._compare(state, steps)
            if not steps:
                return await self._commanding.stay(stub, state)
            self.allow(steps, state)
            asked = await self._loaded(stub, node, steps, asked)
            if state.service in RUNNING and not _STOPPING.isdisjoint(steps):
                await self.make_way()
            begin()
            try:
                asked = structs.replace(asked, steps=steps, held=AIMS[goal].held(found))
                return await self._command(stub, asked, state, again)
            except MovedOnError as error:
                # A service that does not take its new values while it runs is restarted the next time.
                moved, record = error, None
        raise moved

    def _compare(self, state: NodeState, steps: tuple[str, ...]) -> None:
        if self._planned and LOOK not in self._planned and steps != self._planned:
            found = f"found {state.environment}, its service {state.service}"
            done, planned = (", ".join(one) or "nothing" for one in (steps, self._planned))
            self.otherwise = f"{found}: {done} instead of {planned}"

    async def _loaded(self, stub: Session, node: Node | None, steps: tuple[str, ...], asked: Asked) -> Asked:
        """What is asked for with the node's order, where a step needs one; it is made once."""
        if asked.order is not None or node is None or not _LOADING.intersection(steps):
            return asked
        await self._sending.pin(stub)
        wish = await self._sending.order(stub, node)
        return structs.replace(asked, order=wish, signed=self._sending.warrant(node))

    async def _command(self, stub: Session, asked: Asked, state: NodeState, again: Again | None) -> NodeState:
        own = confirming.ticket(state, self._options.confirm_timeout) if asked.order and again else None
        if own is None or again is None:
            return await self._commanding.give(stub, asked)
        return await self._commanding.give_and_confirm(stub, asked, own, again)


def _way(goal: Goal, found: Standing, state: NodeState) -> tuple[str, ...]:
    steps = way(goal, found)
    if steps is None:
        where = f"its environment is {state.environment}, its service {state.service}"
        raise NodeFailedError(f"{where}: it cannot be made to {goal}", APPLY_FIRST, state)
    return steps


def _as_held(found: Standing, goal: Goal, record: NodeRecord | None) -> Standing:
    """Where a host has nothing of a node, as after a move, its record knows how it is held."""
    held = record.held if goal == "apply" and record is not None and found.gone else found.held
    return structs.replace(found, held=held)


def _unseen(state: NodeState) -> NodeState:
    """A state whose drift is not what is asked about."""
    return structs.replace(state, drift=None)
