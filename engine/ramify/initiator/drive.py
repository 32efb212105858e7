"""Drive one node through its host's stub: look where it stands, send what is missing, give the commands."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from msgspec import structs

from ramify.compile.drifting import is_fixed, on_drift, why
from ramify.compile.fleet import Fleet
from ramify.compile.profiles import profile, values
from ramify.compile.proofs import Proof
from ramify.compile.standing import standing
from ramify.compile.steps import AIMS, HOLD, RELEASE, way
from ramify.compile.templates import Reach
from ramify.compile.tree import Node
from ramify.initiator import confirming, order
from ramify.initiator.confirming import Again, Ticket
from ramify.initiator.doing import Doing
from ramify.initiator.messages import Options
from ramify.initiator.ports import Session
from ramify.initiator.supply import Supply
from ramify.initiator.warrants import warrant
from ramify.model import paths
from ramify.model.drift import received, summed
from ramify.model.events import LOOK_AT_DRIFT
from ramify.model.plan import Goal
from ramify.model.profile import Profile
from ramify.model.record import NodeRecord
from ramify.model.trust import digest
from ramify.repository.kinds import kind_of
from ramify.stub.tables import (
    CONFIGURE,
    CONFIGURE_ENV,
    DEPLOY,
    INITIAL,
    RELOAD,
    RUNNING,
    START,
    condition,
)
from ramify.stub.transfer import COMPLETE
from ramify.stub.wire import MISSING, REFUSED, REVERTED
from ramify.transport.errors import ConnectionLostError, TransportError
from ramify.transport.replies import NodeState, Reply, StubError

SMALL = 256 * 1024
"""A pack up to this size is sent without asking whether the host has it: asking costs a round trip."""

SLOWEST = 16 * 1024
"""Bytes in a second: a link that takes fewer is as good as none."""

LOOKS = 3
"""How often a node that moves on meanwhile is looked at, before that is told as its failure."""

MOST_PROBLEM = 200
"""Letters of what a health check said that are recorded."""

_LOADING = frozenset({DEPLOY, CONFIGURE_ENV, CONFIGURE, RELOAD})
_NO_COMMANDS = frozenset({HOLD, RELEASE})

APPLY_FIRST = "`ramify apply` brings it to what the hierarchy says."

T = TypeVar("T")
Begin = Callable[[], None]
"""Called before the first command that changes anything."""


class NodeFailedError(Exception):
    """The host did what it could, and the node is not as it shall be; `state` is what was found after."""

    def __init__(self, message: str, detail: str = "", state: NodeState | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.state = state


class MovedOnError(NodeFailedError):
    """The node is not where it stood when it was looked at: a stub of an earlier run was still at work.

    A session whose parent dies finishes its command, and the next one waits for it. Looking again tells
    what is left to do.
    """


class StaleError(NodeFailedError):
    """What is due is more than the saved plan says that is carried out: nothing was done."""


class DriftedError(NodeFailedError):
    """A node whose drift shall stop an apply has drifted: nothing was done."""


class RevertedError(NodeFailedError):
    """The change failed, or cut us off, and its host has taken it back: what was there runs again."""


class NoAnswerError(Exception):
    """The host is there, and a request was not answered in time: nobody knows what came of it."""


@dataclass(frozen=True)
class Driver:
    """What driving needs; `may` are a saved plan's commands for the node, if one is carried out."""

    fleet: Fleet
    supply: Supply
    options: Options
    above: Proof = ()
    may: tuple[str, ...] | None = None
    doing: Doing = field(default_factory=Doing)

    def allow(self, steps: tuple[str, ...], state: NodeState | None = None) -> None:
        """Go on only if the commands are planned.

        Raises:
            StaleError: they are more than a saved plan says.
        """
        if self.may is not None and not set(steps) <= set(self.may):
            due = f"{', '.join(steps)} would be due, and " + (
                f"only {', '.join(self.may)} was planned" if self.may else "nothing was planned"
            )
            raise StaleError(f"it is not as it was when this was planned ({due}): plan again", state=state)

    async def look(self, stub: Session, path: str, *, closely: bool = False) -> NodeState:
        """Where a node stands on its host; `closely` also what there is not as it was put there."""
        operation = "verify" if closely else "status"
        reply = await self._within(operation, stub.request(operation, paths=[path]))
        return _told(reply.nodes[0] if reply.nodes else None, path)

    async def up(
        self, stub: Session, node: Node, record: NodeRecord | None, begin: Begin, again: Again | None = None
    ) -> NodeRecord:
        """Bring a node up; what changes a service that runs is confirmed by coming `again`.

        Raises:
            NodeFailedError: a command was refused or failed, or something that it needs is missing.
            NoAnswerError: the stub took too long.
            TransportError: the host was lost on the way.
        """
        state: NodeState | None = None
        await self._pin(stub)
        await self._stop_for_drift(stub, node, record)
        if record is None and self._is_plain(node):
            state = await self._at_once(stub, node, begin)
        if state is None:
            closely = self._repairs(node, record)
            state = await self._step_by_step(
                stub, node.path, "apply", record, begin, again=again, closely=closely
            )
        state = await self._seen_after(stub, record, state)
        self._check(node.path, "apply", state if self._repairs(node, record) else _unseen(state))
        return self.record(node.path, state, record)

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
        found = standing(self.fleet, self.fleet.by_path.get(path), state)
        left = way(goal, structs.replace(found, anew=True))
        if left != ():
            due = left[0] if left else goal
            raise NodeFailedError(f"the stub told success, and {due} is still due", state=state)

    def _repairs(self, node: Node, record: NodeRecord | None) -> bool:
        """Whether there is drift to put right."""
        known = record is not None and bool(record.drift)
        return known and is_fixed(self.fleet, node, asked=self.options.fix_drift)

    async def _stop_for_drift(self, stub: Session, node: Node, record: NodeRecord | None) -> None:
        """Before a node is touched that nobody may touch when it has drifted: see whether it has.

        Raises:
            DriftedError: it has, and nobody has looked at that yet.
        """
        if record is None or self.options.fix_drift or on_drift(self.fleet, node) != "stop":
            return
        state = await self.look(stub, node.path, closely=True)
        if state.drift:
            message = why(node.path, summed(received(state.drift)), node.path)
            raise DriftedError(message, LOOK_AT_DRIFT, state)

    async def _pin(self, stub: Session) -> None:
        """Have the host pin the project's policy, before it is given anything to hold against that."""
        policy = self.fleet.bundle.policy
        if policy is None or (await stub.greeted()).trust == digest(policy.statement):
            return
        signatures = list(policy.signatures)
        try:
            await self._within("trust", stub.request("trust", policy=policy.statement, signatures=signatures))
        except StubError as error:
            way_out = "One whom that one lets speak for /** signs the new one: `ramify sign --policy`."
            raise NodeFailedError(f"the host keeps another policy: {error}", way_out) from error

    async def down(self, stub: Session, path: str, begin: Begin) -> None:
        """Take a node away.

        Raises:
            NodeFailedError: it did not stop, or its uninstaller failed.
            NoAnswerError: the stub took too long.
            TransportError: the host was lost on the way.
        """
        await self._step_by_step(stub, path, "uninstall", None, begin)

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
        return await self._commands(stub, path, (START,))

    def record(self, path: str, state: NodeState, before: NodeRecord | None, host: str = "") -> NodeRecord:
        """A stub's word as a record, with the values that the node is known to run with."""
        node = self.fleet.by_path.get(path)
        made: dict[str, str] = {}
        if node is not None and state.digest == self.fleet.digests[path].node:
            made = values(profile(self.fleet, node))
        elif before is not None and before.digest == state.digest:
            made = before.values
        placed = self.fleet.host_of(path)
        found = record_of(state, host or (placed.name if placed else ""), made)
        unseen = before.drift if before is not None and state.drift is None else found.drift
        return structs.replace(found, drift=unseen)

    def _is_plain(self, node: Node) -> bool:
        component = self.fleet.class_of(node).component
        if component is None or component.deploys or component.size > SMALL:
            return False
        return not self._wants_facts(node)

    def _wants_facts(self, node: Node) -> bool:
        made = self.fleet.class_of(node)
        slots = (*made.install.slots, *made.service.slots)
        return made.varies or any(slot.template.reach is Reach.FACTS for slot in slots)

    async def _at_once(self, stub: Session, node: Node, begin: Begin) -> NodeState | None:
        """Send code and command without waiting for an answer; None when the node is not new after all."""
        made = profile(self.fleet, node)
        pack = (await self.supply.pack(made.component.artifact)).read_bytes()
        begin()
        put = stub.request("put", pack, artifact=made.component.artifact, size=len(pack), offset=0)
        wish = order.build(self.fleet, node, made, None)
        signed = warrant(self.fleet, node, self.above)
        deploy = stub.request("commands", path=node.path, commands=[DEPLOY], order=wish, signed=signed)
        try:
            with self.doing.commanding(stub):
                reply = await self._within(DEPLOY, _pipelined(put, deploy), self._patience(node.path))
        except StubError as error:
            if error.code == REFUSED:
                return None
            raise _failed(error, node.path) from error
        return _told(reply.state, node.path)

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
        wish: dict[str, Any] | None = None
        node = self.fleet.by_path.get(path)
        for _ in range(LOOKS):
            state = await self.look(stub, path, closely=closely)
            found = standing(self.fleet, node, state, record)
            steps = way(goal, found)
            if steps is None:
                where = f"its environment is {state.environment}, its service {state.service}"
                raise NodeFailedError(f"{where}: it cannot be made to {goal}", APPLY_FIRST, state)
            if not steps:
                return await self._stay(stub, state)
            self.allow(steps, state)
            if wish is None and node is not None and _LOADING.intersection(steps):
                await self._pin(stub)
                wish = await self._order(stub, node)
            begin()
            try:
                asked = partial(self._commands, stub, path, steps, wish, AIMS[goal].held(found))
                own = confirming.ticket(state, self.options.confirm_timeout) if wish and again else None
                return await (self._confirmed(asked(own), path, own, again) if own and again else asked())
            except MovedOnError as error:
                # A service that does not take its new values while it runs is restarted the next time.
                moved, record = error, None
        raise moved

    async def _stay(self, stub: Session, state: NodeState) -> NodeState:
        """What an earlier run left to be confirmed is wished: that this session exists confirms it."""
        if state.pending is None or state.pending.why:
            return state
        try:
            asked = stub.request("confirm", path=state.path, token=state.pending.token)
            return _told((await self._within("confirm", asked)).state, state.path)
        except StubError as error:
            raise _failed(error, state.path) from error

    async def _confirmed(
        self, asked: Awaitable[NodeState], path: str, own: Ticket, again: Again
    ) -> NodeState:
        """A change, once it is confirmed; its answer may be what it cut off, and is not needed for that."""
        lost: Exception | None = None
        try:
            made = await asked
            if made.pending is None:  # nothing ran any more that it could have gone back to
                return made
        except (ConnectionLostError, NoAnswerError) as error:
            lost = error
        self.doing.at("confirm")
        patience = self.options.reply_timeout + self._patience(path) - self.options.command_timeout
        try:
            found = await confirming.confirm(again, path, own, patience)
        except StubError as error:
            raise _failed(error, path) from error
        except (TransportError, TimeoutError) as error:
            why = f"nobody knows whether its change was taken back: {str(error) or 'no answer'}"
            raise NoAnswerError(
                f"the host did not come back after {own.seconds + patience:g} s, {why}"
            ) from error
        if found is None and lost is not None:  # it had not got there
            raise lost
        return _told(found, path)

    async def _order(self, stub: Session, node: Node) -> dict[str, Any]:
        facts = None
        if self._wants_facts(node):
            facts = (await self._within("facts", stub.request("facts"))).facts
        made = profile(self.fleet, node, facts)
        runtime = await self._runtime(stub, made)
        for artifact in filter(None, (made.component.artifact, runtime)):
            await self._send(stub, artifact)
        return order.build(self.fleet, node, made, runtime)

    async def _send(self, stub: Session, artifact: str) -> None:
        asked = stub.request("have", artifacts=[artifact])
        have = (await self._within("have", asked)).have.get(artifact, 0)
        if have == COMPLETE:
            return  # whoever goes back to what hosts still have needs it from nowhere
        pack = await self.supply.pack(artifact)
        patience = self.options.reply_timeout + pack.stat().st_size / SLOWEST
        await self._within(f"artifact {artifact[:12]}", stub.put(artifact, pack, have), patience)

    async def _runtime(self, stub: Session, made: Profile) -> str | None:
        """The artifact that an initiator runs from, unless its host has Ramify already."""
        if not made.component.deploys or order.interpreter(made):
            return None
        hello = await stub.greeted()
        kind = kind_of(hello.python, hello.implementation, hello.platform, hello.machine, hello.libc)
        for runtime in self.fleet.bundle.runtimes:
            if runtime.kind == kind:
                return runtime.artifact
        raise NodeFailedError(
            f"no runtime for hosts of kind {kind}",
            f"Make one from wheels: `ramify runtime add --kind {kind} FOLDER`, then apply again.",
        )

    async def _commands(
        self,
        stub: Session,
        path: str,
        steps: tuple[str, ...],
        wish: dict[str, Any] | None = None,
        held: str | None = None,
        own: Ticket | None = None,
    ) -> NodeState:
        node = self.fleet.by_path.get(path)
        signed = warrant(self.fleet, node, self.above) if wish is not None and node else None
        names = [step for step in steps if step not in _NO_COMMANDS]
        more: dict[str, Any] = {"confirm": {"token": own.token, "seconds": own.seconds}} if own else {}
        asked = stub.request(
            "commands", path=path, commands=names, order=wish, signed=signed, held=held, **more
        )
        try:
            with self.doing.commanding(stub):
                reply = await self._within(", ".join(steps), asked, self._patience(path))
        except StubError as error:
            raise _failed(error, path) from error
        return _told(reply.state, path)

    def _patience(self, path: str) -> float:
        """How long commands may take: a service has its own time to become healthy."""
        node = self.fleet.by_path.get(path)
        component = self.fleet.class_of(node).component if node else None
        own = component.health.patience if component and component.health else 0.0
        return self.options.command_timeout + own

    async def _within(self, what: str, answer: Awaitable[T], seconds: float | None = None) -> T:
        """An answer, if it comes in time."""
        limit = self.options.reply_timeout if seconds is None else seconds
        self.doing.at(what)
        try:
            async with asyncio.timeout(limit):
                return await answer
        except TimeoutError as error:
            raise NoAnswerError(f"no answer to {what} within {limit:g} s") from error


