"""Classes: configuration merged by file order, defaults of components, and what is wrong with either."""

import pytest
from msgspec import structs

from ramify.compile.classes import NodeClass, digest
from ramify.compile.profiles import profile
from ramify.model.component import Health, Parameter
from ramify.model.diagnostics import Origin
from ramify.model.profile import Profile
from unit.compile.bundles import AGENT, COMPONENTS, at, compiled, document, entry, node, problems, spec, told

APP = spec("app1")
A, B = "a.yml", "b.yml"


def made(*documents: object, **more: object) -> Profile:
    fleet = compiled(APP, documents=documents, **more)
    return profile(fleet, node(fleet, "/app1"))


def agent(**parameters: Parameter) -> dict[str, object]:
    """An agent with parameters, written in line 3 of its manifest."""
    return {"agent": structs.replace(AGENT, parameters=parameters, origin=at(3, "component.yml"))}


def env(found: Profile) -> dict[str, str | None]:
    return {value.name: value.text for value in found.service.env}


def origins(found: Profile, name: str) -> list[Origin]:
    (value,) = (value for value in found.service.env if value.name == name)
    return list(value.origins)


# Configuration.


def test_later_documents_win_over_earlier_ones_and_both_places_are_kept() -> None:
    found = made(document(A, {"X": "1", "Y": "1"}), document(B, {"Z": "2", "X": "2"}))

    assert env(found) == {"X": "2", "Y": "1", "Z": "2"}
    assert origins(found, "X") == [at(1, A), at(2, B)]
    assert origins(found, "Z") == [at(1, B)]


def test_file_order_decides_not_the_pattern() -> None:
    entries = entry("/app1", A), entry("/**", B)

    found = made(service=entries, others=[document(A, {"X": "near"}), document(B, {"X": "far"})])

    assert env(found) == {"X": "far"}


def test_bare_arguments_add_up_and_files_are_replaced_whole() -> None:
    found = made(
        document(A, args=["-v", "x"], files={"f": "1", "g": "1"}), document(B, args=["x"], files={"f": "2"})
    )

    assert [value.text for value in found.service.args] == ["-v", "x", "x"]
    assert {value.name: value.text for value in found.service.files} == {"f": "2", "g": "1"}


def test_a_document_that_two_entries_refer_to_applies_once_where_the_last_stands() -> None:
    entries = entry("/**", A), entry("/**", B), entry("/app*", A)

    found = made(service=entries, others=[document(A, {"X": "a"}, ["once"]), document(B, {"X": "b"}, ["b"])])

    assert env(found) == {"X": "a"}
    assert [value.text for value in found.service.args] == ["b", "once"]


def test_installer_and_service_are_configured_apart() -> None:
    found = made(
        document(A, {"X": "service"}), install=(entry("/**", B),), others=[document(B, {"X": "install"})]
    )

    assert [value.text for value in found.install.env] == ["install"]
    assert env(found) == {"X": "service"}


def test_one_name_may_be_a_variable_an_argument_and_a_file() -> None:
    found = made(document(A, {"X": "1"}, files={"X": "2"}))

    assert (found.service.env[0].text, found.service.files[0].text) == ("1", "2")


def test_defaults_of_a_component_come_first_with_their_place() -> None:
    components = agent(X=Parameter(default="1"), Y=Parameter(default="{{ node.name }}"), Z=Parameter())

    found = made(document(A, {"X": "2"}), components=components)

    assert env(found) == {"X": "2", "Y": "app1"}
    assert origins(found, "X") == [at(3, "component.yml"), at(1, A)]


def test_a_component_without_a_manifest_has_its_reference_for_a_place() -> None:
    components = {"agent": structs.replace(AGENT, parameters={"X": Parameter(default="1")})}

    assert origins(made(components=components), "X") == [Origin("agent", 1, 1)]


# What is wrong.


def test_two_codes_for_a_node_are_told_once_with_both_places() -> None:
    code = entry("/**/app*", "agent", 1), entry("/r/**", "init", 2), entry("/r", "init", 3)

    (found,) = problems(spec("r", spec("app[1-2]", vars={"x": 1}), spec("app3", vars={"x": 2})), code=code)

    assert (found.code, found.origin) == ("two-codes", at(1, "repository.yml"))
    assert found.summary.startswith(
        '/r/app1 and 2 more: gets more than one code reference: "agent" and "init" ('
    )
    assert "repository.yml:2:1" in found.summary


def test_the_same_code_twice_is_one_code() -> None:
    assert told(APP, code=(entry("/**", "agent", 1), entry("/app1", "agent", 2))) == []


@pytest.mark.parametrize("text", ["{{ node.name", "{% for %}", "{{ 1 | nonsense }}"])
def test_a_template_that_cannot_be_read_is_told_once(text: str) -> None:
    tree = spec("r", spec("app[1-9]"), vars={"x": 1}), spec("q", spec("app[1-9]"))

    assert told(*tree, documents=[document(A, {"OK": "1", "X": text})]) == [("bad-template", at(2, A))]


