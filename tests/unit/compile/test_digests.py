"""Digests: what changes shows in those whom it concerns, and in nobody else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ramify.compile.digests import Digests
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.model import paths
from ramify.model.bundle import Bundle, Runtime
from ramify.model.hierarchy import NodeSpec
from unit.compile.bundles import (
    AGENT,
    COMPONENTS,
    compiled,
    document,
    entry,
    fleets,
    host,
    placement,
    sound,
    spec,
    told,
)

A = "a.yml"


def words(fleet: Fleet, word: str) -> dict[str, str]:
    return {path: getattr(found, word) for path, found in fleet.digests.items()}


def changed(before: Fleet, after: Fleet, word: str) -> set[str]:
    """Paths whose digest differs, of those that are in both."""
    old, new = words(before, word), words(after, word)
    return {path for path in old.keys() & new.keys() if old[path] != new[path]}


def ancestors(*found: str) -> set[str]:
    """The paths and all above them."""
    return {path for path in ALL if any(paths.within(one, path) for one in found)}


def tree(x: int = 1, near: dict[str, Any] | None = None, apps: str = "app[1-2]") -> NodeSpec:
    return spec(
        "r", spec("z1", spec(apps), vars=near or {}), spec("z2", spec("app[1-2]")), vars={"x": x, "y": 1}
    )


ALL = {"/r", "/r/z1", "/r/z2", "/r/z1/app1", "/r/z1/app2", "/r/z2/app1", "/r/z2/app2"}
LEAVES = {path for path in ALL if "app" in path}
USES_X = {"service": (entry("/**/app*", A),), "others": (document(A, {"X": "{{ vars.x }}"}),)}


# What shows in a digest.


def test_digests_of_all_nodes_differ() -> None:
    fleet = compiled(tree())

    assert len(set(words(fleet, "node").values())) == len(ALL)


def test_a_variable_that_nobody_uses_changes_nothing() -> None:
    before, after = (
        compiled(tree(), **USES_X),
        compiled(structs.replace(tree(), vars={"x": 1, "y": 2}), **USES_X),
    )

    assert before.digests == after.digests


def test_a_variable_of_one_zone_changes_those_who_use_it_there_and_the_subtrees_around_them() -> None:
    before, after = compiled(tree(), **USES_X), compiled(tree(near={"x": 2}), **USES_X)

    concerned = {"/r/z1/app1", "/r/z1/app2"}
    assert changed(before, after, "node") == concerned
    assert changed(before, after, "service") == concerned
    assert changed(before, after, "subtree") == ancestors(*concerned)
    assert changed(before, after, "environment") == set()
    assert changed(before, after, "binding") == set()


def test_a_variable_of_all_changes_those_who_use_it() -> None:
    before, after = compiled(tree(near={"x": 3}), **USES_X), compiled(tree(2, near={"x": 3}), **USES_X)

    assert changed(before, after, "node") == {"/r/z2/app1", "/r/z2/app2"}


@given(
    st.sampled_from(sorted(ALL)),
    st.sampled_from(["{{ vars.x }}", "{{ vars.x + 1 }}", "{{ vars.x }}{{ node.name }}"]),
)
def test_a_change_shows_where_it_is_used_and_above(path: str, text: str) -> None:
    used = {"service": (entry(path, A),), "others": (document(A, {"X": text}),)}

    before, after = compiled(tree(1), **used), compiled(tree(2), **used)

    assert changed(before, after, "node") == {path}
    assert changed(before, after, "subtree") == ancestors(path)


def test_an_installer_s_value_changes_the_environment() -> None:
    used = {
        "install": (entry("/r/z1/app1", A),),
        "others": (document(A, {"X": "{{ vars.x }}{{ node.name }}"}),),
    }

    before, after = compiled(tree(1), **used), compiled(tree(2), **used)

    assert changed(before, after, "environment") == changed(before, after, "node") == {"/r/z1/app1"}
    assert changed(before, after, "service") == set()


def test_a_new_child_shows_in_its_parent_and_in_the_subtrees_above() -> None:
    before, after = compiled(tree()), compiled(tree(apps="app[1-3]"))

    assert changed(before, after, "node") == {"/r/z1"}
    assert changed(before, after, "subtree") == {"/r", "/r/z1"}
    assert changed(before, after, "binding") == {"/r/z1"}


def test_values_of_other_nodes_show_in_who_reads_them() -> None:
    used = {
        "service": (entry("/r", A),),
        "others": (document(A, {"X": "{{ children | sum(attribute='vars.x') }}"}),),
    }

    before, after = compiled(tree(), **used), compiled(tree(near={"x": 2}), **used)

    assert changed(before, after, "node") == changed(before, after, "subtree") == {"/r"}


def test_new_code_shows_in_all_who_run_it() -> None:
    newer = {**COMPONENTS, "agent": structs.replace(AGENT, artifact="d" * 64)}

    assert changed(compiled(tree()), compiled(tree(), components=newer), "environment") == LEAVES


def test_what_services_are_told_of_their_project_shows() -> None:
    assert changed(compiled(tree()), compiled(tree(), project="other"), "service") == ALL


def test_values_are_not_mixed_up_with_their_neighbours() -> None:
    def fleet(one: str, two: str) -> Fleet:
        values = document(A, {"X": "{{ node.vars.one }}", "Y": "{{ node.vars.two }}"})
        return compiled(spec("app", vars={"one": one, "two": two}), documents=[values])

    found = {
        fleet(*pair).digests["/app"].node
        for pair in [("a\0b", "c"), ("a", "b\0c"), ("a", "b"), ('a","b', "")]
    }

    assert len(found) == 4


# What does not: where a node is placed.


def moved(before: Fleet, after: Fleet) -> set[str]:
    """Paths whose binding changed, when nothing else did anywhere."""
    assert [words(before, word) for word in Digests.__struct_fields__[:4]] == [
        words(after, word) for word in Digests.__struct_fields__[:4]
    ]
    return changed(before, after, "binding")


def at_hosts(**where: str) -> dict[str, Any]:
    rules = tuple(placement(path.replace("_", "/"), host=name) for path, name in where.items())
    return {"placements": (*rules, placement("/**", host="h1"))}


def test_a_node_on_another_host_changes_its_binding_and_its_parent_s_and_children_s() -> None:
    before = compiled(tree())

    assert moved(before, compiled(tree(), **at_hosts(_r_z1_app1="h2"))) == {"/r/z1/app1", "/r/z1"}
    assert moved(before, compiled(tree(), **at_hosts(_r_z1="h2"))) == {
        "/r",
        "/r/z1",
        "/r/z1/app1",
        "/r/z1/app2",
    }


def test_an_address_changes_the_bindings_around_it() -> None:
    def fleet(address: str) -> Fleet:
        hosts = host("h1", address="a"), host("h2", address=address)
        return compiled(tree(), **at_hosts(_r_z2_app2="h2"), hosts=hosts)

    assert moved(fleet("b"), fleet("c")) == {"/r/z2", "/r/z2/app2"}


@pytest.mark.parametrize(
    "text",
    [
        "{{ host.labels.v }}",
        "{{ host.labels.v | upper }}",
        "{{ node.host.labels['v'] }}{{ node.name }}{{ vars.x }}",
        "{{ [node] | map(attribute='host.labels.v') | first }}",
        "{% set n = node %}{{ n.host.labels.v }}",
    ],
)
def test_a_host_s_value_changes_bindings_only(text: str) -> None:
    def fleet(value: str) -> Fleet:
        hosts = host("h1", labels={"v": "-"}), host("h2", labels={"v": value})
        return compiled(
            tree(), **at_hosts(_r_z2_app2="h2"), hosts=hosts, documents=[document(A, {"X": text})]
        )

    assert moved(fleet("b"), fleet("c")) == {"/r/z2/app2"}


@pytest.mark.parametrize(
    "text", ["{{ children | map(attribute='host.labels.v') | join }}", "{{ children[1].host.labels.v }}"]
)
def test_a_child_s_host_s_value_changes_the_parent_s_binding_only(text: str) -> None:
    def fleet(value: str) -> Fleet:
        hosts = host("h1", labels={"v": "-"}), host("h2", labels={"v": value})
        used = {"service": (entry("/r/z2", A),), "others": (document(A, {"X": text}),)}
        return compiled(tree(), **at_hosts(_r_z2_app2="h2"), hosts=hosts, **used)

    assert moved(fleet("b"), fleet("c")) == {"/r/z2"}


@pytest.mark.parametrize(
    "text", ["{{ node['ho' ~ vars.st].address }}", "{{ (parent.children | first)['ho' ~ vars.st].name }}"]
)
def test_a_host_that_is_asked_for_in_secret_is_refused(text: str) -> None:
    used = {"service": (entry("/r/z2/app1", A),), "others": (document(A, {"X": text}),)}

    assert [code for code, _ in told(structs.replace(tree(), vars={"st": "st"}), **used)] == ["undefined"]


def test_a_late_value_s_template_is_part_of_what_a_node_is() -> None:
    one, other = (
        compiled(tree(), service=(entry("/r/z1/app1", A),), others=(document(A, {"X": text}),))
        for text in ("{{ host.address }}", "{{ host.address }}!")
    )

    assert changed(one, other, "node") == {"/r/z1/app1"}


def test_a_newer_ramify_reaches_the_initiators() -> None:
    runtimes = [Runtime("cp311", "e" * 64, 1, engine) for engine in ("one", "two")]

    assert moved(
        compiled(tree(), runtimes=tuple(runtimes[:1])), compiled(tree(), runtimes=tuple(runtimes[1:]))
    ) == (ALL - LEAVES)


def test_a_runtime_for_another_kind_of_host_changes_nothing() -> None:
    one, other = Runtime("cp311", "e" * 64, 1, "same"), Runtime("cp312", "f" * 64, 1, "same")

    assert moved(compiled(tree(), runtimes=(one,)), compiled(tree(), runtimes=(one, other))) == set()


@settings(max_examples=50)
@given(fleets(), st.integers(0, 200))
def test_addresses_never_show_in_what_a_node_is(made: Bundle, at: int) -> None:
    hosts = tuple(
        structs.replace(one, settings=structs.replace(one.settings, address=f"other{at}-{{{{ index }}}}"))
        for one in made.inventory.hosts
    )
    other = structs.replace(made, inventory=structs.replace(made.inventory, hosts=hosts))

    assert moved(sound(compile_fleet(made)), sound(compile_fleet(other))) == set(compile_fleet(made).digests)
