"""Templates: bases in order, the entry's own keys over all, and what only the merged tree shows."""

from collections.abc import Iterable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.compile.merging import MAX_NODES, deep_merge, merge_templates
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Hierarchy, NodeSpec
from ramify.model.paths import MAX_DEPTH
from ramify.model.rollout import Amount, Rollout
from unit.compile.bundles import at, problems, spec, told


def merged(*tree: NodeSpec, templates: Iterable[NodeSpec] = ()) -> tuple[NodeSpec, ...]:
    diagnostics = Diagnostics()
    found = merge_templates(Hierarchy(tree, {made.name: made for made in templates}), diagnostics)

    assert list(diagnostics) == []
    return found


def one(tree: NodeSpec, *templates: NodeSpec) -> NodeSpec:
    return merged(tree, templates=templates)[0]


def test_a_tree_without_templates_stays_as_it_is() -> None:
    tree = spec("top", spec("app", vars={"x": 1}), vars={"y": {"z": 1}}, after=("other",))

    assert one(tree) == tree


def test_own_variables_win_over_those_of_the_template() -> None:
    found = one(spec("top", extends=("site",), vars={"x": 1}), spec("site", vars={"x": 2, "y": 2}))

    assert found.vars == {"x": 1, "y": 2}


def test_mappings_are_merged_key_by_key_and_lists_are_replaced() -> None:
    site = spec("site", vars={"net": {"dns": ["a", "b"], "mtu": {"lan": 1500, "wan": 1400}}})

    found = one(spec("top", extends=("site",), vars={"net": {"dns": ["c"], "mtu": {"wan": 9000}}}), site)

    assert found.vars == {"net": {"dns": ["c"], "mtu": {"lan": 1500, "wan": 9000}}}


def test_a_later_base_wins_over_an_earlier_one() -> None:
    found = one(spec("top", extends=("a", "b")), spec("a", vars={"x": 1, "y": 1}), spec("b", vars={"x": 2}))

    assert found.vars == {"x": 2, "y": 1}


def test_a_chain_is_followed_and_the_nearer_wins() -> None:
    templates = (
        spec("far", vars={"x": 1, "y": 1, "z": 1}),
        spec("near", extends=("far",), vars={"x": 2, "y": 2}),
    )

    assert one(spec("top", extends=("near",), vars={"x": 3}), *templates).vars == {"x": 3, "y": 2, "z": 1}


def test_a_chain_may_be_longer_than_the_stack() -> None:
    templates = [spec(f"t{at}", extends=(f"t{at + 1}",)) for at in range(3000)]

    assert one(spec("top", extends=("t0",)), *templates, spec("t3000", vars={"x": 1})).vars == {"x": 1}


def test_children_are_merged_by_name_in_the_template_s_order_and_own_ones_follow() -> None:
    site = spec("site", spec("db", vars={"x": 1, "y": 1}), spec("app[1-2]"))

    found = one(spec("top", spec("web"), spec("db", vars={"x": 2}), extends=("site",)), site)

    assert [child.name for child in found.children] == ["db", "app[1-2]", "web"]
    assert found.children[0].vars == {"x": 2, "y": 1}


def test_what_an_own_child_extends_wins_over_what_its_parent_s_template_says_of_it() -> None:
    site, special = spec("site", spec("db", vars={"x": 1, "y": 1})), spec("special", vars={"x": 2})

    found = one(spec("top", spec("db", extends=("special",)), extends=("site",)), site, special)

    assert found.children[0].vars == {"x": 2, "y": 1}


def test_children_of_templates_have_their_templates_too() -> None:
    templates = spec("site", spec("db", extends=("store",))), spec("store", spec("disk"), vars={"x": 1})

    (child,) = one(spec("top", extends=("site",)), *templates).children

    assert (child.name, child.vars, [below.name for below in child.children]) == ("db", {"x": 1}, ["disk"])


def test_what_is_done_about_drift_comes_from_a_template_unless_written() -> None:
    site = spec("site", on_drift="stop")

    assert one(spec("app", extends=("site",)), site).on_drift == "stop"
    assert one(spec("app", extends=("site",), on_drift="report"), site).on_drift == "report"