def test_a_name_that_is_not_there_is_told_once_with_the_closest() -> None:
    (found,) = problems(spec("r", spec("app[1-9]")), documents=[document(A, {"X": "{{ nodes.name }}"})])

    assert (found.code, found.origin, found.detail) == ("undefined", at(1, A), 'Did you mean "node"?')
    assert found.summary == '/r and 9 more: value of "X": "nodes" is not defined'


@pytest.mark.parametrize(
    ("text", "word", "closest"),
    [
        ("{{ vars.intervall }}", "intervall", "interval"),
        ("{{ vars.intervall + 1 }}", "intervall", "interval"),
        ("{{ node.nmae }}", "nmae", "name"),
        ("{{ node.vars.intervall }}", "intervall", "interval"),
        ("{{ host.adress }}", "adress", "address"),
        ("{{ children[0].pth }}", "pth", "path"),
    ],
)
def test_what_is_not_there_in_a_value_is_told_once_with_the_closest(
    text: str, word: str, closest: str
) -> None:
    tree = spec("r", spec("app[1-9]"), vars={"interval": 1})
    entries = (entry("/r" if "children" in text else "/**", A),)

    (found,) = problems(tree, service=entries, others=[document(A, {"OK": "1", "X": text})])

    assert (found.code, found.origin) == ("undefined", at(2, A))
    assert f'value of "X": "{word}" is not defined' in found.summary
    assert found.detail == f'Did you mean "{closest}"?'


def test_a_variable_that_some_nodes_lack_is_told_for_those() -> None:
    tree = spec("r", spec("app1", vars={"x": 1}), spec("app[2-4]"))

    (found,) = problems(tree, service=(entry("/**/app*", A),), others=[document(A, {"X": "{{ vars.x }}"})])

    assert found.summary == '/r/app2 and 2 more: value of "X": "x" is not defined'


def test_all_that_is_wrong_is_told_at_once() -> None:
    values = {"A": "{{ vars.a }}", "B": "{{ node.b }}", "C": "{{ host.c }}", "D": "{{ d }}", "E": "{{"}

    found = told(APP, documents=[document(A, values)])

    assert sorted((code, origin.line if origin else 0) for code, origin in found) == [
        ("bad-template", 5), ("undefined", 1), ("undefined", 2), ("undefined", 3), ("undefined", 4),
    ]  # fmt: skip


def test_a_variable_of_a_health_check_that_nobody_gives_is_told_with_the_closest() -> None:
    check = Health(kind="http", port="$PORT", host="$RAMIFY_ADDRESS")
    components = {**COMPONENTS, "agent": structs.replace(AGENT, health=check)}
    tree = spec("r", spec("app[1-3]"))

    (found,) = problems(tree, documents=[document(A, {"PROT": "1"})], components=components)

    assert found.summary == '/r/app1 and 2 more: the health check of agent needs a value for "PORT"'
    assert found.detail.endswith('Did you mean "PROT"?')
    assert not problems(tree, documents=[document(A, {"PORT": "1"})], components=components)


def test_a_required_parameter_that_nobody_gives_is_told_with_the_closest() -> None:
    components = {**COMPONENTS, **agent(PORT=Parameter(required=True))}

    (found,) = problems(
        spec("r", spec("app[1-3]")), documents=[document(A, {"PROT": "1"})], components=components
    )

    assert (found.code, found.origin) == ("missing-parameter", at(2, "repository.yml"))
    assert found.summary == '/r/app1 and 2 more: agent needs a value for "PORT"'
    assert found.detail.endswith('Did you mean "PROT"?')


def test_a_required_parameter_may_have_a_default() -> None:
    assert told(APP, components=agent(PORT=Parameter(required=True, default="1"))) == []


WRONG = [
    ("integer", "one"),
    ("integer", "1.5"),
    ("integer", ""),
    ("integer", "1_000"),
    ("number", "nan"),
    ("number", "1,5"),
    ("boolean", "True"),
    ("boolean", "1"),
]
RIGHT = [
    ("integer", "-12"), ("integer", "007"), ("number", "1"), ("number", "-.5e3"), ("number", "2."),
    ("boolean", "true"), ("boolean", "false"), ("string", ""), ("string", "a\nb"),
]  # fmt: skip


@pytest.mark.parametrize(
    "template", ["{text}", "{{{{ vars.v }}}}", "{{{{ node.vars.v }}}}", "{{{{ vars.v if host }}}}"]
)
@pytest.mark.parametrize(("kind", "text"), WRONG)
def test_a_value_of_another_type_is_told_once_however_it_is_made(kind: str, text: str, template: str) -> None:
    parameters = agent(P=Parameter(type=kind, description="What it is."))  # type: ignore[arg-type]
    tree = spec("r", spec("app[1-3]"), vars={"v": text})

    (found,) = problems(
        tree,
        components={**COMPONENTS, **parameters},
        service=(entry("/**/app*", A),),
        others=[document(A, {"OK": "1", "P": template.format(text=text)})],
    )

    assert (found.code, found.origin, found.detail) == ("wrong-type", at(2, A), "What it is.")
    assert found.summary.startswith(f'/r/app1 and 2 more: "P" takes a value of type {kind}, got ')


