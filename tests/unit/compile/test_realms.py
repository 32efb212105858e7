"""Domains: a realm of its own below a node, the same wherever it is mounted (HPL 5.6, H43, H44)."""

from typing import Any

from msgspec import structs

from ramify.compile.explain import explain
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import plan
from ramify.compile.profiles import profile
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostic, Severity
from ramify.model.hierarchy import Assertion, Domain, NodeSpec
from ramify.model.inventory import HostSpec
from ramify.model.plan import Action
from unit.compile.bundles import (
    HOSTS,
    at,
    bundle,
    compiled,
    document,
    entry,
    host,
    node,
    placement,
    problems,
    spec,
)

PA = Domain(at(5), repository="m7.xml", hierarchy="m7.yml")


def mount(name: str, domain: Domain = PA, **more: Any) -> NodeSpec:
    return spec(name, domain=domain, **more)


def m7(*tree: NodeSpec, **more: Any) -> Bundle:
    """What Figure 14 puts below /MA/M7: /M-PA there, with a printer agent that says where it is."""
    told = document("pa.yml", {"WHERE": "{{ node.path }} {{ parent.path }} {{ node.level }}"})
    return bundle(
        *(tree or (spec("M-PA", spec("app1")),)), documents=(told,), placements=(), hosts=(), **more
    )


def figure14(*more: NodeSpec, **parts: Any) -> Fleet:
    return compiled(
        spec("MA", mount("M7"), *more), domains={PA.key: m7(), **parts.pop("domains", {})}, **parts
    )


def errors(*tree: NodeSpec, **more: Any) -> list[Diagnostic]:
    return [problem for problem in problems(*tree, **more) if problem.severity is Severity.ERROR]


def env(fleet: Fleet, path: str) -> dict[str, str | None]:
    return {value.name: value.text for value in profile(fleet, node(fleet, path)).service.env}


def test_a_domain_is_grown_below_its_node_with_full_paths() -> None:
    assert list(figure14().by_path) == ["/MA", "/MA/M7", "/MA/M7/M-PA", "/MA/M7/M-PA/app1"]


def test_inside_a_domain_paths_begin_at_its_mount() -> None:
    fleet = figure14()

    assert env(fleet, "/MA/M7/M-PA") == {"WHERE": "/M-PA / 1"}
    assert env(fleet, "/MA/M7/M-PA/app1") == {"WHERE": "/M-PA/app1 /M-PA 2"}


def test_nothing_is_inherited_from_around_a_domain() -> None:
    greedy = document("greedy.yml", {"X": "{{ vars.x }}"})
    inner = bundle(spec("app1"), documents=(greedy,), placements=(), hosts=())

    (problem,) = errors(spec("MA", mount("M7", vars={"x": "outer"})), domains={PA.key: inner})

    assert (problem.code, "/MA/M7/app1" in problem.summary) == ("undefined", True)


def test_the_repository_around_a_domain_says_nothing_inside() -> None:
    outside = document("outside.yml", {"OUTSIDE": "yes"})

    fleet = figure14(documents=(outside,))

    assert "OUTSIDE" in env(fleet, "/MA/M7")
    assert "OUTSIDE" not in env(fleet, "/MA/M7/M-PA")


def test_a_domain_used_twice_is_two_subtrees_with_the_same_digests() -> None:
    fleet = figure14(mount("M8"))
    seven, eight = (fleet.digests[f"/MA/{name}/M-PA"] for name in ("M7", "M8"))

    assert seven.subtree == eight.subtree
    assert seven.binding != eight.binding, "a service knows its full path"


def test_a_change_in_a_domain_changes_no_digest_around_it() -> None:
    before = figure14()
    after = compiled(spec("MA", mount("M7")), domains={PA.key: m7(spec("M-PA", spec("app2")))})

    for path in ("/MA", "/MA/M7"):
        assert before.digests[path].subtree == after.digests[path].subtree
    assert before.digests["/MA/M7/M-PA"].subtree != after.digests["/MA/M7/M-PA"].subtree


def test_a_mount_is_told_anew_when_its_children_get_other_names() -> None:
    before = figure14()
    after = compiled(spec("MA", mount("M7")), domains={PA.key: m7(spec("M-PB"))})

    assert before.digests["/MA/M7"].binding != after.digests["/MA/M7"].binding


def test_domains_nest() -> None:
    inner = Domain(at(6), repository="deep.yml", hierarchy="deep.yml")
    middle = m7(
        spec("M-PA", mount("X", inner)), domains={inner.key: bundle(spec("app1"), placements=(), hosts=())}
    )

    fleet = compiled(spec("MA", mount("M7")), domains={PA.key: middle})

    deep = node(fleet, "/MA/M7/M-PA/X/app1")
    assert (deep.local, fleet.realm_of(deep).number) == ("/app1", 2)
    assert fleet.host_of(deep.path) is not None, "the placements of the outermost inventory reach all the way"


