"""Several parents at one initiator: joining, waiting, coming back, talking nonsense."""

import asyncio
import struct

import pytest

from ramify.initiator import messages
from ramify.initiator.link import Link, RunRefusedError
from ramify.initiator.messages import Ended, RunRequest
from ramify.initiator.parent import Parent
from ramify.initiator.supply import Supply
from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle
from ramify.model.events import Event, Finished, Found, Note
from ramify.model.record import NodeRecord, NodeResult, Outcome, fingerprint
from ramify.transport import frames
from ramify.transport.errors import ConnectionLostError, UnusableReplyError
from sim.operators import QUICK, outcomes
from sim.spec import leaves
from sim.stage import Stage, until
from sim.wires import ChildEnd, ParentEnd, Wire

TREE = {"gw1": leaves("app[1-3]")}
STUCK = "gw1.app3"


class Caller:
    """A parent of its own at /gw1."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.events: list[Event] = []
        self.host = stage.world.host("gw1")

    def channel(self) -> ParentEnd:
        channel = self._stage.world.attach(self.host, self._stage.world.initiator("/gw1"))
        assert isinstance(channel, ParentEnd)
        return channel

    async def call(self, bundle: Bundle, *, path: str = "/gw1", data: bytes | None = None) -> None:
        """Ask for an apply; `data` is sent instead of the bundle."""
        sent = bundles.encode(bundle)
        request = RunRequest(
            kind="apply", bundle=bundles.digest(sent), path=path, run="another", known="", options=QUICK
        )
        channel = self.channel()
        link = Link(channel, "gw1", Supply((self._stage.spec.store,)), sent if data is None else data)
        await link.run(request, (), self.events.extend)
        await channel.close()

    def texts(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    def results(self) -> dict[str, str]:
        return {e.result.path: e.result.outcome.value for e in self.events if isinstance(e, Finished)}


async def stuck_run(stage: Stage) -> tuple[Bundle, "asyncio.Task[object]", asyncio.Event]:
    """An apply of which two leaves are done and one does not answer."""
    bundle = stage.spec.bundle(TREE)
    stage.world.host(STUCK).stuck = stuck = asyncio.Event()
    running: asyncio.Task[object] = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: len(stage.world.up()) == 3 and stage.world.host(STUCK).asked)
    return bundle, running, stuck


async def test_a_second_parent_that_wants_the_same_joins_and_hears_what_happened_before(stage: Stage) -> None:
    bundle, running, stuck = await stuck_run(stage)
    caller = Caller(stage)
    joined = asyncio.create_task(caller.call(bundle))
    await until(lambda: len(caller.results()) == 2)

    assert caller.texts() == ["joins run run1, which does the same"]
    found = next(event for event in caller.events if isinstance(event, Found))
    assert {record.path: bool(record.open) for record in found.records} == {
        "/gw1/app1": False, "/gw1/app2": False, "/gw1/app3": True,
    }  # fmt: skip
    stuck.set()
    await asyncio.gather(running, joined)

    assert set(caller.results().values()) == {"done"}
    assert len(caller.results()) == 3
    assert stage.world.given("/gw1/app3") == ["deploy"]


async def test_a_parent_that_wants_something_else_waits_for_its_turn(stage: Stage) -> None:
    _bundle, running, stuck = await stuck_run(stage)
    caller = Caller(stage)
    other = stage.spec.bundle(TREE, env={"WORD": "another"})
    waiting = asyncio.create_task(caller.call(other))
    await until(caller.texts)

    assert caller.texts() == ["waits for run run1"]
    assert "configure" not in stage.world.given("/gw1/app1")
    stuck.set()
    await asyncio.gather(running, waiting)

    assert set(caller.results().values()) == {"done"}


async def test_a_parent_that_leaves_while_it_waits_is_forgotten(stage: Stage) -> None:
    _bundle, running, stuck = await stuck_run(stage)
    caller = Caller(stage)
    other = stage.spec.bundle(TREE, env={"WORD": "another"})
    waiting = asyncio.create_task(caller.call(other))
    await until(caller.texts)
    waiting.cancel()
    for wire in stage.world.initiator("/gw1").wires[1:]:
        wire.cut()
    stuck.set()
    await running
    await stage.world.quiet()

    assert stage.world.given("/gw1/app1") == ["deploy"]


async def test_a_parent_that_comes_again_hears_the_end_of_what_it_began(stage: Stage) -> None:
    bundle, running, stuck = await stuck_run(stage)
    stage.world.initiator("/gw1").wires[0].cut()
    first = await running
    assert outcomes(first)["/gw1/app3"] == "unknown"  # type: ignore[arg-type]

    again = asyncio.create_task(stage.operator.apply(bundle))
    await until(lambda: any("joins run run1" in str(event) for event in stage.operator.events))
    stuck.set()

    assert set(outcomes(await again).values()) <= {"done", "unchanged"}
    assert stage.world.given("/gw1/app3") == ["deploy"]
    assert not stage.operator.plan(bundle).summary.anything


async def test_a_pack_is_asked_of_whichever_parent_is_there(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app1")})
    await stage.operator.apply(bundle)
    # From here on it needs another pack; the first parent is lost before it can send it.
    other = stage.spec.bundle({"gw1": leaves("app1")}, leaf="leaf2")
    stage.world.host("gw1.app1").stuck = stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(other))
    await until(lambda: stage.world.host("gw1.app1").asked[-1] == "status")
    stage.world.initiator("/gw1").wires[-1].cut()
    await running
    caller = Caller(stage)
    joined = asyncio.create_task(caller.call(other))
    await until(caller.texts)
    stuck.set()
    await joined

    assert caller.results() == {"/gw1/app1": "done"}


async def test_garbage_is_sent_away_and_the_next_is_served(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    await stage.operator.apply(bundle)
    caller = Caller(stage)
    run = messages.encode(RunRequest(kind="apply", bundle="x", path="/gw1", run="r", known=""))
    for nonsense in (
        b"GET / HTTP/1.0\r\n\r\n" + b" " * 20,
        struct.pack(">II", 1 << 31, 0),
        frames.pack(b"{}"),
        frames.pack(b"not json"),
        frames.pack(b"\xff" * 10),
        frames.pack(messages.encode(messages.Missing("pack", "x", "y"))),
        frames.pack(run) + frames.pack(run),
        b"\0\0",
    ):
        channel = caller.channel()
        channel.write(nonsense)
        channel.write_eof()
        while await channel.read(1000):
            pass
        await channel.close()

    with pytest.raises(RunRefusedError, match="this is the initiator of /gw1, not of /gw2"):
        await caller.call(bundle, path="/gw2")
    with pytest.raises(RunRefusedError, match="arrived damaged"):
        await caller.call(stage.spec.bundle(TREE, env={"WORD": "x"}), data=b"other bytes")
    await caller.call(bundle)
    await until(lambda: not stage.world.initiator("/gw1").service._running)


async def test_a_damaged_pack_is_never_kept(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)
    leaf = stage.spec.digests["leaf"]
    good = stage.spec.store.path(leaf).read_bytes()
    stage.spec.store.path(leaf).write_bytes(good[:-40] + bytes(40))

    report = await stage.operator.apply(bundle)

    (first, *_) = report.worst(Outcome.FAILED)
    assert "arrived damaged" in first.message
    own = stage.world.host("gw1").data("/gw1") / "packs"
    assert not [file.name for file in own.iterdir() if leaf in file.name]
    stage.spec.store.path(leaf).write_bytes(good)
    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done", "unchanged"}


async def test_an_initiator_keeps_the_bundle_and_the_packs_of_its_last_run_only(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    bundle = stage.spec.bundle(TREE, leaf="leaf2")

    await stage.operator.apply(bundle)

    own = stage.world.host("gw1").data("/gw1") / "packs"
    digest = bundles.digest(bundles.encode(bundle))
    assert {file.name for file in own.iterdir()} == {f"{digest}.bundle", stage.spec.digests["leaf2"]}


async def test_an_initiator_that_is_asked_to_end_in_mid_run_ends(stage: Stage) -> None:
    bundle, running, stuck = await stuck_run(stage)
    initiator = stage.world.initiator("/gw1")

    await initiator.stop()

    assert not initiator.service._running
    assert outcomes(await running)["/gw1/app3"] == "unknown"  # type: ignore[arg-type]
    stuck.set()
    stage.world.host(STUCK).stuck = None
    assert set(outcomes(await stage.operator.apply(bundle)).values()) <= {"done", "unchanged"}


def up(events: tuple[Event, ...]) -> bytes:
    return frames.pack(messages.encode(messages.Events(events)))


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (up((Finished(NodeResult("/gw2/app1", Outcome.DONE)),)), UnusableReplyError),
        (up((Finished(NodeResult("/gw1", Outcome.DONE)),)), UnusableReplyError),
        (up((Finished(NodeResult("/gw1/a", Outcome.DONE), NodeRecord("/b", "h", "/")),)), UnusableReplyError),
        (up((Found("/gw1", (NodeRecord("/gw1", "h", "/"),)),)), UnusableReplyError),
        (up((Note("/", "x"),)), UnusableReplyError),
        (frames.pack(b'{"type":"run"}'), UnusableReplyError),
        (struct.pack(">II", 1 << 30, 0), UnusableReplyError),
        (b"\0\0\0", ConnectionLostError),
        (b"", ConnectionLostError),
    ],
)
async def test_an_initiator_that_talks_nonsense_is_not_believed(
    stage: Stage, told: bytes, error: type[Exception]
) -> None:
    wire = Wire("gw1", lambda wire, sender, data: None)
    link = Link(ParentEnd(wire.parent), "gw1", Supply(()), b"")
    request = RunRequest(kind="apply", bundle="x", path="/gw1", run="r", known=fingerprint(()))
    wire.child.write(told)
    wire.child.write_eof()

    with pytest.raises(error):
        await link.run(request, (), lambda events: pytest.fail("believed"))


async def test_records_of_any_size_cross_a_link(stage: Stage) -> None:
    large = NodeRecord("/gw1/app1", "h", "/gw1", values={"files": "x" * 9_000_000})
    records = tuple(NodeRecord(f"/gw1/n{at}", "h", "/gw1", values={"v": "x" * 9000}) for at in range(2000))
    wire = Wire("gw1", lambda wire, sender, data: None)
    link = Link(ParentEnd(wire.parent), "gw1", Supply(()), b"")
    request = RunRequest(kind="apply", bundle="x", path="/gw1", run="r", known="")
    heard: list[Event] = []
    child = ChildEnd(wire.child)
    parent = Parent(child, child, stage.world.folder)
    parent.emit(Found("/gw1", (large, *records)))
    parent.emit(Finished(NodeResult("/gw1/app1", Outcome.DONE), large))

    async def tell() -> None:
        await parent.request()
        listening = asyncio.create_task(parent.listen())
        assert len(await parent.records()) == len(records) + 1
        await parent.flush()
        await parent.send(Ended())
        await listening

    telling = asyncio.create_task(tell())
    await link.run(request, (large, *records), heard.extend)
    await ParentEnd(wire.parent).close()
    await telling

    found, finished = heard
    assert isinstance(found, Found)
    assert found.records[1:] == records
    assert isinstance(finished, Finished)
    assert finished.record == NodeRecord("/gw1/app1", "h", "/gw1")
