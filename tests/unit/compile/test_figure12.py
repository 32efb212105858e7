"""Figure 12 of HPL-2001-321: ten lines are 1,111 initiators and 10,000 leaves."""

from collections import Counter
from typing import Any

from ramify.compile.fleet import compile_fleet
from ramify.compile.planning import plan
from ramify.model.patterns import Kind
from ramify.model.plan import Summary
from unit.compile.bundles import bundle, compiled, document, entry, host, placement, sound, spec

LEVELS = ["/**" * depth for depth in range(1, 6)]
TREE = spec(
    "m",
    spec("region[0-9]", spec("zone[0-9]", spec("cluster[0-9]", spec("host[0-9]")))),
    vars={"interval": 60},
)
REGULAR, INITIATOR = "regular_config.xml", "initiator_config.xml"

FIGURE: dict[str, Any] = {
    "code": (
        entry(LEVELS[4], "agent", 1, Kind.PAPER),
        *(entry(level, "init", 2, Kind.PAPER) for level in LEVELS[:4]),
    ),
    "service": (
        entry(LEVELS[4], REGULAR, 3, Kind.PAPER),
        *(entry(level, INITIATOR, 4, Kind.PAPER) for level in LEVELS[:4]),
    ),
    "others": (
        document(REGULAR, {"INTERVAL": "{{ vars.interval }}", "NAME": "{{ node.name }}"}),
        document(INITIATOR, {"LEVEL": "{{ node.level }}"}),
    ),
    "hosts": (host("rack[0-9]"),),
    "placements": (placement("/**", host="rack{{ node.index or 0 }}"),),
}


def test_each_level_matches_exactly_its_own_entries() -> None:
    fleet = compiled(TREE, **FIGURE)

    assert len(fleet.tree.nodes) == 11_111
    assert list(fleet.diagnostics) == []
    refs = Counter(
        (node.depth, *(entry.ref for entry in (*fleet.taken(node).code, *fleet.taken(node).service)))
        for node in fleet.tree.nodes
    )
    assert refs == {
        (1, "init", INITIATOR): 1,
        (2, "init", INITIATOR): 10,
        (3, "init", INITIATOR): 100,
        (4, "init", INITIATOR): 1_000,
        (5, "agent", REGULAR): 10_000,
    }


def test_the_recursion_ends_where_no_initiator_is_configured() -> None:
    fleet = compiled(TREE, **FIGURE)

    made = [fleet.class_of(node).component for node in fleet.tree.nodes]
    assert sum(component is not None and component.deploys for component in made) == 1_111


def test_the_whole_is_planned_and_every_digest_is_its_own() -> None:
    fleet = compiled(TREE, **FIGURE)

    assert plan(fleet, "", {}).summary == Summary(add=11_111)
    assert len({found.node for found in fleet.digests.values()}) == 11_111


def test_every_initiator_finds_its_own_part_equal() -> None:
    made = bundle(TREE, **FIGURE)
    whole = sound(compile_fleet(made))

    for scope in (
        "/m/region3",
        "/m/region3/zone9",
        "/m/region3/zone9/cluster0",
        "/m/region3/zone9/cluster0/host1",
    ):
        part = sound(compile_fleet(made, scope))
        assert part.digests == {node.path: whole.digests[node.path] for node in whole.within(scope)}
        assert len(part.tree.nodes) == len(part.digests) + scope.count("/") - 1


def test_many_nodes_have_few_classes() -> None:
    fleet = compiled(TREE, **FIGURE)

    assert len({id(fleet.class_of(node)) for node in fleet.tree.nodes}) == len(LEVELS)
