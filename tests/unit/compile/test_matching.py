"""Matching: which entries take which nodes, over all lists at once."""

import time

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.model.diagnostics import Severity
from ramify.model.hierarchy import Assertion
from ramify.model.patterns import Kind
from unit.compile.bundles import (
    ANYWHERE,
    CODE,
    at,
    bundle,
    compiled,
    document,
    entry,
    node,
    placement,
    problems,
    spec,
)

TREE = spec("r[1-2]", spec("app[1-2]"))


def refs(fleet: Fleet, path: str) -> tuple[list[str], list[str], list[str]]:
    taken = fleet.taken(node(fleet, path))
    return (
        [entry.ref for entry in taken.code],
        [entry.ref for entry in taken.install],
        [entry.ref for entry in taken.service],
    )


def test_each_list_is_its_own_and_keeps_the_order_of_the_file() -> None:
    install = (entry("/**", "i1"), entry("/r1/**", "i2"))
    service = (entry("/**/app*", "s1"), entry("/r2/**", "s2"), entry("/**/app2", "s3"))

    fleet = compiled(TREE, install=install, service=service)

    assert refs(fleet, "/r1/app2") == (["agent"], ["i1", "i2"], ["s1", "s3"])
    assert refs(fleet, "/r2") == (["init"], ["i1"], ["s2"])


def test_an_entry_takes_a_path_by_any_of_its_patterns_unless_one_takes_it_away() -> None:
    fleet = compiled(TREE, service=(entry("/r1/app1 /r2/** !/**/app2", "s"),))

    assert [n.path for n in fleet.tree.nodes if fleet.taken(n).service] == ["/r2", "/r1/app1", "/r2/app1"]


def test_all_kinds_of_patterns_are_matched_together() -> None:
    service = (
        entry("*/app1/*", "paper", kind=Kind.PAPER),
        entry("/r2/.*", "regex", kind=Kind.REGEX),
        entry("/*/app2", "glob"),
    )

    fleet = compiled(TREE, service=service)

    assert refs(fleet, "/r2/app1")[2] == ["paper", "regex"]
    assert refs(fleet, "/r2/app2")[2] == ["regex", "glob"]
    assert refs(fleet, "/r1")[2] == []


def test_nodes_with_the_same_code_and_configuration_have_one_role_wherever_they_go() -> None:
    fleet = compiled(TREE, placements=(placement("/r1/**", host="h1"), placement("/**", host="h2")))

    assert fleet.taken(node(fleet, "/r1/app1")).role == fleet.taken(node(fleet, "/r2/app1")).role
    assert fleet.taken(node(fleet, "/r1")).role != fleet.taken(node(fleet, "/r1/app1")).role
    assert fleet.class_of(node(fleet, "/r1/app1")) is fleet.class_of(node(fleet, "/r2/app2"))


def test_patterns_that_take_no_node_are_warned_of_each_once() -> None:
    found = problems(
        TREE,
        code=(*CODE, entry("/r3", "init", 5)),
        install=(entry("/**/app9 /r1", "i", 6),),
        placements=(placement("/r4", 7, host="h1"), *ANYWHERE),
        service=(entry("/**", "s"), entry("/r[5-6]/.*", "s", 8, Kind.REGEX)),
        assertions=(Assertion(("/r5", "!/r6"), "true", "", at(9)),),
    )

    assert {(item.severity, item.code) for item in found} == {(Severity.WARNING, "dead-pattern")}
    assert [(item.summary.split('"')[1], item.origin) for item in found] == [
        ("/r3", at(5, "repository.yml")),
        ("/**/app9", at(6, "repository.yml")),
        ("/r[5-6]/.*", at(8, "repository.yml")),
        ("/r4", at(7, "inventory.yml")),
        ("/r5", at(9)),
        ("!/r6", at(9)),
    ]


def test_a_part_of_a_fleet_cannot_tell_which_patterns_are_dead() -> None:
    made = bundle(TREE, service=(entry("/r2", "s"),), documents=[document("s")])

    assert list(compile_fleet(made, "/r1").diagnostics) == []


def test_entries_that_name_one_node_each_cost_no_more_than_nodes() -> None:
    many = 3000
    service = tuple(entry(f"/app{number}", "s") for number in range(1, many + 1))
    matched = bundle(spec(f"app[1-{many}]"), service=service, others=(document("s"),))

    began = time.perf_counter()
    fleet = compile_fleet(matched)

    assert time.perf_counter() - began < 5  # every node against every pattern would be 20
    assert [len(fleet.taken(one).service) for one in fleet.tree.nodes] == [1] * many
