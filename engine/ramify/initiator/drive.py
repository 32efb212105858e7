"""Drive one node through its host's stub: look where it stands, send what is missing, give the commands."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from ramify.compile.fleet import Fleet
from ramify.compile.planning import standing
from ramify.compile.profiles import profile, values
from ramify.compile.steps import Standing, steps_down, steps_up
from ramify.compile.templates import Reach
from ramify.compile.tree import Node
from ramify.initiator import order
from ramify.initiator.messages import Options
from ramify.initiator.supply import Supply
from ramify.model import paths
from ramify.model.profile import Profile
from ramify.model.record import NodeRecord
from ramify.repository.kinds import kind_of
from ramify.stub.tables import CONFIGURE, CONFIGURE_ENV, DEPLOY
from ramify.transport.stubclient import NodeState, Reply, StubClient, StubError

SMALL = 256 * 1024
"""A pack up to this size is sent without asking whether the host has it: asking costs a round trip."""

_LOADING = frozenset({DEPLOY, CONFIGURE_ENV, CONFIGURE})


class NodeFailedError(Exception):
    """The host did what it could, and the node is not as it shall be; `state` is what was found after."""

    def __init__(self, message: str, detail: str = "", state: NodeState | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.state = state


@dataclass(frozen=True)
class Driver:
    """What driving needs, whichever node it is."""

    fleet: Fleet
    supply: Supply
    options: Options

    async def up(self, stub: StubClient, node: Node, record: NodeRecord | None) -> NodeRecord:
        """Bring a node up.

        Raises:
            NodeFailedError: a command was refused or failed, or something that it needs is missing.
            TransportError: the host was lost on the way.
        """
        state: NodeState | None = None
        if record is None and self._is_plain(node):
            state = await self._at_once(stub, node)
        if state is None:
            state = await self._step_by_step(stub, node)
        return self.record(node, state)

    def record(self, node: Node, state: NodeState) -> NodeRecord:
        """What to remember of a node after its stub told its state."""
        known = state.digest == self.fleet.digests[node.path].node
        made = values(profile(self.fleet, node)) if known else {}
        return record_of(state, self._host(node), made)

    def _host(self, node: Node) -> str:
        host = self.fleet.host_of(node.path)
        return host.name if host else ""

    def _is_plain(self, node: Node) -> bool:
        made = self.fleet.class_of(node)
        late = any(s.template.reach is Reach.FACTS for s in (*made.install.slots, *made.service.slots))
        component = made.component
        return component is not None and not late and not component.deploys and component.size <= SMALL

    async def _at_once(self, stub: StubClient, node: Node) -> NodeState | None:
        """Send code and command without waiting for an answer; None when the node is not new after all."""
        made = profile(self.fleet, node)
        pack = (await self.supply.pack(made.component.artifact)).read_bytes()
        put = stub.request("put", pack, artifact=made.component.artifact, size=len(pack), offset=0)
        deploy = self._commands(stub, node.path, (DEPLOY,), order.build(self.fleet, node, made, None))
        try:
            return await _pipelined(put, deploy)
        except StubError as error:
            if error.code == "refused":
                return None
            raise _failed(error) from error

    async def _step_by_step(self, stub: StubClient, node: Node) -> NodeState:
        state = await self.look(stub, node.path)
        steps = steps_up(standing(self.fleet, node, state))
        if not steps:
            return state
        wish: dict[str, Any] | None = None
        if _LOADING.intersection(steps):
            wish = await self._order(stub, node)
        try:
            return await self._commands(stub, node.path, steps, wish)
        except StubError as error:
            raise _failed(error) from error

    async def _order(self, stub: StubClient, node: Node) -> dict[str, Any]:
        made = profile(self.fleet, node, await self._facts(stub, node))
        runtime = self._runtime(stub, made)
        for artifact in filter(None, (made.component.artifact, runtime)):
            await stub.put(artifact, await self.supply.pack(artifact))
        return order.build(self.fleet, node, made, runtime)

    async def _facts(self, stub: StubClient, node: Node) -> dict[str, Any] | None:
        made = self.fleet.class_of(node)
        if not any(s.template.reach is Reach.FACTS for s in (*made.install.slots, *made.service.slots)):
            return None
        return (await stub.request("facts")).facts

    def _runtime(self, stub: StubClient, made: Profile) -> str | None:
        if not made.component.deploys or order.interpreter(made):
            return None
        hello = stub.hello
        kind = kind_of(hello.python, hello.implementation, hello.platform, hello.machine, hello.libc)
        for runtime in self.fleet.bundle.runtimes:
            if runtime.kind == kind:
                return runtime.artifact
        raise NodeFailedError(
            f"no runtime for hosts of kind {kind}",
            f"Make one from wheels: `ramify runtime add --kind {kind} FOLDER`, then apply again.",
        )

    async def look(self, stub: StubClient, path: str) -> NodeState:
        """Where a node stands on its host."""
        return (await stub.request("status", paths=[path])).nodes[0]

    async def down(self, stub: StubClient, path: str) -> None:
        """Take a node away.

        Raises:
            NodeFailedError: it did not stop, or its uninstaller failed.
        """
        state = await self.look(stub, path)
        steps = steps_down(Standing(state.environment, state.service))
        if not steps:
            return
        try:
            await self._commands(stub, path, steps, None)
        except StubError as error:
            raise _failed(error) from error

    async def _commands(
        self, stub: StubClient, path: str, steps: tuple[str, ...], wish: dict[str, Any] | None
    ) -> NodeState:
        async with asyncio.timeout(self.options.command_timeout):
            reply = await stub.request("commands", path=path, commands=list(steps), order=wish)
        if reply.state is None:
            raise NodeFailedError("the stub told no state")
        return reply.state


async def _pipelined(first: Awaitable[Reply], second: Awaitable[NodeState]) -> NodeState:
    # Both are written before either is answered; an error of the second says more than one of the first.
    before, after = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(after, BaseException):
        raise after
    if isinstance(before, BaseException):
        raise before
    return after


def _failed(error: StubError) -> NodeFailedError:
    return NodeFailedError(str(error), error.detail, error.found)


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
        values=made,
    )
