"""Whatever goes wrong: every node has one outcome, and the next run mends it."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.record import Outcome
from ramify.transport.errors import AuthenticationError, HostKeyError, Phase, UnreachableError
from sim.operators import outcomes, quick
from sim.spec import leaves
from sim.stage import Stage, until
from sim.stubs import SimHost

WRONG: dict[str, Callable[[str], Exception]] = {
    "offline": lambda host: UnreachableError(host, Phase.CONNECT, "no route to host"),
    "login": lambda host: AuthenticationError(host, "no key opens it", "authorize one"),
    "host key": lambda host: HostKeyError(host, "its host key has changed", "find out why"),
}
KINDS = [*WRONG, "refuses", "fails", "stub dies", "link cut", "initiator dies"]


@dataclass(frozen=True)
class Fault:
    kind: str
    path: str
    at: int


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three levels of initiators over leaves; some siblings after others."""

    def children(depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {f"app{at}": {} for at in range(draw(st.integers(0, 3)))}
        if len(found) > 1 and draw(st.booleans()):
            found["app1"] = {"after": ["app0"]}
        if depth < 3:
            for at in range(draw(st.integers(0, 2))):
                found[f"zone{at}"] = {"children": children(depth + 1)}
        return found or {"app0": {}}

    return {"gw0": {"vars": {"word": "hello"}, "children": children(1)}, "lone": leaves()}


def all_paths(tree: dict[str, Any], above: str = "") -> list[str]:
    found = []
    for name, spec in tree.items():
        found += [f"{above}/{name}", *all_paths(spec.get("children") or {}, f"{above}/{name}")]
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[Fault]]:
    tree = draw(trees())
    places = all_paths(tree)
    faults = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(KINDS))
        deploys = [path for path in places if not paths.name(path).startswith(("app", "lone"))]
        path = draw(st.sampled_from(deploys if kind in ("link cut", "initiator dies") else places))
        faults.append(Fault(kind, path, draw(st.integers(1, 14))))
    return tree, faults


def inflict(stage: Stage, fault: Fault, host: SimHost | None = None) -> None:
    host = host or stage.world.host(fault.path[1:].replace("/", "."))
    match fault.kind:
        case "refuses":
            host.refuses.add(fault.path)
        case "fails":
            host.fails[fault.path] = ("load", "configure", "install", "start")[fault.at % 4]
        case "cut off":
            host.cuts.add(fault.path)
        case "stub dies":
            host.dies_at = fault.at
        case "link cut":
            stage.world.cut_at[fault.path] = fault.at
        case "initiator dies":
            stage.world.kill_at[fault.path] = fault.at
        case kind:
            host.wrong = WRONG[kind](host.name)  # type: ignore[assignment]


async def heals(stage: Stage, bundle: Bundle, wanted: set[str]) -> None:
    """The faults are gone: one run puts everything right, and a next one has nothing to do."""
    stage.world.mend()
    await stage.world.quiet()
    second = await stage.operator.apply(bundle)
    assert {r.outcome for r in second.results} <= {Outcome.DONE, Outcome.UNCHANGED}, second.results
    assert set(stage.world.up()) == wanted
    assert not stage.operator.plan(bundle).summary.anything
    contacts = len(stage.world.contacts)
    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"unchanged"}
    assert len(stage.world.contacts) == contacts
    await stage.world.quiet()
    for host in stage.world.hosts.values():
        for initiator in host.initiators.values():
            assert {record.open for record in initiator.directory.records().values()} <= {""}


def in_a_world(play: Callable[[Stage], Any]) -> None:
    """Play a case in a world of its own."""
    with tempfile.TemporaryDirectory() as folder:

        async def played() -> None:
            stage = Stage(Path(folder))
            try:
                async with asyncio.timeout(20):
                    await play(stage)
            finally:
                await stage.world.end()
                stage.close()

        asyncio.run(played())


LIKE_THIS = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LIKE_THIS
@given(cases())
def test_whatever_fails_on_the_way_up_is_accounted_for_and_mended(
    case: tuple[dict[str, Any], list[Fault]],
) -> None:
    tree, faults = case

    async def play(stage: Stage) -> None:
        bundle = stage.spec.bundle(tree)
        for fault in faults:
            inflict(stage, fault)

        first = outcomes(await stage.operator.apply(bundle))

        assert list(first) == [node.path for node in stage.operator.fleet(bundle).tree.nodes]
        here = {path for host in stage.world.hosts.values() for path in host.nodes}
        assert all(path in here for path, outcome in first.items() if outcome == "done"), first
        # One that comes at once may join what still goes on, faults and all.
        outcomes(await stage.operator.apply(bundle))
        await heals(stage, bundle, set(first))

    in_a_world(play)


