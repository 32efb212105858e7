"""Explaining: nothing that was written is left out, and the winner is what the node gets."""

import pytest
from hypothesis import given, settings

from ramify.compile import explain as explaining
from ramify.compile.explain import Explained, Explanation, explain, keys, narrowed
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.profiles import profile, values
from ramify.model.bundle import Bundle
from ramify.model.profile import LATE
from unit.compile.bundles import (
    ANYWHERE,
    bundle,
    compiled,
    document,
    entry,
    fleets,
    node,
    placement,
    spec,
)


def explained(fleet: Fleet, path: str) -> Explanation:
    return explain(fleet, node(fleet, path))


def value(fleet: Fleet, path: str, key: str) -> Explained:
    (found,) = [one for one in explained(fleet, path).values if one.key == key]
    return found


# Values.


def test_a_value_tells_the_default_and_every_document_in_order() -> None:
    documents = (document("a", {"A": "1"}), document("b", {"A": "{{ vars.x }}"}), document("c", {"B": "3"}))
    service = (entry("/**", "a", 3), entry("/app* !/app2", "b", 4), entry("/app1", "c", 5))
    fleet = compiled(spec("app1", vars={"x": "two"}), service=service, others=documents)
    found = value(fleet, "/app1", "service.env.A")

    assert found.text == "two"
    assert [(said.outcome, str(said.origin), said.text, said.by) for said in found.said] == [
        ("overridden", "a:1:1", '"1"', 'repository.yml:3:1 "/**"'),
        ("wins", "b:1:1", '"{{ vars.x }}"', 'repository.yml:4:1 "/app*"'),
    ]
    assert [(read.name, read.text, str(read.origin)) for read in found.reads] == [
        ("vars.x", "two", "hierarchy.yml:2:1")
    ]


def test_bare_arguments_have_numbers_and_one_origin_each() -> None:
    documents = (document("a", args=("-v", "-x")), document("b", args=("-y",)))
    service = (entry("/**", "a"), entry("/**", "b"))
    fleet = compiled(spec("app1"), service=service, others=documents)

    assert [(one.key, one.text, len(one.said)) for one in explained(fleet, "/app1").values] == [
        ("service.args.0", "-v", 1),
        ("service.args.1", "-x", 1),
        ("service.args.2", "-y", 1),
    ]


@given(fleets())
@settings(max_examples=60, deadline=None)
def test_what_is_explained_is_what_the_profile_says(made: Bundle) -> None:
    fleet = compile_fleet(made)
    for one in fleet.tree.nodes[:6]:
        said = {v.key: v for v in explain(fleet, one).values if not v.key.startswith("vars.")}
        expected = values(profile(fleet, one))
        assert {key: LATE if v.text is None else v.text for key, v in said.items()} == {
            key: text for key, text in expected.items() if not key.startswith("code")
        }
        parts = profile(fleet, one).service
        origins = [v.origins for v in (*parts.env, *parts.args, *parts.files)]
        assert {tuple(s.origin for s in v.said) for v in said.values()} == set(origins)
        assert all([s.outcome for s in v.said].count("wins") == 1 for v in said.values())


# Entries.


def test_entries_are_told_with_their_patterns_and_what_became_of_them() -> None:
    service = (entry("/app1", "a", 3), entry("/** !/x", "b", 4), entry("/app*", "a", 5))
    rules = (placement("/app*", 8, host="h1"), *ANYWHERE)
    others = (document("a"), document("b"))
    fleet = compiled(spec("app1"), service=service, others=others, placements=rules)

    assert [
        (use.list, use.origin.line, use.pattern, use.outcome) for use in explained(fleet, "/app1").entries
    ] == [
        ("code", 2, "/**/app*", "wins"),
        ("service-config", 3, "/app1", "overridden"),
        ("service-config", 4, "/**", "applies"),
        ("service-config", 5, "/app*", "applies"),
        ("placements", 8, "/app*", "wins"),
        ("placements", 9, "/**", "not reached"),
    ]


def test_a_node_with_errors_is_explained_all_the_same() -> None:
    code = (entry("/app*", "agent", 1), entry("/**", "init", 2))
    documents = [document("a", {"A": "{{ vars.nothing }}"})]
    fleet = compile_fleet(bundle(spec("app1"), code=code, documents=documents, placements=()))
    found = explained(fleet, "/app1")

    assert found.host == ""
    assert [use.outcome for use in found.entries if use.list == "code"] == ["refused", "refused"]
    assert found.values[0].text is None
    assert '"nothing" is not defined' in found.values[0].problem


# Keys.


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("service.env.A", ["service.env.A"]),
        ("A", ["install.env.A", "service.env.A"]),
        ("a", ["install.env.A", "service.env.A"]),
        ("env.A", ["install.env.A", "service.env.A"]),
        ("service", ["service.env.A", "service.args.0", "service.files.etc/x.conf"]),
        ("service.files", ["service.files.etc/x.conf"]),
        ("etc/x.conf", ["service.files.etc/x.conf"]),
        ("vars", ["vars.x"]),
        ("x", ["vars.x"]),
        ("code", []),
        ("host", []),
        ("service-config", []),
    ],
)
def test_a_key_narrows(key: str, expected: list[str]) -> None:
    documents = (document("i", {"A": "1"}), document("s", {"A": "2"}, ("-v",), {"etc/x.conf": "x"}))
    fleet = compiled(
        spec("app1", vars={"x": 1}),
        install=(entry("/**", "i"),),
        service=(entry("/**", "s"),),
        others=documents,
    )
    found = narrowed(explained(fleet, "/app1"), key)

    assert found is not None
    assert [one.key for one in found.values] == expected
    assert bool(found.entries) == (not expected)


def test_a_key_that_is_not_there_can_be_guessed() -> None:
    made = explained(compiled(spec("app1", vars={"x": 1}), documents=[document("s", {"A": "2"})]), "/app1")

    assert narrowed(made, "B") is None
    assert keys(made) == {"vars.x", "x", "service.env.A", "A"}
    assert explaining.WINS in {said.outcome for one in made.values for said in one.said}
