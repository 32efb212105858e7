"""The hierarchy as a tree."""

from collections.abc import Callable

from ramify.cli import tree_view
from ramify.cli.tree_view import ASCII, Branch, merged
from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from unit.cli import fleets

Golden = Callable[[str, str], None]


def branch(fleet: Fleet, node: Node) -> Branch:
    host = fleet.host_of(node.path)
    return Branch(
        (node.name,),
        (host.name if host else "",),
        fleets.component(fleet, node.path),
        tuple(branch(fleet, child) for child in fleet.tree.below(node)),
    )


def branches(fleet: Fleet) -> list[Branch]:
    return [branch(fleet, node) for node in fleet.tree.top]


def test_a_small_tree_shows_each_node(golden: Golden) -> None:
    golden("cli/tree-small.txt", tree_view.text("acme", branches(fleets.compiled(fleets.small()))) + "\n")


def test_a_large_tree_folds_siblings_that_are_alike(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    golden("cli/tree-large.txt", tree_view.text("acme", branches(fleet), ASCII) + "\n")


def test_merging_loses_no_node() -> None:
    leaf = Branch(("a1",), ("h1",), "x")
    found = merged([Branch(("r1",), ("g",), "i", (leaf,)), leaf, Branch(("r2",), ("g",), "i", (leaf,))])
    assert [(one.names, one.size) for one in found] == [(("r1", "r2"), 4), (("a1",), 1)]
