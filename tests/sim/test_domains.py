"""Domains that only their initiators can ask for: planned there, shown as one tree, carried out as shown."""

import asyncio
from typing import Any

import pytest
from msgspec import structs

from ramify.compile.unseen import There
from ramify.initiator import undoing
from ramify.initiator.earlier import NoWayBackError
from ramify.model.bundle import Bundle
from ramify.model.events import Finished, Found, Note
from ramify.model.plan import Action, Open, Plan
from ramify.transport.errors import Phase, UnreachableError
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage, until

M9, M8 = "http://m9/", "http://m8/"
MOUNT, INNER = "/gw1/zone9", "/gw1/zone9/gw7/zone8"
OUTER = {"gw1": {"children": {"zone9": {"domain": {"server": M9, "planned": "there"}}}}, "lone": leaves()}
DOMAIN: dict[str, Any] = {"gw7": leaves("app[1-2]"), "db": leaves()}
BELOW = {f"{MOUNT}{path}" for path in ("/gw7", "/gw7/app1", "/gw7/app2", "/db")}
ALL = BELOW | {"/gw1", MOUNT, "/lone"}


@pytest.fixture(name="outer")
def _outer(stage: Stage) -> Bundle:
    """A project with one domain, whose server is there for the initiator alone."""
    stage.world.servers.store = stage.spec.store
    serve(stage)
    return stage.spec.bundle(OUTER)


def serve(stage: Stage, tree: dict[str, Any] | None = None, server: str = M9, **more: Any) -> None:
    stage.world.servers.serves[server] = stage.spec.bundle(tree or DOMAIN, **more)


def nested(stage: Stage) -> None:
    """The domain has one of its own, two levels further down."""
    tree = {**DOMAIN, "gw7": leaves("app[1-2]")}
    tree["gw7"]["children"]["zone8"] = {"domain": {"server": M8, "planned": "there"}}
    serve(stage, tree)
    serve(stage, {"app[8-9]": leaves()}, M8)


def changed(plan: Plan) -> dict[str, Action]:
    return {node.path: node.action for node in plan.nodes if node.action is not Action.UNCHANGED}


async def test_what_is_below_is_open_until_its_initiator_runs_and_then_one_tree(
    stage: Stage, outer: Bundle
) -> None:
    before = await stage.operator.plan_there(outer)

    assert before.open == (Open(MOUNT),)
    assert {node.path for node in before.nodes} == ALL - BELOW
    assert not stage.world.contacts

    report = outcomes(await stage.operator.apply(outer))

    assert report == dict.fromkeys(ALL, "done")
    assert set(stage.world.up()) == set(stage.operator.records()) == ALL
    after = await stage.operator.plan_there(outer)
    assert ({node.path for node in after.nodes}, after.open, after.anything) == (ALL, (), False)


