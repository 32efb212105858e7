"""Placement: the first rule that takes a node says where; nobody moves who need not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.model.bundle import Bundle
from ramify.model.hierarchy import NodeSpec
from ramify.model.inventory import HostSpec, Placement
from unit.compile.bundles import at, bundle, compiled, host, placement, problems, sound, spec, told

APPS = spec("r", spec("app[1-3]"))


def places(fleet: Fleet) -> dict[str, str]:
    return {node.path: found.name for node in fleet.tree.nodes if (found := fleet.host_of(node.path))}


def placed(*tree: NodeSpec, placements: tuple[Placement, ...], hosts: tuple[HostSpec, ...]) -> dict[str, str]:
    return places(compiled(*tree, placements=placements, hosts=hosts))


def zoned(*names: str, zone: str = "a") -> tuple[HostSpec, ...]:
    return tuple(host(name, labels={"zone": zone}) for name in names)


# Hosts by name.


def test_the_first_placement_that_takes_a_node_wins() -> None:
    rules = placement("/r", host="gw"), placement("/r/app2", host="special"), placement("/**", host="any")

    assert placed(APPS, placements=rules, hosts=(host("gw"), host("special"), host("any"))) == {
        "/r": "gw", "/r/app1": "any", "/r/app2": "special", "/r/app3": "any",
    }  # fmt: skip


def test_a_placement_takes_paths_away_with_an_exclamation_mark() -> None:
    rules = placement("/** !/r", host="any"), placement("/r", host="gw")

    assert placed(APPS, placements=rules, hosts=(host("gw"), host("any")))["/r"] == "gw"


def test_a_host_s_name_is_a_template_over_node_parent_and_vars() -> None:
    tree = spec("r[2]", spec("z[3]", spec("app[1]")), vars={"kind": "k"})
    rule = placement("/**", host="{{ vars.kind }}{{ (parent.index or 0) * 10 + node.index }}")

    assert placed(tree, placements=(rule,), hosts=(host("k[1-40]"),)) == {
        "/r2": "k2", "/r2/z3": "k23", "/r2/z3/app1": "k31",
    }  # fmt: skip


def test_many_nodes_may_share_a_host_by_name() -> None:
    assert set(placed(APPS, placements=(placement("/**", host="h"),), hosts=(host("h"),)).values()) == {"h"}


def test_nodes_that_no_placement_takes_are_told_once() -> None:
    found = problems(spec("r", spec("app[1-3]", line=7)), placements=(placement("/r", host="h1"),))

    assert [(item.code, item.origin, item.summary) for item in found] == [
        ("not-placed", at(7), "/r/app1 and 2 more: no placement takes it")
    ]


def test_hosts_that_are_not_there_are_told_once_with_the_closest() -> None:
    rules = placement("/r", host="gw1"), placement("/**", line=12, host="gw{{ node.index + 1 }}")

    (found,) = problems(APPS, placements=rules, hosts=(host("gw[1-2]"),))

    assert (found.code, found.origin) == ("unknown-host", at(12, "inventory.yml"))
    assert found.summary == '/r/app2 and 1 more: the inventory has no host "gw3" and 1 more'
    assert found.detail == 'Did you mean "gw2"?'


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ node.indx }}", '"indx" is not defined'),
        ("{{ nod.index }}", '"nod" is not defined'),
        ("{{ host.name }}", '"host" is not defined'),
        ("{{ node.index", "unexpected end of template"),
        ("{{ node.host.name }}", "hosts are not known here"),
        ("{{ node.children | length }}", "children are not known here"),
        ("{{ parent.parent.name }}", '"parent" is not defined'),
    ],
)
def test_a_placement_that_cannot_be_rendered_is_told_once(template: str, words: str) -> None:
    (found,) = problems(spec("app[1-3]"), placements=(placement("/**", line=12, host=template),))

    assert (found.code, found.origin) == ("bad-placement", at(12, "inventory.yml"))
    assert words in found.summary


# Pools.


def test_a_pool_is_filled_in_the_order_of_nodes_and_hosts() -> None:
    rules = placement("/r", host="b"), placement("/**", pool={"zone": "a"})

    assert placed(APPS, placements=rules, hosts=(*zoned("c", "b", "a"), *zoned("d", zone="x"))) == {
        "/r": "b", "/r/app1": "c", "/r/app2": "b", "/r/app3": "a",
    }  # fmt: skip


def test_a_pool_s_labels_are_templates() -> None:
    tree = spec("r", spec("b", spec("app")), spec("a", spec("app")))
    rules = placement("/**/app", pool={"zone": "{{ parent.name }}"}), placement("/**", host="x")

    found = placed(tree, placements=rules, hosts=(host("x"), *zoned("h1", zone="a"), *zoned("h2", zone="b")))

    assert (found["/r/a/app"], found["/r/b/app"]) == ("h1", "h2")


def test_a_host_of_a_pool_has_all_of_the_labels() -> None:
    hosts = (
        host("x", labels={"zone": "a"}),
        host("y", labels={"zone": "a", "disk": "ssd", "more": "1"}),
        host("z", labels={"disk": "ssd"}),
    )

    assert placed(
        spec("app"), placements=(placement("/**", pool={"zone": "a", "disk": "ssd"}),), hosts=hosts
    ) == {"/app": "y"}


def test_a_pool_without_labels_is_all_hosts() -> None:
    assert placed(spec("app"), placements=(placement("/**", pool={}),), hosts=zoned("h")) == {"/app": "h"}


def test_a_host_takes_as_many_as_its_placement_says() -> None:
    rule = placement("/**", pool={"zone": "a"}, per_host=2)

    assert list(placed(APPS, placements=(rule,), hosts=zoned("h1", "h2")).values()) == [
        "h1",
        "h1",
        "h2",
        "h2",
    ]


def test_each_placement_counts_for_itself() -> None:
    rules = placement("/r", pool={"zone": "a"}), placement("/**", pool={"zone": "a"})

    assert list(placed(APPS, placements=rules, hosts=zoned("h1", "h2", "h3")).values()) == [
        "h1",
        "h1",
        "h2",
        "h3",
    ]


def test_a_pool_that_is_too_small_is_told_once() -> None:
    rules = placement("/r", host="h1"), placement("/**", line=12, pool={"zone": "a"})

    (found,) = problems(APPS, placements=rules, hosts=zoned("h1"))

    assert (found.code, found.origin) == ("pool-too-small", at(12, "inventory.yml"))
    assert found.summary == "/r/app2 and 1 more: no host left in pool {zone=a}: it has 1, each takes 1"


def test_a_pool_s_label_that_cannot_be_rendered_is_told_once() -> None:
    rule = placement("/**", line=12, pool={"disk": "ssd", "zone": "{{ parent.nme }}"})

    assert told(spec("app[1-3]"), placements=(rule,), hosts=zoned("h1")) == [
        ("bad-placement", at(12, "inventory.yml"))
    ]


def test_every_pool_that_is_too_small_is_told() -> None:
    tree = spec("r", spec("z[1-2]", spec("app")))
    rules = placement("/**/app", line=12, pool={"zone": "{{ parent.name }}"}), placement("/**", host="h")

    assert told(tree, placements=rules, hosts=zoned("h")) == [("pool-too-small", at(12, "inventory.yml"))] * 2


# Staying.


def pinned(made: Bundle, fleet: Fleet) -> Bundle:
    return structs.replace(made, pins=fleet.pooled)


def with_hosts(made: Bundle, hosts: tuple[HostSpec, ...]) -> Bundle:
    return structs.replace(made, inventory=structs.replace(made.inventory, hosts=hosts))


def test_what_a_pool_placed_is_what_can_be_pinned() -> None:
    rules = placement("/r", host="h1"), placement("/**", pool={"zone": "a"})

    assert compiled(APPS, placements=rules, hosts=zoned("h1", "h2", "h3")).pooled == {
        "/r/app1": "h1", "/r/app2": "h2", "/r/app3": "h3",
    }  # fmt: skip


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=8, unique=True),
    st.lists(st.sampled_from("mnopqrst"), max_size=4, unique=True),
    st.integers(1, 3),
    st.data(),
)
def test_adding_hosts_to_a_pool_anywhere_moves_nobody(
    names: list[str], new: list[str], per_host: int, data: st.DataObject
) -> None:
    rule = placement("/**", pool={"zone": "a"}, per_host=per_host)
    made = bundle(APPS, placements=(rule,), hosts=zoned(*names))
    before = sound(compile_fleet(made))
    grown = list(names)
    for name in new:
        grown.insert(data.draw(st.integers(0, len(grown))), name)

    after = sound(compile_fleet(with_hosts(pinned(made, before), zoned(*grown))))

    assert places(after) == places(before)


@given(st.lists(st.sampled_from("abcdefghij"), min_size=8, max_size=8, unique=True), st.integers(0, 4))
def test_new_siblings_take_no_host_away(names: list[str], where: int) -> None:
    rule = placement("/**", pool={"zone": "a"})
    old = [spec(name) for name in ("app2", "app4", "app6", "app8")]
    made = bundle(*old, placements=(rule,), hosts=zoned(*names))
    before = sound(compile_fleet(made))
    tree = (*old[:where], spec("app[11-13]"), *old[where:])

    after = sound(
        compile_fleet(
            structs.replace(pinned(made, before), hierarchy=structs.replace(made.hierarchy, tree=tree))
        )
    )

    assert places(before).items() <= places(after).items()
    assert len(set(places(after).values())) == 7


def test_whose_host_left_the_pool_gets_another_and_the_others_stay() -> None:
    made = bundle(
        APPS, placements=(placement("/**", pool={"zone": "a"}),), hosts=zoned("h1", "h2", "h3", "h4")
    )
    before = sound(compile_fleet(made))

    after = sound(compile_fleet(with_hosts(pinned(made, before), zoned("h1", "h3", "h4", "h5"))))

    assert places(after) == {"/r": "h1", "/r/app1": "h5", "/r/app2": "h3", "/r/app3": "h4"}


def test_whose_host_has_other_labels_now_gets_another() -> None:
    rule = placement("/**", pool={"zone": "a"})
    made = bundle(
        spec("app"), placements=(rule,), hosts=(*zoned("h1", zone="b"), *zoned("h2")), pins={"/app": "h1"}
    )

    assert places(sound(compile_fleet(made))) == {"/app": "h2"}


def test_pins_beyond_what_a_host_takes_are_let_go() -> None:
    rule = placement("/**", pool={"zone": "a"})
    pins = {"/r/app1": "h1", "/r/app2": "h1"}
    made = bundle(APPS, placements=(rule,), hosts=zoned("h1", "h2", "h3", "h4"), pins=pins)

    assert places(sound(compile_fleet(made))) == {
        "/r": "h2",
        "/r/app1": "h1",
        "/r/app2": "h3",
        "/r/app3": "h4",
    }


def test_a_pin_of_a_node_that_is_placed_by_name_means_nothing() -> None:
    made = bundle(
        spec("app"), placements=(placement("/**", host="h1"),), hosts=zoned("h1", "h2"), pins={"/app": "h2"}
    )

    assert places(sound(compile_fleet(made))) == {"/app": "h1"}


def test_a_large_pool_is_filled_without_looking_at_full_hosts_again() -> None:
    tree = spec("r", spec("z[1-100]", spec("app[1-100]")))
    rules = placement("/**/app*", pool={"zone": "a"}), placement("/**", host="h1")

    found = places(compiled(tree, placements=rules, hosts=(host("h[1-10000]", labels={"zone": "a"}),)))

    assert found["/r/z100/app100"] == "h10000"
