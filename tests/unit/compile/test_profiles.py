"""Profiles: every value with its text and its places, late ones when they are known."""

import pytest
from msgspec import structs

from ramify.compile.fleet import compile_fleet
from ramify.compile.profiles import profile, values
from ramify.model.component import Parameter
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.profile import LATE, Part, Profile, Value
from unit.compile.bundles import AGENT, COMPONENTS, at, bundle, compiled, document, entry, node, spec

A = "a.yml"
TREE = spec("r", spec("app[1-2]", vars={"y": {"k": 2}}, line=10), vars={"x": 1}, line=4)


def of(path: str, *documents: object, facts: dict[str, object] | None = None, **more: object) -> Profile:
    fleet = compiled(TREE, documents=documents, **more)
    return profile(fleet, node(fleet, path), facts)


def test_a_profile_says_what_a_node_is_and_where_that_was_written() -> None:
    fleet = compiled(TREE)
    found = profile(fleet, node(fleet, "/r/app1"))
    digests = fleet.digests["/r/app1"]

    assert (found.path, found.host, found.component) == ("/r/app1", "h1", AGENT)
    assert (found.environment_digest, found.service_digest) == (digests.environment, digests.service)
    assert (found.digest, found.subtree, found.binding) == (digests.node, digests.subtree, digests.binding)
    assert found.code_origin == at(2, "repository.yml")
    assert found.vars == {"x": 1, "y": {"k": 2}}
    assert found.var_origins == {"x": at(5), "y": at(11), "y.k": at(11)}
    assert found.children == ()
    assert profile(fleet, node(fleet, "/r")).children == ("/r/app1", "/r/app2")


def test_values_of_each_reach_have_text_template_and_places() -> None:
    written = {
        "A": "a",
        "B": "{{ vars.x }}",
        "C": "{{ node.name }}",
        "D": "{{ host.address }}",
        "E": "{{ facts.cpus }}",
    }

    assert of("/r/app1", document(A, written)).service.env == (
        Value("A", "a", (at(1, A),), mode=0),
        Value("B", "1", (at(2, A),), "{{ vars.x }}", mode=0),
        Value("C", "app1", (at(3, A),), "{{ node.name }}", mode=0),
        Value("D", "10.0.0.1", (at(4, A),), "{{ host.address }}", late=True, mode=0),
        Value("E", None, (at(5, A),), "{{ facts.cpus }}", late=True, mode=0),
    )


def test_facts_make_late_values_known() -> None:
    text = "{{ facts.cpus * 2 }} of {{ host.name }} for {{ node.name }} at {{ vars.x }}"

    (value,) = of("/r/app1", document(A, {"N": text}), facts={"cpus": 4}).service.env

    assert (value.text, value.late) == ("8 of h1 for app1 at 1", True)


def test_facts_change_no_digest() -> None:
    values = document(A, {"N": "{{ facts.cpus }}"})

    one, other = of("/r/app1", values), of("/r/app1", values, facts={"cpus": 4})

    assert (one.digest, one.binding) == (other.digest, other.binding)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{{ facts.cpsu }}", "undefined", 'value of "N": "cpsu" is not defined'),
        ("{{ facts.os }}", "wrong-type", '"N" takes a value of type integer, got "{{ facts.os }}"'),
        ("{{ facts.none }}", "undefined", 'value of "N": an expression gives none'),
    ],
)
def test_facts_that_do_not_fit_are_refused_and_nothing_is_made_of_them(
    text: str, code: str, words: str
) -> None:
    agent = structs.replace(AGENT, parameters={"N": Parameter(type="integer")})
    entries = {"service": (entry("/**/app*", A),), "others": (document(A, {"N": text}),)}
    fleet = compiled(TREE, components={**COMPONENTS, "agent": agent}, **entries)

    with pytest.raises(DiagnosticsError) as caught:
        profile(fleet, node(fleet, "/r/app1"), {"cpus": 4, "os": "debian", "none": None})

    (found,) = caught.value.diagnostics
    assert (found.code, found.origin) == (code, at(1, A))
    assert found.summary == f"/r/app1: {words}"


def test_arguments_and_files_keep_their_order_and_modes() -> None:
    made = document(A, args=["-x", "{{ node.name }}"], files={"b": "1", "a": "{{ vars.x }}\n"})
    made = structs.replace(made, files=(structs.replace(made.files[0], mode=0o644), made.files[1]))

    found = of("/r/app1", made).service

    assert [value.text for value in found.args] == ["-x", "app1"]
    assert [(value.name, value.text, value.mode) for value in found.files] == [
        ("b", "1", 0o644),
        ("a", "1\n", 0o600),
    ]


def test_a_node_without_configuration_has_none() -> None:
    found = of("/r/app1")

    assert (found.install, found.service) == (Part(), Part())


def test_flat_values_name_everything_once() -> None:
    service = document(A, {"X": "{{ vars.x }}", "N": "{{ facts.cpus }}"}, ["-v", "on"], {"f": "text"})

    found = values(
        of("/r/app1", service, install=(entry("/**", "i.yml"),), others=[document("i.yml", {"X": "i"})])
    )

    assert found == {
        "code": "agent",
        "code.digest": "a" * 12,
        "install.env.X": "i",
        "service.env.X": "1",
        "service.env.N": LATE,
        "service.args.0": "-v",
        "service.args.1": "on",
        "service.files.f": "text",
    }


def test_a_profile_of_what_was_compiled_with_errors_is_our_own_mistake() -> None:
    fleet = compile_fleet(bundle(TREE, placements=()))

    with pytest.raises(RuntimeError, match="/r/app1 was compiled with errors"):
        profile(fleet, node(fleet, "/r/app1"))
