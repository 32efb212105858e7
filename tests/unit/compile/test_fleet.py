"""Fleets: equal on every machine, parts equal to the whole, errors of all passes together."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ramify.compile.fleet import compile_fleet
from ramify.model import bundle as bundles
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.component import Parameter
from ramify.model.hierarchy import NodeSpec
from unit.compile.bundles import (
    AGENT,
    COMPONENTS,
    bundle,
    compiled,
    document,
    entry,
    fleets,
    placement,
    sound,
    spec,
    told,
)

A = "a.yml"


def tree(x: int = 1, near: dict[str, Any] | None = None, apps: str = "app[1-2]") -> NodeSpec:
    return spec(
        "r", spec("z1", spec(apps), vars=near or {}), spec("z2", spec("app[1-2]")), vars={"x": x, "y": 1}
    )


# Equal everywhere.


@settings(max_examples=50)
@given(fleets())
def test_a_bundle_compiles_to_the_same_again(made: Bundle) -> None:
    one, other = sound(compile_fleet(made)), compile_fleet(made)

    assert one.digests == other.digests
    assert list(one.digests) == list(other.digests)
    assert {node.path for node in one.tree.nodes} == set(one.digests)


@settings(max_examples=50)
@given(fleets())
def test_a_bundle_that_was_sent_compiles_to_the_same(made: Bundle) -> None:
    data = bundles.encode(made)
    sent = bundles.decode(data, bundles.digest(data))

    one, other = compile_fleet(made), compile_fleet(sent)

    assert one.digests == other.digests
    assert one.hosts == other.hosts
    assert one.pooled == other.pooled


def test_a_bundle_that_was_sent_compiles_to_the_same_however_it_was_written() -> None:
    agent = structs.replace(
        AGENT,
        grace=1,
        install_timeout=2,
        parameters={"Z": Parameter(default="1"), "B": Parameter(default="2")},
    )
    dump = document(
        A, {"ALL": "{{ vars | tojson }}", "ORDER": "{% for name in vars.b %}{{ name }}{% endfor %}"}
    )
    made = bundle(
        spec("app", vars={"b": {"z": 1, "a": 2.0}, "a": True}), components={"agent": agent}, documents=[dump]
    )
    data = bundles.encode(made)

    assert compile_fleet(made).digests == compile_fleet(bundles.decode(data, bundles.digest(data))).digests


@settings(max_examples=50)
@given(fleets(), st.data())
def test_a_part_compiles_to_what_the_whole_says_of_it(made: Bundle, data: st.DataObject) -> None:
    whole = sound(compile_fleet(made))
    scope = data.draw(st.sampled_from([node.path for node in whole.tree.nodes]))

    part = sound(compile_fleet(made, scope))

    inside = {node.path for node in whole.within(scope)}
    assert part.digests == {path: whole.digests[path] for path in inside}
    assert {path: part.host_of(path) for path in inside} == {path: whole.host_of(path) for path in inside}
    assert [node.path for node in part.within(scope)] == [
        node.path for node in whole.tree.nodes if node.path in inside
    ]
    assert {path: host for path, host in part.pooled.items() if path in inside} == {
        path: host for path, host in whole.pooled.items() if path in inside
    }


def test_a_part_without_pools_is_made_of_its_own_nodes_and_those_above() -> None:
    part = sound(compile_fleet(bundle(tree()), "/r/z2"))

    assert [node.path for node in part.tree.nodes] == ["/r", "/r/z2", "/r/z2/app1", "/r/z2/app2"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ parent.children | length }}",
        "{{ parent['children'] | map(attribute='name') | join }}",
        "{{ [parent] | map(attribute='children') | first | length }}",
        "{{ (parent | attr('children')) | length }}",
        "{{ parent.parent.children[0].children | length }}",
    ],
)
def test_a_part_knows_the_children_of_others_where_they_are_asked_for(text: str) -> None:
    made = bundle(tree(), service=(entry("/**/app*", A),), others=(document(A, {"X": text}),))

    assert (
        sound(compile_fleet(made, "/r/z1/app1")).digests["/r/z1/app1"]
        == compile_fleet(made).digests["/r/z1/app1"]
    )


def test_children_of_others_that_are_asked_for_in_secret_are_refused_and_not_wrong() -> None:
    text = "{{ (parent['child' ~ 'ren']) | length }}"
    made = bundle(tree(), service=(entry("/**/app*", A),), others=(document(A, {"X": text}),))

    (found,) = compile_fleet(made, "/r/z1/app1").diagnostics

    assert (found.code, "cannot be seen" in found.summary) == ("undefined", True)


def test_a_scope_that_is_no_node_has_nothing_in_it() -> None:
    part = sound(compile_fleet(bundle(tree()), "/r/z9"))

    assert (part.digests, list(part.within("/r/z9"))) == ({}, [])


def test_look_ups() -> None:
    fleet = compiled(tree())
    node = fleet.by_path["/r/z1"]

    assert [child.path for child in fleet.below("/")] == ["/r"]
    assert [child.path for child in fleet.below("/r")] == ["/r/z1", "/r/z2"]
    assert fleet.below("/r/z9") == ()
    assert list(fleet.within("/")) == list(fleet.tree.nodes)
    assert [child.path for child in fleet.within("/r/z1")] == ["/r/z1", "/r/z1/app1", "/r/z1/app2"]
    assert fleet.class_of(node).component is COMPONENTS["init"]
    assert fleet.host_of("/") is None


# Errors.


def test_a_fleet_that_could_not_grow_says_so_and_nothing_else() -> None:
    deep = spec("app")
    for _ in range(paths.MAX_DEPTH):
        deep = spec("a", deep)

    assert [code for code, _ in told(deep, code=(), placements=())] == ["too-deep"]


def test_errors_of_all_passes_are_told_together() -> None:
    found = told(
        spec("r", spec("app1", line=4), spec("app2", line=5)),
        placements=(placement("/r", host="h1"), placement("/r/app1", 6, host="nowhere")),
        code=(entry("/r/*", "agent"),),
        documents=[document(A, {"X": "{{ node.nothing }}"})],
    )

    assert [code for code, _ in found] == ["unknown-host", "not-placed", "no-code", "undefined"]
