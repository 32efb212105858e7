"""A visit: all that one run does on one branch, a child and what is below it."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

from ramify.compile.steps import AIMS, STOPPED
from ramify.compile.tree import Node
from ramify.initiator.doing import Doing
from ramify.initiator.drive import Driver
from ramify.initiator.failing import NodeFailedError, StaleError
from ramify.initiator.job import Job, Place
from ramify.initiator.ledger import Ledger
from ramify.initiator.link import Link, RunRefusedError
from ramify.initiator.ports import Session
from ramify.initiator.reserving import make_way, reservation
from ramify.initiator.risk import Risk
from ramify.initiator.stakes import Stake
from ramify.initiator.strays import Strays
from ramify.initiator.work import Branch
from ramify.model.events import Event, Halted, Note, Started, Unheard
from ramify.model.inventory import Host
from ramify.model.record import NodeRecord, NodeResult, Outcome
from ramify.stub.tables import INITIAL, RUNNING, START, condition
from ramify.stub.wire import NOT_ACTIVE
from ramify.transport.channel import Channel
from ramify.transport.errors import TransportError
from ramify.transport.replies import NodeState, StubError

if TYPE_CHECKING:
    from ramify.model.plan import Goal


class StillThereError(Exception):
    """A node is not taken away or stopped while something is below it."""


class AsleepError(Exception):
    """What is below an initiator waits, for that was stopped on purpose."""


class Visit:
    """One branch of a run. `entrusted` says that what is below is in the hands of the child's initiator."""

    def __init__(
        self, branch: Branch, job: Job, place: Place, ledger: Ledger, risk: Risk, strays: Strays
    ) -> None:
        self.branch = branch
        self.entrusted = False
        self.stake = Stake(risk)
        self._risk = risk
        self._strays = strays
        self._at = ""
        self._job = job
        self._place = place
        self._ledger = ledger
        may = job.held.may(branch.path) if job.held else None
        self._before = ledger.before.get(branch.path)
        self._driver = Driver(
            job.fleet,
            place.supply,
            job.options,
            job.above,
            may,
            ring=place.ring,
            before=self._before,
            planned=branch.steps,
        )
        if branch.deploys or branch.below:
            self._driver.make_way = self._make_way
        leaves = branch.node is None and job.plan.goal == "apply"
        self._goal: Goal = "uninstall" if leaves else job.plan.goal

    @property
    def doing(self) -> Doing:
        """What is being done right now."""
        return self._driver.doing

    async def stop(self) -> bool:
        """Have what is under way on a host ended; whether it is worth waiting for that."""
        if self.doing.commanded is not None:
            await self.doing.commanded.stop()
            return True
        return self.entrusted

    async def perform(self) -> None:
        """Do what the job asks of this branch; any exception says that it was not done, and why."""
        await self.stake.take()
        if self._job.kind == "refresh":
            await self._refresh()
        elif AIMS[self._goal].down:
            await self._take_down()
        elif self.branch.node is None or self._goal != "apply":
            await self._carry_on()
        else:
            await self._bring_up(self.branch.node)

    # On the way up: the child before what is below it.

    async def _bring_up(self, node: Node) -> None:
        branch = self.branch
        # One that shall move, and is not meant, is to be found where it is.
        host = branch.host if branch.touched or self._before is None else self._where_it_is()
        if host is None:
            raise RuntimeError(f"{branch.path} was compiled with errors")
        if branch.touched:
            self._ledger.tell(Started(branch.path, host.name))
        if branch.retires:
            await self._clear()
            await self.stake.take()
        async with self._session(host, agent=branch.needs_agent) as stub:
            if branch.moved:  # and nobody leaves a host for one that cannot be reached
                await self._leave()
            if branch.touched:
                await self._up(stub, node, host)
            if branch.leads_on and not branch.retires:
                await self._below(stub, host)

    async def _up(self, stub: Session, node: Node, host: Host) -> None:
        state = await self._driver.up(stub, node, self._before, self._begin, partial(self._again, host))
        self._tell_found(state, host)

    async def _carry_on(self) -> None:
        """Do what a lifecycle command wants of a node that is deployed, where it is, then below it."""
        branch, host = self.branch, self._where_it_is()
        if branch.touched:
            self._ledger.tell(Started(branch.path, host.name))
        async with self._session(host, agent=branch.needs_agent) as stub:
            if branch.touched:
                await self._steer(stub, host)
            if branch.leads_on:
                await self._below(stub, host)

    async def _steer(self, stub: Session, host: Host) -> None:
        branch, was = self.branch, self._before
        state = await self._driver.steer(
            stub, branch.path, self._goal, was, self._begin, partial(self._again, host)
        )
        if state is None:
            self._ledger.end(NodeResult(branch.path, Outcome.DONE, self._driver.otherwise), gone=True)
            return
        self._tell_found(state, host)

    def _tell_found(self, state: NodeState, host: Host) -> None:
        """The child has ended as a stub told it."""
        path, was = self.branch.path, self._before
        record = self._driver.record(path, state, was, host.name)
        same = was is not None and _same(was, record) and not self._ledger.is_marked(path)
        outcome = Outcome.UNCHANGED if same else Outcome.DONE
        self._ledger.end(NodeResult(path, outcome, "" if same else self._driver.otherwise), record)

    async def _make_way(self) -> None:
        """Its initiator is about to be stopped: whoever else is at work through it comes first."""
        branch, hosts = self.branch, self._place.hosts
        host = branch.found or branch.host
        if host is not None:
            await make_way(hosts, host, reservation(self._job, branch.path), self._ledger.tell)

    def _session(self, host: Host, *, agent: bool = False) -> AbstractAsyncContextManager[Session]:
        """A connection to the host where the child is, or shall be: what is told is true of it there."""
        self._at = host.name
        return self._place.hosts.session(host, agent=agent)

    def _again(self, host: Host) -> AbstractAsyncContextManager[Session]:
        """Another connection to a host: one that a change which was just made lets through."""
        return self._place.hosts.session(host, fresh=True)

    def _begin(self) -> None:
        self._ledger.mark((self.branch.path,))

    async def _leave(self) -> None:
        """Take a node that moves away from its earlier host; that host being dead is no reason to wait."""
        branch = self.branch
        if branch.found is None:
            reason = "it is not in the inventory any more"
            self._ledger.tell(Note(branch.path, f"left behind on {branch.found_on}: {reason}"))
            return
        try:
            async with self._place.hosts.session(branch.found) as stub:
                await self._driver.down(stub, branch.path, self._begin)
        except TransportError as error:
            self._ledger.tell(Note(branch.path, f"left behind on {branch.found_on}: {error}"))
        except StaleError as error:
            raise StaleError(error.message) from error
        except NodeFailedError as error:
            # Without a state: what is recorded of the node must go on to name the host that it is still on.
            raise NodeFailedError(f"cannot leave {branch.found_on}: {error}", error.detail) from error

    # On the way down: what is below a child before the child.

    async def _take_down(self) -> None:
        branch, host = self.branch, self._where_it_is()
        if branch.touched:
            self._ledger.tell(Started(branch.path, host.name))
        if branch.leads_on:
            await self._clear()
            await self.stake.take()
        if branch.touched:
            async with self._session(host) as stub:
                if self._goal == "deactivate" and branch.leads_on:
                    # An initiator is not paused: it was started for what is below it.
                    self._tell_found(await self._driver.look(stub, branch.path), host)
                else:
                    await self._steer(stub, host)

    async def _clear(self) -> None:
        """Have all taken down that is below, by the initiator that brought it there."""
        branch, host = self.branch, self._where_it_is()
        async with self._session(host, agent=branch.needs_agent) as stub:
            if branch.touched:
                await self._driver.wake(stub, branch.path, self._begin)
            await self._below(stub, host)
        # Names of what is planned there are only known once it has been told.
        below = (*branch.below, *(self._ledger.heard_below(branch.path) if branch.mounts else ()))
        left = self._ledger.not_well(below) if branch.touched else None
        if left is not None:
            undone = "still there" if self._goal in {"apply", "uninstall"} else "not through yet"
            raise StillThereError(f"{left} below it is {undone}")

    def _where_it_is(self) -> Host:
        if self.branch.found is None and not self.branch.found_on:
            raise NodeFailedError(
                "it is not there any more, and nobody else can ask for what is recorded below it",
                "Put it back into the hierarchy, and apply until nothing is left to do: then it can go.",
            )
        if self.branch.found is None:
            raise NodeFailedError(
                f'host "{self.branch.found_on}" is not in the inventory any more',
                "Put it back to have the node removed from it, or remove the node there by hand.",
            )
        return self.branch.found

    # Looking only.

    async def _refresh(self) -> None:
        branch = self.branch
        host = branch.host if self._before is None and branch.host is not None else self._where_it_is()
        self._ledger.tell(Started(branch.path, host.name))
        async with self._session(host, agent=branch.needs_agent) as stub:
            state = await self._driver.look(stub, branch.path, closely=True)
            self._seen(state, host)
            await self._strays.look(stub, self._driver.asking, host)
            if not branch.leads_on:
                return
            if state.service not in RUNNING:
                self._pass_by(f"{branch.path} is {state.service}: nobody there to ask")
                return
            try:
                await self._below(stub, host)
            except StubError as error:
                self._pass_by(f"{branch.path} does not answer: {error}")

    def _pass_by(self, why: str) -> None:
        self._ledger.skip(self.branch.below, why)
        for mount in self.branch.mounts:
            self._ledger.unheard(Unheard(mount, Outcome.SKIPPED, why), self.branch.below)

    def _seen(self, state: NodeState, host: Host) -> None:
        there = (state.environment, state.service) != INITIAL
        was = self._before
        record = self._driver.record(state.path, state, was, host.name) if there else None
        same = was is None if record is None else was is not None and _same(was, record)
        result = NodeResult(state.path, Outcome.UNCHANGED if same else Outcome.DONE)
        self._ledger.end(result, record, gone=not there)

    # What is below a child is its own initiator's work.

    async def _below(self, stub: Session, host: Host) -> None:
        branch, job = self.branch, self._job
        known = self._ledger.below(branch.path)
        agent = (await stub.greeted()).agent
        channel, seen = await self._attach(stub, host), job.observed_below(branch.path)
        link = Link(channel, host.name, self._place.supply, job.bundle, seen, self._place.ring.boxes)
        self._risk.must_go_on()
        if job.kind == "apply":
            self._ledger.mark(branch.below)
        loan = self.stake.lend()
        request = job.request(branch, known, agent, loan.tickets)
        self.entrusted = True
        try:
            await link.run(request, known, self._hear, loan)
        except RunRefusedError as error:
            self.entrusted = error.begun
            raise
        self.entrusted = False
        self.stake.back()
        self._ledger.leave(branch.below)

    def _hear(self, events: tuple[Event, ...]) -> None:
        self._ledger.hear(events, self.branch.below)
        for event in events:
            if isinstance(event, Halted):
                self._risk.halt(event, told=True)

    async def _attach(self, stub: Session, host: Host) -> Channel:
        branch, wait = self.branch, self._job.options.attach_timeout
        try:
            return await stub.attach(branch.path, wait=wait)
        except StubError as error:
            if error.code != NOT_ACTIVE or self._job.kind == "refresh":
                raise
            if error.found is not None and error.found.held == STOPPED:
                self._find_asleep(error.found, host)
                raise AsleepError(f"{branch.path} was stopped on purpose: start it first") from error
            found = error.found
        # Its initiator died since it was last heard of: bring it up, then it can be talked to. One that is
        # not to change is started as it was: another version is nobody's wish.
        startable = found is not None and not condition(START, (found.environment, found.service))
        self._driver.allow((START,))
        self._ledger.tell(Note(branch.path, "its initiator was not running, and is started again"))
        self._driver.otherwise = "it did not run, and was started again for what is below it"
        if branch.node is None or self._goal != "apply" or (not branch.touched and startable):
            state = await self._driver.wake(stub, branch.path, self._begin)
            self._tell_found(state, host)
        else:
            await self._up(stub, branch.node, host)
        return await stub.attach(branch.path, wait=wait)

    def _find_asleep(self, state: NodeState, host: Host) -> None:
        """Somebody else stopped the child on purpose, since it was last heard of."""
        if not self._ledger.has_ended(self.branch.path):
            record = self._driver.record(state.path, state, self._before, host.name)
            self._ledger.end(NodeResult(state.path, Outcome.UNCHANGED), record)

    def failed_record(self, state: NodeState) -> NodeRecord:
        """What is recorded of the child after it failed in a state that was told."""
        return self._driver.record(self.branch.path, state, self._before, self._at)


def _same(before: NodeRecord, after: NodeRecord) -> bool:
    """Whether a node was found as it had been recorded."""
    names = ("host", "environment", "service", "digest", "binding", "release", "held", "drift")
    return all(getattr(before, name) == getattr(after, name) for name in names)