def test_order_and_rollout_come_from_a_template_unless_written() -> None:
    site = spec("site", after=("db",), rollout=Rollout(bake=5.0, max_fail=Amount(2)))

    inherits = one(spec("app", extends=("site",)), site)
    writes = one(spec("app", extends=("site",), after=("web",), rollout=Rollout(max_fail=Amount(9))), site)

    assert (inherits.after, inherits.rollout) == (("db",), site.rollout)
    assert (writes.after, writes.rollout) == (("web",), Rollout(bake=5.0, max_fail=Amount(9)))


def test_a_name_that_is_no_template_was_told_when_reading_and_adds_nothing() -> None:
    assert one(spec("top", extends=("nothing",), vars={"x": 1})).vars == {"x": 1}


def test_a_merged_value_stands_where_it_was_written() -> None:
    site = spec("site", vars={"net": {"dns": 1, "mtu": {"lan": 2}}, "x": 1}, line=10)

    found = one(spec("top", extends=("site",), vars={"net": {"dns": 3}}, line=20), site)

    assert found.origins == {
        "net": at(21), "net.dns": at(21), "net.mtu": at(11), "net.mtu.lan": at(11), "x": at(11),
    }  # fmt: skip


def test_places_within_a_mapping_go_with_the_mapping() -> None:
    site = spec("site", vars={"net": {"dns": 1}}, line=10)

    found = one(spec("top", extends=("site",), vars={"net": "none"}, line=20), site)

    assert found.origins == {"net": at(21)}


plain = st.recursive(
    st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)
mappings = st.dictionaries(st.sampled_from("abc"), plain, max_size=3)


@given(mappings)
def test_merging_with_nothing_changes_nothing(values: dict[str, object]) -> None:
    assert deep_merge(values, {}) == values
    assert deep_merge({}, values) == values
    assert deep_merge(values, values) == values


@given(mappings, mappings, mappings)
def test_what_wins_does_not_depend_on_which_two_are_merged_first(
    a: dict[str, object], b: dict[str, object], c: dict[str, object]
) -> None:
    assert deep_merge(deep_merge(a, b), c) == deep_merge(a, deep_merge(b, c))


@given(mappings, mappings)
def test_what_is_merged_is_left_as_it_was(base: dict[str, object], over: dict[str, object]) -> None:
    before = repr((base, over))

    deep_merge(base, over)

    assert repr((base, over)) == before


def test_a_mapping_over_a_plain_value_does_not_bring_back_what_that_replaced() -> None:
    far, near = spec("far", vars={"x": {"p": 0}}, line=10), spec("near", vars={"x": 0}, line=20)

    found = one(spec("top", extends=("far", "near"), vars={"x": {}}, line=30), far, near)

    assert (found.vars, found.origins) == ({"x": {}}, {"x": at(31)})
    # Templates look into mappings of this very type.
    assert type(found.vars["x"]) is dict


def layers(spec: NodeSpec, templates: Mapping[str, NodeSpec]) -> Iterator[NodeSpec]:
    """A spec and all that it extends as they were written, the strongest last."""
    for name in spec.extends:
        yield from layers(templates[name], templates)
    yield spec


def below(specs: Iterable[NodeSpec], templates: Mapping[str, NodeSpec]) -> list[NodeSpec]:
    """The layers of the child that some layers have."""
    return [layer for spec in specs for child in spec.children for layer in layers(child, templates)]


def laid(written: Iterable[NodeSpec]) -> tuple[dict[str, object], dict[str, object]]:
    """The values and places that come out when layer is put upon layer, one after the other."""
    places: dict[str, object] = {}
    values: dict[str, object] = {}
    for layer in written:
        for name, value in leaves(layer.vars, ""):
            for known in [known for known in values if replaces(name, value, known)]:
                del values[known], places[known]
            values[name], places[name] = value, layer.origins[name]
    return values, places