async def test_a_second_apply_asks_and_does_nothing(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    commands = list(stage.world.commands)
    stage.world.contacts.clear()

    assert outcomes(await stage.operator.apply(outer)) == dict.fromkeys(ALL, "unchanged")
    assert stage.world.commands == commands
    assert stage.world.contacts == [("/", "gw1"), ("/gw1", "gw1.zone9")]


async def test_asking_changes_no_directory(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    serve(stage, {**DOMAIN, "db": leaves(vars={"word": "another"})})
    held = [stage.operator.directory, *(stage.world.initiator(path).directory for path in ("/gw1", MOUNT))]
    before = [(one.records(), one.history.runs()) for one in held]

    assert set(changed(await stage.operator.plan_there(outer))) == {f"{MOUNT}/db"}
    assert [(one.records(), one.history.runs()) for one in held] == before


async def test_whoever_asks_is_told_of_plans_and_not_of_records(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    known = stage.operator.records()[f"{MOUNT}/db"]
    stage.operator.directory.write([structs.replace(known, service="configured")])

    assert not (await stage.operator.plan_there(outer)).anything
    assert not [event for event in stage.operator.events if isinstance(event, Found)]


async def test_an_initiator_that_lost_its_directory_plans_from_what_its_parent_knows(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    directory = stage.world.initiator(MOUNT).directory
    for table in ("nodes", "runs"):
        directory._connection.execute(f"DELETE FROM {table}")

    assert not (await stage.operator.plan_there(outer)).anything
    assert (directory.records(), directory.history.runs()) == ({}, [])


async def test_the_way_back_is_that_of_what_is_planned_here(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    serve(stage, {**DOMAIN, "db": leaves(vars={"word": "another"})})
    await stage.operator.apply(stage.spec.bundle({**OUTER, "lone": leaves(vars={"word": "another"})}))
    held = stage.operator.directory
    run = undoing.last_change(held, None)

    assert undoing.way_before(held, run, None).to == held.history.runs()[-1]
    with pytest.raises(NoWayBackError, match="planned by the initiator above them"):
        undoing.way_before(held, run, {f"{MOUNT}/db"})


async def test_a_change_of_the_domain_touches_its_own_nodes_only(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    serve(stage, {"gw7": leaves("app[1-3]"), "db": leaves(vars={"word": "another"})})
    stage.world.commands.clear()

    report = outcomes(await stage.operator.apply(outer))

    done = {path for path, outcome in report.items() if outcome == "done"}
    assert done == {f"{MOUNT}/db", f"{MOUNT}/gw7", f"{MOUNT}/gw7/app3"}
    assert {path for _, path, _ in stage.world.commands} == done
    assert not (await stage.operator.plan_there(outer)).anything


async def test_domains_in_domains_are_asked_by_their_own_initiators(stage: Stage, outer: Bundle) -> None:
    nested(stage)
    apps = {f"{INNER}/app8", f"{INNER}/app9"}

    report = outcomes(await stage.operator.apply(outer))

    assert report == dict.fromkeys(ALL | apps | {INNER}, "done")
    plan = await stage.operator.plan_there(outer)
    assert set(plan.domains) == {MOUNT, INNER}
    assert (plan.open, plan.anything) == ((), False)
    serve(stage, {"app8": leaves()}, M8)
    assert changed(await stage.operator.plan_there(outer)) == {f"{INNER}/app9": Action.DESTROY}
    assert outcomes(await stage.operator.apply(outer))[f"{INNER}/app9"] == "done"
    assert f"{INNER}/app9" not in stage.world.up()


async def test_a_domain_that_contains_itself_is_refused_where_that_shows(stage: Stage, outer: Bundle) -> None:
    serve(stage, {"gw7": {"children": {"zone8": {"domain": {"server": M9, "planned": "there"}}}}})

    report = await stage.operator.apply(outer)

    result = next(result for result in report.results if result.path == INNER)
    assert (result.outcome.value, "contains itself" in result.message) == ("failed", True)


async def test_packs_come_from_the_parent_or_else_from_the_domains_server(
    stage: Stage, outer: Bundle
) -> None:
    serve(stage, leaf="leaf2")
    digest = stage.spec.digests["leaf2"]
    stage.world.servers.store = type(stage.spec.store)(stage.world.folder / "domain")
    stage.world.servers.store.folder.mkdir()
    stage.spec.store.path(digest).rename(stage.world.servers.store.path(digest))

    assert set(outcomes(await stage.operator.apply(outer)).values()) == {"done"}
    assert stage.world.servers.asked.count(digest) == 1


async def test_without_its_server_what_is_below_fails_once_and_says_why(stage: Stage, outer: Bundle) -> None:
    stage.world.servers.down.add(M9)

    report = await stage.operator.apply(outer)

    assert outcomes(report) == {"/gw1": "done", MOUNT: "failed", "/lone": "done"}
    failed = next(result for result in report.results if result.path == MOUNT)
    assert "http://m9/ cannot be asked: Connection refused" in failed.message
    plan = await stage.operator.plan_there(outer)
    assert [one.path for one in plan.open] == [MOUNT]
    assert "Connection refused" in plan.open[0].why
    stage.world.servers.down.clear()
    assert set(outcomes(await stage.operator.apply(outer)).values()) <= {"done", "unchanged"}
    assert set(stage.world.up()) == ALL


async def test_a_copy_does_while_the_server_is_down_and_that_is_said(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    stage.world.servers.down.add(M9)

    plan = await stage.operator.plan_there(outer)

    assert ({node.path for node in plan.nodes}, plan.open) == (ALL, ())
    said = [event.text for event in stage.operator.events if isinstance(event, Note)]
    assert said == ["planned from the copy of http://m9/ that was fetched earlier: Connection refused"]


async def test_what_is_carried_out_is_what_was_planned_or_nothing(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    serve(stage, {**DOMAIN, "db": leaves(vars={"word": "planned"})})
    asked = stage.operator.ask

    async def then_it_changes(bundle: Bundle) -> There:
        there = await asked(bundle)
        serve(stage, {**DOMAIN, "db": leaves(vars={"word": "later"})})
        return there

    stage.operator.ask = then_it_changes  # type: ignore[method-assign,assignment]
    await stage.operator.apply(outer)

    order = stage.world.host("db").nodes[f"{MOUNT}/db"].order
    assert order["service"]["env"]["WORD"] == "planned"
    asked_for = stage.world.servers.asked.count("bundle")

    async def then_another_asks(bundle: Bundle) -> There:
        there = await then_it_changes(bundle)
        await asked(bundle)
        return there

    serve(stage, {**DOMAIN, "db": leaves(vars={"word": "third"})})
    stage.operator.ask = then_another_asks  # type: ignore[method-assign,assignment]
    report = await stage.operator.apply(outer)
    failed = next(result for result in report.results if result.path == MOUNT)
    assert "has changed since it was planned: plan again" in failed.message
    assert stage.world.servers.asked.count("bundle") > asked_for


async def test_an_initiator_that_cannot_be_reached_leaves_what_is_below_open(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    stage.world.host("gw1.zone9").wrong = UnreachableError("gw1.zone9", Phase.CONNECT, "no route")

    plan = await stage.operator.plan_there(outer)
    report = await stage.operator.apply(outer)

    assert [(one.path, "no route" in one.why) for one in plan.open] == [(MOUNT, True)]
    assert outcomes(report)[MOUNT] == "offline"
    assert set(stage.operator.records()) == ALL
    stage.world.mend()
    assert not (await stage.operator.plan_there(outer)).anything


async def test_a_dead_initiator_leaves_what_is_below_open_and_the_next_apply_wakes_it(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    for path in ("/gw1", MOUNT):
        stage.world.kill(stage.world.initiator(path))
        serve(stage, {**DOMAIN, "db": leaves(vars={"word": f"while {path} was dead"})})

        assert (await stage.operator.plan_there(outer)).open == (Open(MOUNT),)
        report = outcomes(await stage.operator.apply(outer))

        assert set(report.values()) <= {"done", "unchanged"}
        assert report[f"{MOUNT}/db"] == "done"
        assert not (await stage.operator.plan_there(outer)).anything


async def test_an_initiator_that_dies_while_it_is_asked_leaves_it_open_for_that_reason(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    stage.world.kill_at[MOUNT] = 2

    (left,) = (await stage.operator.plan_there(outer)).open

    assert (left.path, bool(left.why)) == (MOUNT, True)
    assert not (await stage.operator.plan_there(outer)).summary.anything
    assert set(outcomes(await stage.operator.apply(outer)).values()) <= {"done", "unchanged"}


async def test_a_link_lost_while_asking_leaves_the_plan_open_and_nothing_else(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    records = stage.operator.records()
    for path in ("/gw1", MOUNT):
        for frame in range(1, 4):
            stage.world.cut_at[path] = frame
            plan = await stage.operator.plan_there(outer)
            await stage.world.quiet()
            assert {one.path for one in plan.open} == {MOUNT} or {n.path for n in plan.nodes} == ALL
            stage.world.mend()
    assert stage.operator.records() == records
    assert not (await stage.operator.plan_there(outer)).anything


async def test_nodes_that_a_lost_link_hides_are_never_told_as_well(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    for number, path in enumerate(("/gw1", MOUNT)):
        word = f"word{number}"
        serve(stage, {**DOMAIN, "db": leaves(vars={"word": word})})
        stage.world.host("db").stuck = stuck = asyncio.Event()
        running = asyncio.create_task(stage.operator.apply(outer))
        asked = len(stage.world.host("db").asked)
        await until(lambda asked=asked: len(stage.world.host("db").asked) > asked)  # type: ignore[misc]
        stage.world.initiator(path).wires[-1].cut()

        report = outcomes(await running)

        assert report[f"{MOUNT}/db"] == "unknown"
        assert {report[one] for one in ALL - {f"{MOUNT}/db"}} == {"unchanged"}
        stuck.set()
        await stage.world.quiet()
        assert set(outcomes(await stage.operator.apply(outer)).values()) <= {"done", "unchanged"}
        assert stage.world.host("db").nodes[f"{MOUNT}/db"].order["service"]["env"]["WORD"] == word


async def test_a_mount_whose_nodes_nobody_knew_stands_for_them_when_its_link_is_lost(
    stage: Stage, outer: Bundle
) -> None:
    stage.world.host("db").stuck = stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(outer))
    await until(lambda: stage.world.host("db").asked)
    stage.world.initiator(MOUNT).wires[0].cut()

    report = await running

    result = {result.path: result for result in report.results}[MOUNT]
    assert (result.outcome.value, "in doubt" in result.message) == ("unknown", True)
    stuck.set()
    await stage.world.quiet()
    assert set(outcomes(await stage.operator.apply(outer)).values()) <= {"done", "unchanged"}
    assert set(stage.world.up()) == ALL


async def test_a_domain_that_leaves_the_hierarchy_leaves_its_hosts(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    bundle = stage.spec.bundle({**OUTER, "gw1": {"children": {"zone9": {}}}})
    # The hosts of the domain stand in its own inventory alone, which nobody reads any more.
    hosts = tuple(host for host in bundle.inventory.hosts if host.name.startswith(("gw1", "lone")))
    bundle = structs.replace(bundle, inventory=structs.replace(bundle.inventory, hosts=hosts))

    assert set(changed(stage.operator.plan(bundle))) == BELOW | {MOUNT}
    assert set(outcomes(await stage.operator.apply(bundle)).values()) <= {"done", "unchanged"}
    assert set(stage.world.up()) == set(stage.operator.records()) == ALL - BELOW
    assert not stage.operator.plan(bundle).anything


async def test_selections_reach_below(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer, "/gw1/zone9/*")
    assert set(stage.world.up()) == ALL - {"/lone"}
    serve(stage, {"gw7": leaves("app[1-4]"), "db": leaves(vars={"word": "another"})})

    plan = await stage.operator.plan_there(outer, f"{MOUNT}/gw7/app3")
    assert set(changed(plan)) == {f"{MOUNT}/gw7/app3"}
    report = outcomes(await stage.operator.apply(outer, f"{MOUNT}/gw7/app3"))
    assert report == {f"{MOUNT}/gw7/app3": "done"}
    assert f"{MOUNT}/gw7/app4" not in stage.world.up()
    stage.world.contacts.clear()
    assert outcomes(await stage.operator.apply(outer, "/lone")) == {"/lone": "done"}
    assert ("/gw1", "gw1.zone9") not in stage.world.contacts[2:]


async def test_a_look_goes_below_and_brings_up_what_is_found(stage: Stage, outer: Bundle) -> None:
    await stage.operator.apply(outer)
    stage.world.host("db").nodes[f"{MOUNT}/db"].state = ("installed", "configured")

    await stage.operator.refresh(outer)

    assert stage.operator.records()[f"{MOUNT}/db"].service == "configured"
    finished = {e.result.path for e in stage.operator.events if isinstance(e, Finished)}
    assert finished == ALL
    assert set(changed(await stage.operator.plan_there(outer))) == {f"{MOUNT}/db"}


async def test_a_lost_directory_of_the_operator_is_rebuilt_with_all_below(
    stage: Stage, outer: Bundle
) -> None:
    await stage.operator.apply(outer)
    stage.operator.lose_directory()

    await stage.operator.refresh(outer)

    assert set(stage.operator.records()) == ALL
