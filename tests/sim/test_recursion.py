"""Runs in a world without faults: who contacts whom, in which order, and what crosses which link."""

import asyncio
from collections import Counter

from msgspec import structs

from ramify.initiator.messages import Events, decode_upward
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.component import Parameter
from ramify.model.events import Finished, Started
from ramify.transport.errors import Phase, UnreachableError
from sim.operators import outcomes, quick
from sim.spec import leaves
from sim.stage import Stage, until
from sim.stubs import HELLO

TREE = {
    "gw[1-2]": {
        "vars": {"word": "hello"},
        "children": {"zone[1-2]": {"children": {"app[1-3]": {}}}},
    },
    "lone": {"vars": {"word": "hello"}},
}
ALL = 2 + 4 + 12 + 1


def path_of(host: str) -> str:
    return "/" + host.replace(".", "/")


async def test_everything_comes_up_and_a_second_run_has_nothing_to_do(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)

    first = outcomes(await stage.operator.apply(bundle))

    assert len(first) == ALL
    assert set(first.values()) == {"done"}
    assert set(stage.world.up()) == set(first)
    assert not stage.world.refusals
    assert {record.open for record in stage.operator.records().values()} == {""}
    contacts = len(stage.world.contacts)
    assert not stage.operator.plan(bundle).summary.anything
    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"unchanged"}
    assert len(stage.world.contacts) == contacts


async def test_everybody_contacts_their_own_children_only_and_each_once(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))

    assert all(paths.parent(path_of(host)) == who for who, host in stage.world.contacts)
    assert set(Counter(stage.world.contacts).values()) == {1}


async def test_the_bundle_and_each_pack_cross_each_link_once(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)

    await stage.operator.apply(bundle)

    digest = bundles.digest(bundles.encode(bundle))
    for gateway in ("/gw1", "/gw2"):
        # It has its own runtime and code from the stub that installed it: those are not sent again.
        wanted = {digest, stage.spec.digests["leaf"]}
        assert {
            sent: n for (path, sent), n in stage.world.crossed.items() if path == gateway
        } == dict.fromkeys(wanted, 1)
    assert set(stage.world.crossed.values()) == {1}


async def test_every_node_is_told_of_exactly_once(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))

    for kind in (Started, Finished):
        told = [
            e.result.path if isinstance(e, Finished) else e.path
            for e in stage.operator.events
            if isinstance(e, kind)
        ]
        assert sorted(told) == sorted(stage.world.up())


async def test_parents_come_up_before_their_children_and_go_after_them(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    up = [path for _, path, command in stage.world.commands if command == "deploy"]
    assert all(paths.parent(path) in ("/", *up[:at]) for at, path in enumerate(up))
    stage.world.commands.clear()

    assert set(outcomes(await stage.operator.apply(stage.spec.bundle({"lone": leaves()}))).values()) == {
        "done",
        "unchanged",
    }

    down = [path for _, path, command in stage.world.commands if command == "uninstall"]
    assert len(down) == ALL - 1
    assert all(paths.parent(path) not in down[:at] for at, path in enumerate(down))
    assert set(stage.world.up()) == {"/lone"}
    assert set(stage.operator.records()) == {"/lone"}


async def test_a_change_touches_only_its_branch(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    stage.world.contacts.clear()
    changed = {**TREE, "lone": {"vars": {"word": "goodbye"}}}

    report = outcomes(await stage.operator.apply(stage.spec.bundle(changed)))

    assert [path for path, outcome in report.items() if outcome == "done"] == ["/lone"]
    assert stage.world.contacts == [("/", "lone")] * 2  # once to change it, and once to confirm that


async def test_siblings_wait_for_those_that_they_come_after_and_for_nobody_else(stage: Stage) -> None:
    tree = {"gw1": leaves("db", "app", "other")}
    tree["gw1"]["children"]["app"] = {"after": ["db"]}
    stage.world.host("gw1.db").stuck = stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(stage.spec.bundle(tree)))

    await until(lambda: "/gw1/other" in stage.world.up())
    await until(lambda: stage.world.host("gw1.db").asked)
    assert ("/gw1", "gw1.app") not in stage.world.contacts
    stuck.set()

    assert set(outcomes(await running).values()) == {"done"}
    assert stage.world.given("/gw1/app")


async def test_a_sibling_that_did_not_come_up_holds_back_who_comes_after_it_on_an_apply_only(
    stage: Stage,
) -> None:
    tree = {"gw1": leaves("db", "app")}
    tree["gw1"]["children"]["app"] = {"after": ["db"]}
    bundle = stage.spec.bundle(tree)
    stage.world.host("gw1.db").wrong = UnreachableError("gw1.db", Phase.CONNECT, "no route")

    report = await stage.operator.apply(bundle)

    assert outcomes(report) == {"/gw1": "done", "/gw1/db": "offline", "/gw1/app": "skipped"}
    assert report.results[2].message == "it comes after /gw1/db, which is not up"
    assert outcomes(await stage.operator.refresh(bundle))["/gw1/app"] == "unchanged"


async def test_a_host_that_never_answers_stalls_nobody_else(stage: Stage) -> None:
    stage.world.host("gw1.zone1.app1").stuck = stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(stage.spec.bundle(TREE)))

    await until(lambda: len(stage.world.up()) == ALL - 1)
    assert not running.done()
    stuck.set()

    assert set(outcomes(await running).values()) == {"done"}