def test_a_domain_without_a_hierarchy_has_what_is_written_below_its_node() -> None:
    domain = Domain(at(5), repository="m7.xml")
    inner = bundle(placements=(), hosts=(), documents=(document("a.yml", {"P": "{{ node.path }}"}),))

    fleet = compiled(spec("MA", spec("M7", spec("app1"), domain=domain)), domains={domain.key: inner})

    assert env(fleet, "/MA/M7/app1") == {"P": "/app1"}


def test_placements_around_a_domain_know_full_paths() -> None:
    rules = (placement("/MA/M7/**/app*", host="h7"), placement("/**", host="h1"))

    fleet = figure14(placements=rules)

    assert [made.name for path in fleet.by_path if (made := fleet.host_of(path))] == ["h1", "h1", "h1", "h7"]


def test_an_inventory_of_a_domain_places_by_its_own_paths() -> None:
    domain = Domain(at(5), repository="m7.xml", hierarchy="m7.yml", inventory="m7-hosts.yml")
    inner = bundle(spec("app1"), placements=(placement("/app1", host="inside"),), hosts=(host("inside"),))

    fleet = compiled(spec("MA", mount("M7", domain)), domains={domain.key: inner})

    placed = fleet.host_of("/MA/M7/app1")
    assert placed is not None
    assert placed.name == "inside"


def test_two_hosts_of_one_name_are_refused_unless_they_are_the_same() -> None:
    domain = Domain(at(5), repository="m7.xml", hierarchy="m7.yml", inventory="m7-hosts.yml")
    tree = spec("MA", mount("M7", domain), mount("M8", domain))

    def found(hosts: tuple[HostSpec, ...]) -> list[str]:
        inner = bundle(spec("app1"), placements=(placement("/app1", host="h1"),), hosts=hosts)
        return [problem.code for problem in errors(tree, domains={domain.key: inner})]

    assert found(HOSTS) == []
    assert found((host("h1", address="10.9.9.9"),)) == ["two-hosts"]


def test_a_node_with_a_domain_needs_an_initiator_even_if_nobody_sees_inside() -> None:
    served = Domain(at(5), server="http://10.9.0.1/", planned="there")

    (problem,) = errors(spec("MA", spec("app7", domain=served)))

    assert problem.code == "not-an-initiator"


def test_what_only_an_initiator_can_ask_for_is_unseen_and_never_taken_away() -> None:
    served = Domain(at(5), server="http://10.9.0.1/", planned="there")
    fleet = compiled(spec("MA", mount("M7", served)))

    assert fleet.unseen == ["/MA/M7"]
    assert [made.path for made in plan(fleet, "b", {}).nodes if made.action is Action.CREATE] == [
        "/MA",
        "/MA/M7",
    ]


def test_a_part_compiles_to_the_same_as_the_whole() -> None:
    whole = figure14()

    for scope in ("/MA", "/MA/M7", "/MA/M7/M-PA"):
        part = compile_fleet(whole.bundle, scope)
        assert {path: whole.digests[path] for path in part.digests} == part.digests
        assert scope in part.digests


def test_patterns_that_match_nothing_in_a_domain_are_told_once_however_often_it_is_mounted() -> None:
    inner = m7()
    lists = structs.replace(inner.repository, code=(*inner.repository.code, entry("/nowhere", "init", 9)))

    found = problems(
        spec("MA", mount("M7"), mount("M8")), domains={PA.key: structs.replace(inner, repository=lists)}
    )

    assert [problem.summary for problem in found].count('pattern "/nowhere" matches no node') == 1


def test_asserts_of_a_domain_hold_inside_it() -> None:
    wrong = Assertion(("/M-PA",), "node.path == '/elsewhere'", "not there", at(7))

    (problem,) = errors(spec("MA", mount("M7")), domains={PA.key: m7(assertions=(wrong,))})

    assert (problem.code, problem.origin) == ("assert", at(7))


def test_explain_tells_the_entries_of_the_domain_and_the_placement_around_it() -> None:
    fleet = figure14()

    made = explain(fleet, node(fleet, "/MA/M7/M-PA"))

    assert [use.list for use in made.entries] == ["code", "service-config", "placements"]


def test_placements_around_a_domain_see_its_nodes_from_outside() -> None:
    rules = (
        placement("/MA/M7/*", host="h{{ parent.name[1:] }}"),
        placement("/MA/M7/*/*", host="h{{ node.level }}{{ node.path.count('/') }}"),
        placement("/**", host="h1"),
    )

    fleet = figure14(placements=rules, hosts=(host("h[1-50]"),))

    assert {path: fleet.host_of(path).name for path in fleet.by_path if fleet.host_of(path)} == {  # type: ignore[union-attr]
        "/MA": "h1",
        "/MA/M7": "h1",
        "/MA/M7/M-PA": "h7",
        "/MA/M7/M-PA/app1": "h44",
    }


def test_the_placement_that_takes_a_node_of_a_domain_is_the_one_that_wins() -> None:
    fleet = figure14(placements=(placement("/MA/M7/**", 9, host="h2"), placement("/**", 10, host="h1")))

    uses = [
        (use.origin.line, use.outcome)
        for use in explain(fleet, node(fleet, "/MA/M7/M-PA")).entries
        if use.list == "placements"
    ]

    assert uses == [(9, "wins"), (10, "not reached")]