@pytest.mark.parametrize(("kind", "text"), RIGHT)
def test_values_of_each_type(kind: str, text: str) -> None:
    parameters = agent(P=Parameter(type=kind))  # type: ignore[arg-type]

    assert told(APP, components=parameters, documents=[document(A, {"P": text})]) == []


def test_true_and_false_of_yaml_are_booleans() -> None:
    tree = spec("app1", vars={"on": True})

    assert (
        told(
            tree,
            components=agent(P=Parameter(type="boolean")),
            documents=[document(A, {"P": "{{ vars.on }}"})],
        )
        == []
    )


def test_a_parameter_speaks_of_the_environment_only() -> None:
    assert (
        told(APP, components=agent(P=Parameter(type="integer")), documents=[document(A, files={"P": "text"})])
        == []
    )


# What the nodes of a class share.


def class_of(*documents: object, **more: object) -> NodeClass:
    fleet = compiled(spec("app1", vars={"x": "1"}), documents=documents, **more)
    return fleet.class_of(node(fleet, "/app1"))


def test_a_value_s_identity_is_its_text_and_not_how_it_was_written() -> None:
    assert (
        class_of(document(A, {"X": "1"})).service.digest
        == class_of(document(B, {"X": "{{ vars.x }}"})).service.digest
    )


@pytest.mark.parametrize(
    "other",
    [
        document(A, {"X": "2"}),
        document(A, {"Y": "1"}),
        document(A, {"X": "1", "Y": "1"}),
        document(A, {"X": "{{ node.name }}"}),
        document(A, {"X": "{{ host.name }}"}),
        document(A, {"X": "{{ facts.x }}"}),
        document(A, {"X": "{{ facts.y }}"}),
        document(A, args=["1"]),
        document(A, files={"X": "1"}),
    ],
)
def test_whatever_differs_shows_in_the_digest(other: object) -> None:
    assert class_of(other).service.digest != class_of(document(A, {"X": "1"})).service.digest


@pytest.mark.parametrize(
    "changed",
    [
        {"artifact": "c" * 64}, {"start": {"service": ("./other",)}}, {"start_from": "installer"},
        {"grace": 1.5}, {"role": "initiator"}, {"stop": structs.replace(AGENT.stop, timeout=11.0)},
        {"activate": structs.replace(AGENT.activate, signal="USR1")},
        {"deactivate": structs.replace(AGENT.deactivate, argv=("./off",))},
        {"reload": structs.replace(AGENT.reload, signal="HUP")},
        {"health": Health(kind="tcp", port="80")},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_a_component_does_to_its_service_shows_in_the_digest(changed: dict[str, object]) -> None:
    other = class_of(components={"agent": structs.replace(AGENT, **changed)})

    assert other.service.digest != class_of().service.digest


@pytest.mark.parametrize(
    "changed",
    [{"artifact": "c" * 64}, {"install": ("i",)}, {"uninstall": ("u",)}, {"install_timeout": 1.0}],
    ids=str,
)
def test_whatever_a_component_does_to_its_environment_shows_in_the_digest(changed: dict[str, object]) -> None:
    other = class_of(components={"agent": structs.replace(AGENT, **changed)})

    assert other.install.digest != class_of().install.digest


def test_a_number_has_one_identity_however_it_was_written() -> None:
    stop = structs.replace(AGENT.stop, timeout=10)
    ill = Health(kind="tcp", port="80", interval=2, timeout=1, start_period=0)
    well = Health(kind="tcp", port="80", interval=2.0, timeout=1.0, start_period=0.0)
    whole = structs.replace(AGENT, grace=1, install_timeout=60, stop=stop, health=ill)
    real = structs.replace(AGENT, grace=1.0, install_timeout=60.0, health=well)
    real = structs.replace(real, stop=structs.replace(stop, timeout=10.0))

    one, other = class_of(components={"agent": whole}), class_of(components={"agent": real})

    assert (one.service.digest, one.install.digest) == (other.service.digest, other.install.digest)


def test_a_mode_shows_in_the_digest() -> None:
    plain = document(A, files={"f": "x"})
    secret = structs.replace(plain, files=(structs.replace(plain.files[0], mode=0o400),))

    assert class_of(plain).service.digest != class_of(secret).service.digest


def test_the_order_of_mappings_does_not_show_in_a_digest() -> None:
    assert digest([{"a": 1, "b": {"c": 2, "d": 3}}]) == digest([{"b": {"d": 3, "c": 2}, "a": 1}])
