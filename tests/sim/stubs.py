"""Simulated stubs: they keep the two machines by the stub's own tables, and refuse what those forbid."""

import asyncio
import shutil
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from ramify.repository.store import Store
from ramify.stub import tables
from ramify.stub.tables import CONFIGURE, CONFIGURE_ENV, DEPLOY, INITIAL, RUNNING, SHUTDOWN, START
from ramify.stub.transfer import COMPLETE
from ramify.transport.channel import Channel
from ramify.transport.errors import ConnectionLostError, Phase, TransportError, UnreachableError
from ramify.transport.replies import Held, Hello, NodeState, Pending, Problem, Reply, Reverted, StubError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ramify.model.drift import Drift
    from sim.world import Initiator, World

HELLO = Hello(
    hello=1,
    protocol=(1,),
    stub="0" * 64,
    python=(3, 11, 2),
    implementation="cpython",
    platform="linux",
    machine="x86_64",
    root="/home/ops/.ramify",
    libc="glibc-2.36",
)
KIND = "cp311-linux-x86_64-glibc"
GIVEN = (DEPLOY, CONFIGURE_ENV, CONFIGURE)


class SimNode:
    """A node on a host, as its journal tells it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.state = INITIAL
        self.release = 0
        self.code = ""
        self.held: Held = ""
        self.drift: tuple[Drift, ...] = ()
        self.order: dict[str, Any] = {}
        self.digests = {"digest": "", "environment_digest": "", "service_digest": "", "binding": ""}
        self.token = ""
        self.back: dict[str, Any] = {}
        self.reverted: Reverted | None = None

    def told(self) -> NodeState:
        told: dict[str, Any] = {"environment": self.state[0], "service": self.state[1], **self.digests}
        if self.token:
            told["pending"] = Pending(self.token, self.back["release"], 1)
        return NodeState(path=self.path, release=self.release, held=self.held, reverted=self.reverted, **told)

    def arm(self, token: str) -> None:
        """Remember what to go back to, unless that is remembered already."""
        if not self.token:
            names = ("state", "release", "code", "order", "digests", "drift")
            self.back = {name: copy(getattr(self, name)) for name in names}
        self.token, self.reverted = token, None

    def revert(self, why: str) -> None:
        """Everything is as it was before the change."""
        for name, value in self.back.items():
            setattr(self, name, value)
        self.reverted = Reverted(self.token, self.release, 0, why)
        self.token = ""


class SimHost:
    """A host: packs, nodes, the initiators that run on it, and what is wrong with it.

    `wrong` is raised instead of a session. `stuck` answers no request until it is set. `dies_at` is the
    number of the moment at which the stub is killed, once: transitions and requests count. `fails` maps paths
    to the transition that fails there, `refuses` names nodes whose commands are refused, `installs` those
    whose commands take until an event, or until they are stopped, and `cuts` those whose changes leave the
    host unreachable, until somebody has tried twice and it has taken them back. What `blabs` prints, as it
    fails, all that it was given.
    """

    def __init__(self, world: "World", name: str, folder: Path) -> None:
        self.world = world
        self.name = name
        self.folder = folder
        self.packs = Store(folder / "packs")
        self.nodes: dict[str, SimNode] = {}
        self.initiators: dict[str, Initiator] = {}
        self.hello = HELLO
        self.facts: dict[str, Any] = {"hostname": name}
        self.wrong: TransportError | None = None
        self.stuck: asyncio.Event | None = None
        self.dies_at = 0
        self.tries = 0
        self.fails: dict[str, str] = {}
        self.refuses: set[str] = set()
        self.installs: dict[str, asyncio.Event] = {}
        self.cuts: set[str] = set()
        self.blabs: set[str] = set()
        self.puts: list[str] = []
        self.asked: list[str] = []

    def mend(self) -> None:
        """Nothing is wrong any more."""
        self.wrong, self.dies_at = None, 0
        self.fails.clear()
        self.refuses.clear()
        for over in self.installs.values():
            over.set()
        self.installs.clear()
        self.cuts.clear()
        if self.stuck is not None:
            self.stuck.set()

    def step(self) -> None:
        """One moment in which a stub may be killed."""
        self.world.moment()
        if self.dies_at:
            self.dies_at -= 1
            if not self.dies_at:
                raise ConnectionLostError(self.name, "the stub was killed")

    async def tried(self) -> None:
        """Somebody could not reach it: the second time it takes back what cut it off."""
        for path in self.cuts & self.nodes.keys():
            node = self.nodes[path]
            if node.token and isinstance(self.wrong, UnreachableError):
                self.tries += 1
                if self.tries > 1:
                    node.revert("not confirmed within 1 s")
                    self.wrong = None
                    self.world.changed(self, node)
                    await self.world.settle(self)

    def node(self, path: str) -> SimNode:
        """A node as it is found now: a service whose process is gone is found configured."""
        node = self.nodes.get(path) or SimNode(path)
        running = self.initiators.get(path)
        if node.state[1] in RUNNING and running is not None and running.dead:
            node.state = (node.state[0], tables.CONFIGURED)
        return node

    def data(self, path: str) -> Path:
        return self.folder / "nodes" / path[1:].replace("/", "+") / "data"


class SimSession:
    """A session with the stub of a host (implements Session)."""

    def __init__(self, host: SimHost) -> None:
        self._host = host
        self._channel: Channel | None = None
        self._over = False
        self._stopped = asyncio.Event()

    async def greeted(self) -> Hello:
        return self._host.hello

    async def request(self, op: str, body: bytes = b"", **fields: Any) -> Reply:
        host = self._host
        assert self._channel is None, "asked something after attach"
        host.asked.append(op)
        host.step()
        if host.stuck is not None:
            await host.stuck.wait()
        await asyncio.sleep(0)
        if op == "commands":
            host.world.touched(fields["path"])
        if op == "commands" and fields["path"] in host.installs:
            await self._install(host.installs[fields["path"]])
        answers: dict[str, Callable[..., Reply]] = {
            "status": self._status,
            "verify": self._verify,
            "have": self._have,
            "strays": self._strays,
            "facts": lambda: Reply(1, ok=True, facts=host.facts),
            "put": lambda **asked: self._put(body, **asked),
            "commands": self._commands,
            "confirm": self._confirm,
        }
        try:
            reply = answers[op](**fields)
        finally:
            if op == "commands":
                await host.world.settle(host)
        host.step()
        return reply

    async def _install(self, over: asyncio.Event) -> None:
        """An installer that takes its time, and ends when the session is stopped."""
        ends = [asyncio.ensure_future(event.wait()) for event in (over, self._stopped)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()

    async def stop(self) -> None:
        self._host.asked.append("stop")
        self._stopped.set()
        await asyncio.sleep(0)

    async def put(self, artifact: str, pack: Path, have: int | None = None) -> None:
        self._host.asked.append("put")
        if have != COMPLETE:
            self._put(pack.read_bytes(), artifact)  # noqa: ASYNC240 - a few bytes
        self._host.step()

    async def attach(self, path: str, wait: float = 10) -> Channel:
        host = self._host
        host.step()
        node = host.node(path)
        if node.state[1] not in RUNNING:
            raise _error("not-active", f"the service of {path} does not run", found=node.told())
        initiator = host.initiators.get(path)
        if initiator is None:
            raise _error("timeout", f"the service of {path} does not listen")
        self._channel = host.world.attach(host, initiator)
        return self._channel

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    def _have(self, artifacts: list[str]) -> Reply:
        return Reply(
            1, ok=True, have={one: COMPLETE if self._host.packs.has(one) else 0 for one in artifacts}
        )

    def _put(self, body: bytes, artifact: str, size: int = 0, offset: int = 0) -> Reply:
        host = self._host
        host.puts.append(artifact)
        host.packs.folder.mkdir(parents=True, exist_ok=True)
        host.packs.path(artifact).write_bytes(body)
        return Reply(1, ok=True, received=len(body))

    def _status(self, paths: list[str]) -> Reply:
        for node in map(self._host.node, self._host.world.dies_after.intersection(paths)):
            node.state = (node.state[0], tables.CONFIGURED if node.state[1] in RUNNING else node.state[1])
        return Reply(1, ok=True, nodes=tuple(self._host.node(path).told() for path in paths))

    def _verify(self, paths: list[str]) -> Reply:
        told = self._status(paths).nodes
        return Reply(
            1, ok=True, nodes=tuple(structs.replace(n, drift=self._host.node(n.path).drift) for n in told)
        )

    def _strays(self, known: list[str]) -> Reply:
        nodes = [node.told() for path, node in self._host.nodes.items() if path not in known]
        return Reply(1, ok=True, nodes=tuple(nodes))

    def _confirm(self, path: str, token: str) -> Reply:
        node = self._host.node(path)
        if node.token == token:
            node.token = ""
            return Reply(1, ok=True, state=node.told())
        if node.reverted is not None and node.reverted.token == token:
            raise _error("reverted", f"{path}: {node.reverted.why}", found=node.told())
        raise _error("refused", f"{path}: no such change is pending", found=node.told())

    def _commands(
        self,
        path: str,
        commands: list[str],
        order: dict[str, Any] | None,
        signed: object = None,
        held: Held | None = None,
        confirm: dict[str, Any] | None = None,
    ) -> Reply:
        node = self._host.node(path)
        if not commands or tables.condition(commands[0], node.state):
            return self._carry(path, commands, order, held)
        if confirm is None or node.state[1] not in RUNNING:
            node.token = ""
            return self._carry(path, commands, order, held)
        node.arm(confirm["token"])
        try:
            reply = self._carry(path, commands, order, held)
        except (StubError, ConnectionLostError) as error:
            node.revert(str(error))
            self._host.world.changed(self._host, node)
            if isinstance(error, ConnectionLostError):
                raise
            raise _error("reverted", error.message, found=node.told(), detail=error.detail) from error
        if path in self._host.cuts:
            self._host.tries = 0
            self._host.wrong = UnreachableError(self._host.name, Phase.CONNECT, "no route to host")
        return reply

    def _carry(
        self, path: str, commands: list[str], order: dict[str, Any] | None, held: Held | None
    ) -> Reply:
        host = self._host
        node = host.node(path)
        if order is not None:
            msgspec.json.encode(order)
            needed = [order["code"]["artifact"], *order["shared"].values()]
            missing = [digest for digest in needed if not host.packs.has(digest)]
            if missing and {DEPLOY, CONFIGURE_ENV} & set(commands):
                raise _error("missing", "artifacts are not here")
        assert commands or held is not None
        host.nodes[path] = node
        if held == "" or (held and commands[:1] == [DEPLOY] and node.state == INITIAL):
            node.held = held
        for command in commands:
            self._command(node, command, order)
        node.held = held or node.held
        return Reply(1, ok=True, done=tuple(commands), state=host.node(path).told())

    def _command(self, node: SimNode, command: str, order: dict[str, Any] | None) -> None:
        host = self._host
        reason = tables.condition(command, node.state)
        if reason or node.path in host.refuses:
            host.world.refusals.append((node.path, command))
            raise _error("refused", f"{node.path}: {reason or 'not today'}", found=node.told())
        code = order["code"]["artifact"] if order else node.code
        for step in tables.steps(command, load=code != node.code, start=node.held != "stopped"):
            if self._stopped.is_set() and step[1] == tables.INSTALL:
                raise _error("stopped", f"{command} was stopped, as asked", found=node.told())
            if host.fails.get(node.path) == step[1]:
                words = msgspec.json.encode(order).decode() if node.path in host.blabs else "last words"
                raise _error("failed", f"{command} failed", found=node.told(), detail=words)
            host.step()
            node.state = tables.next_state(node.state, step)
        self._done(node, command, order)

    def _done(self, node: SimNode, command: str, order: dict[str, Any] | None) -> None:
        host = self._host
        host.world.commands.append((host.name, node.path, command))
        if order is not None and command in GIVEN:
            if command == CONFIGURE:
                order = _as_installed(node, order)
            node.order, node.code = order, order["code"]["artifact"]
            node.release += command != CONFIGURE
            put = (one for one in node.drift if not one.is_configuration) if command == CONFIGURE else ()
            node.drift = tuple(put)
            kept = (
                ("digest", "binding") if command == CONFIGURE else ("digest", "binding", "environment_digest")
            )
            fresh = kept if command == CONFIGURE_ENV else (*kept, "service_digest")
            node.digests |= {name: order[name] for name in fresh}
        if node.state == INITIAL:
            host.nodes.pop(node.path, None)
            shutil.rmtree(host.data(node.path).parent, ignore_errors=True)
            if not host.nodes:
                shutil.rmtree(host.packs.folder, ignore_errors=True)
        running = host.initiators.get(node.path)
        if running is not None and running.dead:
            # A process that was killed is not there any more: whatever was commanded, this is another one.
            del host.initiators[node.path]
        if command in (DEPLOY, START, SHUTDOWN, tables.RESTART):
            host.world.changed(host, node)


def _as_installed(node: SimNode, order: dict[str, Any]) -> dict[str, Any]:
    """An order as `configure` takes it: what is installed stays."""
    whole = order["environment_digest"] == node.digests["environment_digest"]
    same = whole and all(order[name] == node.order[name] for name in ("shared", "install"))
    kept = {name: node.order[name] for name in ("code", "shared", "install", "uninstall")}
    binding, digest = order["binding"] if same else "", order["digest"] if whole else ""
    return {**order, **kept, "binding": binding, "digest": digest}


def _error(code: str, message: str, found: NodeState | None = None, detail: str = "") -> StubError:
    problem = Problem(code, message, detail=detail, found=found)
    return StubError(Reply(1, ok=False, error=problem), problem)
