"""Proofs: from any node up to the root of its realm, and nothing else leads there."""

import hashlib
import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ramify.compile import proofs
from ramify.compile.digests import merkle_root
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.proofs import Level, Proof
from ramify.compile.tree import Node
from ramify.model.hierarchy import Domain
from unit.compile.bundles import at, bundle, compiled, document, spec

INNER = Domain(at(5), repository="r.yml", hierarchy="h.yml")
VALUES = document(
    "v.yml", {"A": "{{ node.name }}", "B": "constant", "C": "{{ host.address }}", "D": "{{ facts.os }}"}
)


def word(value: object) -> str:
    """A digest, made without a line of the product."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def fold(fleet: Fleet, node: Node, way: Proof) -> str:
    """The root that a proof leads to, as a host works it out."""
    below = proofs.below(fleet, node)
    own = fleet.digests[node.path].node
    current = word(["subtree", own, below]) if below else own
    for level in way:
        for side, other in level.beside:
            current = word(["pair", other, current] if side == "left" else ["pair", current, other])
        current = word(["subtree", level.node, current]) if level.node else current
    return current


def fleet_of(widths: tuple[int, int, int]) -> Fleet:
    regions, zones, apps = widths
    inner = bundle(spec("z[1-3]", spec("app[1-2]")), placements=(), hosts=(), documents=(VALUES,))
    tree = spec(f"r[1-{regions}]", spec(f"z[1-{zones}]", spec(f"app[1-{apps}]")), spec("m", domain=INNER))
    return compiled(tree, domains={INNER.key: inner}, documents=(VALUES,))


@given(st.tuples(*(st.integers(1, 6),) * 3))
def test_every_node_is_led_to_the_root_of_its_realm(widths: tuple[int, int, int]) -> None:
    fleet = fleet_of(widths)

    for node in fleet.tree.nodes:
        root = proofs.tree_digest(fleet, proofs.mount_of(node))
        assert fold(fleet, node, proofs.proof(fleet, node)) == root


def test_an_initiator_goes_on_where_its_parents_proof_ended() -> None:
    whole = fleet_of((3, 4, 5))
    for scope in ("/r2", "/r2/z3", "/r1/m"):
        part = compile_fleet(whole.bundle, scope)
        above = proofs.proof(whole, whole.by_path[scope])
        for node in part.within(scope):
            way = proofs.proof(part, node, above)
            assert way == proofs.proof(whole, whole.by_path[node.path]), node.path


def test_a_proof_of_thousands_of_siblings_is_a_dozen_digests() -> None:
    fleet = compiled(spec("top", spec("app[1-4000]")))

    (level, root) = proofs.proof(fleet, fleet.by_path["/top/app2345"])

    assert len(level.beside) <= 12
    assert root == Level((), None)


def test_evidence_is_what_the_digests_were_made_of() -> None:
    fleet = fleet_of((2, 2, 2))

    for node in fleet.tree.nodes:
        said = proofs.evidence(fleet, node)
        made = fleet.digests[node.path]
        environment, service = said.environment or said.install, said.service
        assert hashlib.sha256(environment.encode()).hexdigest() == made.environment
        assert hashlib.sha256(service.encode()).hexdigest() == made.service
        assert word(["node", made.environment, made.service]) == made.node
        assert msgspec.json.decode(service)[0] == hashlib.sha256(said.service_class.encode()).hexdigest()


def test_evidence_names_late_values_by_their_templates_and_own_ones_by_what_they_are() -> None:
    fleet = compiled(spec("top", spec("app1")), documents=(VALUES,))

    said = proofs.evidence(fleet, fleet.by_path["/top/app1"])

    _, known = msgspec.json.decode(said.service_class)
    assert known == [
        ["env", "A", 0, False, None],
        ["env", "B", 0, False, "constant"],
        ["env", "C", 0, True, "{{ host.address }}"],
        ["env", "D", 0, True, "{{ facts.os }}"],
    ]
    assert msgspec.json.decode(said.service)[1:] == ["acme", "/top/app1", [], ["app1"]]


def test_the_node_of_a_domain_says_that_its_children_are_late() -> None:
    fleet = fleet_of((1, 1, 1))

    said = proofs.evidence(fleet, fleet.by_path["/r1/m"])

    assert msgspec.json.decode(said.service)[3] is None
    assert proofs.below(fleet, fleet.by_path["/r1/m"]) == ""


@given(st.lists(st.text("ab", min_size=1, max_size=3), min_size=2, max_size=9, unique=True), st.data())
def test_no_two_lists_have_one_root(words: list[str], data: st.DataObject) -> None:
    other = data.draw(st.permutations(words))

    assert (merkle_root(words) == merkle_root(other)) == (words == other)