async def test_no_initiator_works_on_more_children_at_once_than_it_may(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app[1-9]")})

    report = await stage.operator.apply(bundle, options=quick(parallel=3))

    assert set(outcomes(report).values()) == {"done"}
    assert stage.world.most_at_once["/gw1"] == 3


async def test_code_and_command_leave_before_anything_is_answered(stage: Stage) -> None:
    host = stage.world.host("lone")
    host.stuck = asyncio.Event()
    running = asyncio.create_task(stage.operator.apply(stage.spec.bundle({"lone": leaves()})))

    await until(lambda: len(host.asked) == 2)
    assert host.asked == ["put", "commands"]
    host.stuck.set()

    await running
    assert host.asked == ["put", "commands"]


async def test_a_node_that_is_there_already_is_looked_at_when_deploying_is_refused(stage: Stage) -> None:
    bundle = stage.spec.bundle({"lone": leaves()})
    await stage.operator.apply(bundle)
    stage.operator.lose_directory()

    assert outcomes(await stage.operator.apply(bundle)) == {"/lone": "done"}
    assert stage.world.refusals == [("/lone", "deploy")]
    assert not stage.operator.plan(bundle).summary.anything


async def test_an_initiator_with_an_interpreter_of_its_own_gets_no_runtime(stage: Stage) -> None:
    parameters = {"RAMIFY_INTERPRETER": Parameter(default="/opt/ramify/bin/python")}
    bundle = stage.spec.bundle({"gw1": leaves("app1")}, parameters=parameters, kind="cp313-linux-x86_64-musl")

    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done"}

    order = stage.world.host("gw1").nodes["/gw1"].order
    assert order["shared"] == {}
    assert order["service"]["start"]["initiator"] == [
        "/opt/ramify/bin/python",
        "-m",
        "ramify.initiator.service",
    ]


async def test_a_missing_runtime_is_an_error_that_names_the_command(stage: Stage) -> None:
    stage.world.host("gw1").hello = structs.replace(HELLO, python=(3, 12, 1), machine="aarch64")

    report = await stage.operator.apply(stage.spec.bundle({"gw1": leaves("app1")}))

    assert outcomes(report) == {"/gw1": "failed", "/gw1/app1": "skipped"}
    assert report.results[0].message == "no runtime for hosts of kind cp312-linux-aarch64-glibc"
    assert "`ramify runtime add --kind cp312-linux-aarch64-glibc FOLDER`" in report.results[0].detail
    assert not stage.operator.records()


async def test_values_of_facts_are_rendered_when_the_facts_are_known(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app1")}, env={"WHO": "{{ facts.hostname }}"})

    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done"}

    host = stage.world.host("gw1.app1")
    assert host.asked[:2] == ["status", "facts"]
    assert host.nodes["/gw1/app1"].order["service"]["env"]["WHO"] == "gw1.app1"
    assert not stage.operator.plan(bundle).summary.anything


async def test_a_value_that_the_facts_do_not_give_fails_its_node_alone(stage: Stage) -> None:
    bundle = stage.spec.bundle({"gw1": leaves("app[1-2]")}, env={"WHO": "{{ facts.hostname }}"})
    stage.world.host("gw1.app1").facts = {}

    report = await stage.operator.apply(bundle)

    assert outcomes(report) == {"/gw1": "done", "/gw1/app1": "failed", "/gw1/app2": "done"}
    assert "hostname" in report.results[1].message


async def test_events_travel_together(stage: Stage) -> None:
    frames = []
    stage.world.watching = lambda path, data: frames.append((path, data))

    await stage.operator.apply(stage.spec.bundle({"gw1": leaves("app[1-60]")}), options=quick(gather=0.05))

    batches = [
        len(message.events)
        for _, data in frames
        if b'"type":"events"' in data[:40]
        and isinstance(message := decode_upward(data[8 : 8 + int.from_bytes(data[:4], "big")]), Events)
    ]
    assert sum(batches) >= 120
    assert len(batches) < 12


async def test_only_what_is_selected_is_touched_and_what_it_needs_above(stage: Stage) -> None:
    bundle = stage.spec.bundle(TREE)

    report = outcomes(await stage.operator.apply(bundle, "/gw1/zone2/app1"))

    assert report == {"/gw1": "done", "/gw1/zone2": "done", "/gw1/zone2/app1": "done"}
    assert set(stage.world.up()) == set(report)


async def test_a_node_that_deploys_no_more_has_what_is_below_it_taken_away_first(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle({"gw1": leaves("app[1-2]")}))
    plain = stage.spec.bundle({"gw1": {"vars": {"word": "x"}}}, plain=("/gw1",))

    report = outcomes(await stage.operator.apply(plain))

    assert report == {"/gw1": "done", "/gw1/app1": "done", "/gw1/app2": "done"}
    assert stage.world.up() == {"/gw1": "gw1"}
    assert not stage.operator.plan(plain).summary.anything


async def test_the_other_way_round_it_comes_up_before_its_children(stage: Stage) -> None:
    await stage.operator.apply(stage.spec.bundle({"gw1": {"vars": {"word": "x"}}}, plain=("/gw1",)))
    bundle = stage.spec.bundle({"gw1": leaves("app[1-2]")})

    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done"}
    assert len(stage.world.up()) == 3


async def test_two_nodes_live_on_one_host(stage: Stage) -> None:
    moved = {"/gw1/app1": "gw1", "/gw1/app2": "gw1", "/gw2": "gw1"}
    bundle = stage.spec.bundle({"gw1": leaves("app[1-2]"), "gw2": leaves("app1")}, moved=moved)

    assert set(outcomes(await stage.operator.apply(bundle)).values()) == {"done"}
    assert len(stage.world.host("gw1").nodes) == 4
    report = outcomes(
        await stage.operator.apply(stage.spec.bundle({"gw2": leaves("app1")}, moved={"/gw2": "gw1"}))
    )

    assert set(report.values()) == {"done", "unchanged"}
    assert set(stage.world.up()) == {"/gw2", "/gw2/app1"}