@LIKE_THIS
@given(cases())
def test_whatever_fails_while_values_change_is_accounted_for_and_mended(
    case: tuple[dict[str, Any], list[Fault]],
) -> None:
    tree, faults = case

    async def play(stage: Stage) -> None:
        await stage.operator.apply(stage.spec.bundle(tree))
        bundle = stage.spec.bundle(tree, env={"WORD": "another"})
        for fault in faults:
            inflict(stage, fault)

        first = outcomes(await stage.operator.apply(bundle))

        assert set(first) == set(all_paths(tree))
        # One that comes at once may join what still goes on, faults and all.
        outcomes(await stage.operator.apply(bundle))
        await heals(stage, bundle, set(first))

    in_a_world(play)


@LIKE_THIS
@given(cases())
def test_whatever_fails_on_the_way_down_is_accounted_for_and_mended(
    case: tuple[dict[str, Any], list[Fault]],
) -> None:
    tree, faults = case

    async def play(stage: Stage) -> None:
        await stage.operator.apply(stage.spec.bundle(tree))
        bundle = stage.spec.bundle({"lone": leaves()})
        for fault in faults:
            inflict(stage, fault)

        first = outcomes(await stage.operator.apply(bundle))

        assert set(first) == set(all_paths(tree))
        here = {path for host in stage.world.hosts.values() for path in host.nodes}
        assert all(paths.parent(path) in ("/", *here) for path in here)
        outcomes(await stage.operator.apply(bundle))
        await heals(stage, bundle, {"/lone"})

    in_a_world(play)