def leaves(values: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        yield prefix + key, {} if isinstance(value, dict) else value
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")


def replaces(name: str, value: object, known: str) -> bool:
    """Whether a plain value takes away what is known below its name."""
    return not isinstance(value, dict) and known.startswith(f"{name}.")


vars_of_layers = st.dictionaries(
    st.sampled_from("xy"),
    st.recursive(st.integers(0, 2), lambda inner: st.dictionaries(st.sampled_from("pq"), inner, max_size=2)),
)


@st.composite
def layered(draw: st.DrawFn) -> tuple[NodeSpec, dict[str, NodeSpec]]:
    made: dict[str, NodeSpec] = {}

    def drawn(name: str, *children: NodeSpec) -> NodeSpec:
        extends = tuple(draw(st.lists(st.sampled_from(sorted(made)), max_size=2))) if made else ()
        line = 10 * draw(st.integers(1, 99))
        return spec(name, *children, vars=draw(vars_of_layers), extends=extends, line=line)

    for number in range(draw(st.integers(0, 4))):
        kids = [drawn("kid")] if draw(st.booleans()) else []
        made[f"t{number}"] = drawn(f"t{number}", *kids)
    return drawn("top", drawn("kid")), made


@given(layered())
def test_layers_come_one_upon_the_other_whoever_brings_them(
    made: tuple[NodeSpec, dict[str, NodeSpec]],
) -> None:
    top, templates = made

    found = one(top, *templates.values())

    written = list(layers(top, templates))
    for node, expected in ((found, laid(written)), (found.children[0], laid(below(written, templates)))):
        assert (dict(leaves(node.vars, "")), node.origins) == expected


# What only the merged tree shows.


def test_a_sibling_that_a_template_brings_twice_is_told() -> None:
    tree = spec("top", spec("app2", line=5), extends=("site",))

    assert told(tree, templates=[spec("site", spec("app[1-3]"))]) == [("duplicate-name", at(5))]


def test_an_order_that_templates_make_impossible_is_told() -> None:
    site = spec("site", spec("app1", after=("app2",), line=3), spec("app2"))

    assert [
        code
        for code, _ in told(spec("top", spec("app2", after=("app1",)), extends=("site",)), templates=[site])
    ] == ["after-cycle"]


def test_an_order_that_names_a_template_s_child_is_fine() -> None:
    assert (
        told(
            spec("top", spec("app2", after=("app1",)), extends=("site",)),
            templates=[spec("site", spec("app1"))],
        )
        == []
    )


def test_an_order_that_names_nobody_is_told() -> None:
    tree = spec("top", spec("app2", after=("ap1",), line=7), extends=("site",))

    (problem,) = problems(tree, templates=[spec("site", spec("app1"))])

    assert (problem.code, problem.origin, problem.detail) == (
        "unknown-sibling",
        at(7),
        'Did you mean "app1"?',
    )


def test_a_tree_that_templates_make_too_deep_is_told() -> None:
    templates = [spec(f"t{at}", spec("a", extends=(f"t{at + 1}",)), line=at + 10) for at in range(MAX_DEPTH)]

    assert told(spec("top", extends=("t0",), line=3), templates=[*templates, spec(f"t{MAX_DEPTH}")]) == [
        ("too-deep", at(10))
    ]


def test_a_tree_is_too_deep_by_one_step() -> None:
    def nested(depth: int) -> NodeSpec:
        return spec("a", nested(depth - 1)) if depth > 1 else spec("app", line=5)

    assert told(nested(MAX_DEPTH)) == []
    assert [code for code, _ in told(nested(MAX_DEPTH + 1))] == ["too-deep"]


def test_templates_that_double_at_every_level_are_refused_and_not_written_out() -> None:
    templates = [
        spec(f"t{at}", spec("a", extends=(f"t{at + 1}",)), spec("b", extends=(f"t{at + 1}",)))
        for at in range(30)
    ]

    assert told(spec("top", extends=("t0",), line=3), templates=[*templates, spec("t30")]) == [
        ("too-large", at(3))
    ]


def test_templates_that_extend_two_others_at_every_level_are_merged_once_each() -> None:
    templates = [spec(f"t{at}", extends=(f"t{at + 1}", f"t{at + 2}")) for at in range(60)]

    found = one(spec("top", extends=("t0",)), *templates, spec("t60", vars={"x": 1}), spec("t61"))

    assert found.vars == {"x": 1}


@pytest.mark.parametrize("name", ["a[1-100000]", "a[1-99999]"])
def test_ranges_within_ranges_are_counted_and_not_written_out(name: str) -> None:
    assert [code for code, _ in told(spec(name, spec(name, spec("app"))))] == ["too-large"]
    assert MAX_NODES == 1_000_000
