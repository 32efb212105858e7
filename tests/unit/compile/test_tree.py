"""Growing: ranges in order, variables from the nearest, parts equal to the whole."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ramify.compile.tree import Tree, grow
from ramify.model import paths
from ramify.model.hierarchy import NodeSpec
from ramify.model.patterns import Matcher, Pattern
from unit.compile.bundles import at, spec, specs


class Ground:
    """A realm of specs alone."""

    def __init__(self, specs: tuple[NodeSpec, ...], number: int = 0) -> None:
        self.number = number
        self.matcher = Matcher([Pattern("/**")])
        self._specs = specs

    def top(self, _spec: NodeSpec | None) -> tuple[NodeSpec, ...]:
        return self._specs


def grown(*tree: NodeSpec, only: str | None = None) -> Tree:
    return grow(Ground(tree), lambda _: None, only)


def names(tree: Tree) -> list[str]:
    return [node.path for node in tree.nodes]


def test_ranges_are_counted_out_in_order_with_their_padding() -> None:
    tree = grown(spec("b"), spec("app[08-10]"), spec("a[3,1-2]"), spec("n[0-4/2]x"))

    assert " ".join(names(tree)) == "/b /app08 /app09 /app10 /a3 /a1 /a2 /n0x /n2x /n4x"
    assert [node.index for node in tree.nodes] == [None, 8, 9, 10, 3, 1, 2, 0, 2, 4]


def test_parents_come_before_their_children_and_siblings_as_written() -> None:
    tree = grown(spec("r[1-2]", spec("z", spec("b"), spec("a"))), spec("s"))

    assert " ".join(names(tree)) == "/r1 /r2 /s /r1/z /r1/z/b /r1/z/a /r2/z /r2/z/b /r2/z/a"
    assert [node.number for node in tree.nodes] == list(range(9))


def test_nodes_know_their_parents_children_and_depth() -> None:
    tree = grown(spec("r", spec("z[1-2]", spec("app"))))
    top, first, _, leaf, _ = tree.nodes

    assert tree.top == (top,)
    assert tree.below(None) == (top,)
    assert [child.name for child in tree.below(top)] == ["z1", "z2"]
    assert (leaf.parent, first.parent, top.parent) == (first, top, None)
    assert [node.depth for node in tree.nodes] == [1, 2, 2, 3, 3]


def test_the_nearest_value_of_a_variable_wins_as_a_whole() -> None:
    tree = grown(
        spec("r", spec("z", vars={"net": {"mtu": 9000}}), vars={"net": {"mtu": 1500, "dns": "a"}, "x": 1})
    )

    assert tree.nodes[1].scope.values == {"net": {"mtu": 9000}, "x": 1}


def test_a_variable_stands_where_the_nearest_value_was_written() -> None:
    outer: dict[str, Any] = {"net": {"mtu": 1500, "dns": "a"}, "x": 1}
    tree = grown(spec("r", spec("z", spec("app"), vars={"net": {"mtu": 9000}}, line=20), vars=outer, line=10))

    assert tree.nodes[2].scope.origins == {"net": at(21), "net.mtu": at(21), "x": at(11)}
    assert tree.nodes[0].scope.origins == {"net": at(11), "net.mtu": at(11), "net.dns": at(11), "x": at(11)}


def test_places_of_keys_are_no_places_of_variables() -> None:
    top = NodeSpec(
        "r", at(1), after=("s",), vars={"x": 1}, origins={"after": at(2), "x": at(3), "extends": at(4)}
    )

    assert grown(top, spec("s")).nodes[0].scope.origins == {"x": at(3)}


def test_nodes_of_one_spec_share_their_variables() -> None:
    tree = grown(spec("r[1-3]", spec("z[1-2]", vars={"x": 1})))

    assert len({id(node.scope) for node in tree.nodes}) == 2


def test_variables_have_one_order_however_they_were_written() -> None:
    one = grown(spec("r", spec("z", vars={"b": {"d": 1, "c": [{"f": 1, "e": 2}]}}), vars={"c": 1, "a": 2}))
    other = grown(spec("r", spec("z", vars={"b": {"c": [{"e": 2, "f": 1}], "d": 1}}), vars={"a": 2, "c": 1}))

    assert repr(one.nodes[1].scope.values) == repr(other.nodes[1].scope.values)


def naive(tree: tuple[NodeSpec, ...], above: dict[str, int], prefix: str = "") -> dict[str, dict[str, int]]:
    """Paths and their variables, by saying it once more."""
    found: dict[str, dict[str, int]] = {}
    for one in tree:
        stem, _, rest = one.name.partition("[")
        first, _, last = rest.rstrip("]").partition("-")
        numbers = [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)] if rest else [""]
        for number in numbers:
            path = f"{prefix}/{stem}{number}"
            found[path] = {**above, **one.vars}
            found |= naive(one.children, found[path], path)
    return found


@given(specs())
def test_every_node_is_there_once_with_its_variables(tree: tuple[NodeSpec, ...]) -> None:
    found = grown(*tree)

    assert {node.path: node.scope.values for node in found.nodes} == naive(tree, {})
    assert len(found.nodes) == len(naive(tree, {}))


@given(specs(), st.data())
def test_a_part_has_the_way_to_a_path_and_all_below_it(
    tree: tuple[NodeSpec, ...], data: st.DataObject
) -> None:
    whole = names(grown(*tree))
    only = data.draw(st.sampled_from([*whole, "/nothing/here"]))

    part = names(grown(*tree, only=only))

    assert part == [path for path in whole if paths.within(path, only) or paths.within(only, path)]