@pytest.mark.parametrize("frame", range(1, 16))
async def test_an_operator_that_dies_leaves_work_that_its_next_run_finishes(stage: Stage, frame: int) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app[1-3]"), "lone": leaves()})
    seen = 0

    def die(path: str, data: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen == frame:
            # As kill -9: not a word more is written down.
            stage.operator.directory.close()
            running.cancel()

    stage.world.watching = die
    running = asyncio.create_task(stage.operator.apply(bundle))
    await asyncio.gather(running, return_exceptions=True)
    stage.world.watching = lambda path, data: None
    if seen >= frame:
        stage.operator.open_directory()

    await heals(stage, bundle, {"/gw1", "/gw1/app1", "/gw1/app2", "/gw1/app3", "/lone"})


async def test_a_run_that_is_cancelled_leaves_no_task_and_marks_only_what_it_was_at(stage: Stage) -> None:
    stage.world.host("lone2").stuck = asyncio.Event()
    bundle = stage.spec.bundle({"gw1": leaves("app1"), **{f"lone{at}": leaves() for at in (1, 2, 3)}})
    before = asyncio.all_tasks()
    running = asyncio.create_task(stage.operator.apply(bundle, options=quick(parallel=1)))
    await until(lambda: stage.world.host("lone2").asked)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await stage.world.quiet()
    left = {task for task in asyncio.all_tasks() - before if "attached" not in str(task)}
    assert not left
    records = stage.operator.records()
    assert {path for path, record in records.items() if record.open} == {"/lone2"}
    assert "/lone3" not in records
    await heals(stage, bundle, {"/gw1", "/gw1/app1", "/lone1", "/lone2", "/lone3"})


def named(result: Any) -> tuple[str, str, str]:
    return (result.path, result.outcome.value, result.message)


async def test_offline_failed_skipped_and_unknown_are_told_apart(stage: Stage) -> None:
    tree = {f"gw{at}": leaves("app1") for at in range(1, 6)} | {"lone": leaves()}
    host = stage.world.host
    host("gw1").wrong = UnreachableError("gw1", Phase.CONNECT, "no route to host")
    host("gw2.app1").wrong = UnreachableError("gw2.app1", Phase.LOOKUP, "no such name")
    host("gw3").fails["/gw3"] = "install"
    host("gw4").dies_at = 3
    stage.world.cut_at["/gw5"] = 6
    host("lone").wrong = HostKeyError("lone", "its host key has changed", "find out why", "SHA256:x")

    report = await stage.operator.apply(stage.spec.bundle(tree))

    assert sorted(named(result) for result in report.results) == [
        ("/gw1", "offline", "gw1: cannot be reached (connect): no route to host"),
        ("/gw1/app1", "skipped", "/gw1 is offline"),
        ("/gw2", "done", ""),
        ("/gw2/app1", "offline", "gw2.app1: cannot be reached (name lookup): no such name"),
        ("/gw3", "failed", "deploy failed"),
        ("/gw3/app1", "skipped", "/gw3 is not up"),
        ("/gw4", "unknown", "gw4: the stub was killed"),
        ("/gw4/app1", "skipped", "/gw4 is not up"),
        ("/gw5", "done", ""),
        ("/gw5/app1", "unknown", "gw5: the link broke"),
        ("/lone", "failed", "lone: its host key has changed"),
    ]
    details = {result.path: result.detail for result in report.results}
    assert (details["/gw3"], details["/lone"]) == ("last words", "find out why")


async def test_what_was_never_touched_is_recorded_as_it_was(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app[1-2]"), "lone": leaves()})
    stage.world.host("gw1").wrong = AuthenticationError("gw1", "no key opens it", "authorize one")
    stage.world.host("lone").wrong = UnreachableError("lone", Phase.CONNECT, "no route")

    await stage.operator.apply(bundle)

    assert not stage.operator.records()
    assert stage.operator.plan(bundle).summary.add == 4


async def test_the_last_words_of_a_failed_start_come_up_all_levels(stage: Stage) -> None:
    stage.world.host("gw1.zone1.app1").fails["/gw1/zone1/app1"] = "start"
    bundle = stage.spec.bundle({"gw1": {"children": {"zone1": leaves("app1")}}})

    report = await stage.operator.apply(bundle)

    (failed,) = report.worst(Outcome.FAILED)
    assert (failed.path, failed.detail) == ("/gw1/zone1/app1", "last words")
    record = stage.operator.records()[failed.path]
    assert (record.environment, record.service, record.open) == ("installed", "configured", "")


async def test_a_stub_that_does_not_answer_is_given_up_and_the_node_looked_at_next_time(stage: Stage) -> None:
    bundle = stage.spec.bundle({"lone": leaves()})
    stage.world.host("lone").stuck = asyncio.Event()

    report = await stage.operator.apply(bundle, options=quick(command_timeout=0.01))

    assert named(report.results[0]) == ("/lone", "unknown", "no answer to deploy within 0.01 s")
    assert stage.operator.plan(bundle).nodes[0].steps[0] == "status"
    await heals(stage, bundle, {"/lone"})


async def test_an_initiator_that_falls_silent_is_given_up(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app1"), "lone": leaves()})
    stage.world.host("gw1.app1").stuck = asyncio.Event()

    report = await stage.operator.apply(bundle, options=quick(silence=0.05))

    assert outcomes(report) == {"/gw1": "done", "/gw1/app1": "unknown", "/lone": "done"}
    (lost,) = report.worst(Outcome.UNKNOWN)
    assert lost.message == "gw1: its initiator has given no sign of life for 0.05 s"


async def test_one_that_has_nothing_to_tell_gives_signs_of_life(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app1")})
    host = stage.world.host("gw1.app1")
    host.stuck = stuck = asyncio.Event()
    beats = 0

    def watch(path: str, data: bytes) -> None:
        nonlocal beats
        beats += data[8:].startswith(b'{"type":"events","events":[]')
        if beats == 3:
            stuck.set()

    stage.world.watching = watch

    report = await stage.operator.apply(bundle, options=quick(silence=5, beat=0.01))

    assert set(outcomes(report).values()) == {"done"}
    assert beats >= 3


async def test_an_error_of_our_own_on_one_branch_leaves_the_others_alone(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.world.host("lone1").wrong = RuntimeError("a bug")  # type: ignore[assignment]

    report = await stage.operator.apply(stage.spec.bundle({"lone1": leaves(), "lone2": leaves()}))

    assert outcomes(report) == {"/lone1": "failed", "/lone2": "done"}
    assert "an error of Ramify's own: RuntimeError: a bug" in report.results[0].message
    assert "a visit ended in an error" in caplog.text
