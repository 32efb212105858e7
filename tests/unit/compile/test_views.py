"""Views: what the templates of a node see of it and of those around it."""

import pytest
from msgspec import structs

from ramify.compile.fleet import compile_fleet
from ramify.compile.profiles import profile
from unit.compile.bundles import bundle, compiled, document, entry, host, placement, problems, spec

A = "a.yml"
TREE = spec("r", spec("z[1-2]", spec("app[01-03]", vars={"x": 3}), vars={"x": 2}), vars={"x": 1, "y": 1})
WHERE = {
    "hosts": (
        host("h[1-9]", address="10.0.0.{{ index }}", labels={"rack": "k{{ index }}"}, service_port=80),
    ),
    "placements": (
        placement("/**/app*", host="h{{ 2 + node.index }}"),
        placement("/**", host="h{{ node.level }}"),
    ),
}


def seen(path: str, text: str) -> str | None:
    made = {"service": (entry(path, A),), "others": (document(A, {"X": text}),)}
    fleet = compiled(TREE, **WHERE, **made)
    (value,) = profile(fleet, fleet.by_path[path]).service.env
    return value.text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ node.path }} {{ node.name }} {{ node.index }} {{ node.level }}", "/r/z2/app02 app02 2 3"),
        ("{{ node.vars.x }} {{ parent.vars.x }} {{ parent.parent.vars.x }} {{ vars.y }}", "3 2 1 1"),
        ("{{ parent.path }} {{ parent.index }} {{ parent.parent.level }}", "/r/z2 2 1"),
        ("{{ parent.parent.parent.path }} '{{ parent.parent.parent.name }}'", "/ ''"),
        ("{{ children | length }}", "0"),
        ("{{ parent.children | map(attribute='name') | join(',') }}", "app01,app02,app03"),
        ("{{ parent.children[0].vars.x }}", "3"),
        ("{{ parent.parent.children[0].children | length }}", "3"),
        (
            "{{ host.name }} {{ host.address }} {{ host.labels.rack }} {{ host.service_port }}",
            "h4 10.0.0.4 k4 80",
        ),
        ("{{ node.host.name }} {{ parent.host.name }} {{ parent.parent.host.name }}", "h4 h2 h1"),
        ("{{ parent.children | map(attribute='host.name') | join(',') }}", "h3,h4,h5"),
        ("{{ '-' if not parent.parent.parent.host else 'x' }}", "-"),
    ],
)
def test_what_a_leaf_sees(text: str, value: str) -> None:
    assert seen("/r/z2/app02", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ parent.path }}{{ parent.name }}{{ parent.level }}", "/0"),
        ("{{ '-' if parent.index is none else parent.index }}", "-"),
        ("{{ parent.host.address if parent.host }}", ""),
        ("{{ children | map(attribute='path') | join(' ') }}", "/r/z1 /r/z2"),
        (
            "{% for zone in children %}{{ zone.host.name }}:{{ zone.children | length }} {% endfor %}",
            "h2:3 h2:3 ",
        ),
    ],
)
def test_what_a_top_node_sees(text: str, value: str) -> None:
    assert seen("/r", text) == value


@pytest.mark.parametrize(
    "text", ["{{ node }}", "{{ host }}", "{{ children }}", "{{ parent.vars }}", "{{ node.index }}"]
)
def test_what_is_no_text_is_refused(text: str) -> None:
    tree = spec("r", spec("app1"), vars={"x": 1})

    (found,) = problems(tree, service=(entry("/r/app1", A),), others=(document(A, {"X": text}),))

    assert (found.code, "an expression gives" in found.summary) == ("undefined", True)


@pytest.mark.parametrize(
    "text", ["{{ parent.vars.x }}", "{{ parent.parent.path }}", "{{ parent.host.address }}"]
)
def test_the_root_has_neither_variables_nor_a_host(text: str) -> None:
    tree = spec("r", spec("app"), vars={"x": 1})

    (found,) = problems(tree, service=(entry("/r", A),), others=(document(A, {"X": text}),))

    assert found.code == "undefined"


def test_templates_cannot_change_what_they_see() -> None:
    text = "{{ vars.update({'x': 9}) }}{{ node.vars.pop('x') }}"
    made = bundle(spec("app", vars={"x": 1}), documents=[document(A, {"X": text})])

    fleet = compile_fleet(made)

    assert fleet.diagnostics.failed
    assert fleet.by_path["/app"].scope.values == {"x": 1}
    assert structs.asdict(made.hierarchy.tree[0])["vars"] == {"x": 1}