async def _pipelined(put: Awaitable[Reply], command: Awaitable[Reply]) -> Reply:
    # Both are written before either is answered, and both are answered before either is judged.
    sent, reply = await asyncio.gather(put, command, return_exceptions=True)
    if isinstance(sent, BaseException) and isinstance(reply, StubError) and reply.code == MISSING:
        # What was wrong with the code says more than that there is none.
        raise sent
    if isinstance(reply, BaseException):
        raise reply
    return reply


def _told(state: NodeState | None, path: str) -> NodeState:
    """A stub speaks of the node that it was asked for, and of no other."""
    if state is None or state.path != path:
        raise NodeFailedError(f"the stub told no state of {path}")
    return state


def _failed(error: StubError, path: str) -> NodeFailedError:
    state = error.found if error.found is not None and error.found.path == path else None
    if error.code == REVERTED:
        return RevertedError(f"reverted: {error}", error.detail, state)
    kind = MovedOnError if error.code == REFUSED else NodeFailedError
    return kind(str(error), error.detail, state)


def _unseen(state: NodeState) -> NodeState:
    """A state whose drift is not what is asked about."""
    return structs.replace(state, drift=None)


def record_of(state: NodeState, host: str, made: dict[str, str]) -> NodeRecord:
    """A stub's word as a record."""
    return NodeRecord(
        path=state.path,
        host=host,
        initiator=paths.parent(state.path),
        environment=state.environment,
        service=state.service,
        digest=state.digest,
        environment_digest=state.environment_digest,
        service_digest=state.service_digest,
        binding=state.binding,
        release=state.release,
        held=state.held,
        problem=_problem(state),
        values=made,
        drift=received(state.drift or ()),
    )


def _problem(state: NodeState) -> str:
    """What is wrong with a node that is where its records say."""
    if state.reverted is not None:
        return f"reverted: {state.reverted.why}"[:MOST_PROBLEM]
    if state.health is None or state.health.state == "healthy":
        return ""
    said = f": {state.health.output}" if state.health.output else ""
    return f"{state.health.state}{said}"[:MOST_PROBLEM]
