"""Where variables come from: templates, and nodes above; what each layer says and what becomes of it."""

from textwrap import dedent
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.compile import variables
from ramify.compile.explain import Explained, explain
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.merging import deep_merge
from ramify.documents import hierarchy
from ramify.model.bundle import Bundle
from unit.compile.bundles import bundle, node, spec

TREE = """\
templates:
  base: {vars: {interval: 30, limits: {cpu: 1, mem: 2}}}
  site:
    extends: base
    vars: {limits: {cpu: 3}}
    children:
      room[1-2]: {extends: base, vars: {limits: {mem: 9}}}
tree:
  top:
    vars: {interval: 5, tz: UTC}
    children:
      a:
        extends: site
        children:
          room[1-2]:
            vars: {interval: 7}
            children: {app: {}}
"""


def grown(text: str = TREE, **more: Any) -> Fleet:
    tree, problems = hierarchy.read(dedent(text), "hierarchy.yml")
    assert tree is not None, list(problems)
    made = bundle(*tree.tree, templates=tree.templates.values(), **more)
    return compile_fleet(made)


def value(fleet: Fleet, path: str, key: str) -> Explained:
    (found,) = [one for one in explain(fleet, node(fleet, path)).values if one.key == key]
    return found


def test_a_variable_tells_every_template_and_node_that_speaks_of_it() -> None:
    found = value(grown(), "/top/a/room1/app", "vars.interval")

    assert found.text == "7"
    assert [(said.outcome, said.origin.line, said.text, said.by) for said in found.said] == [
        ("overridden", 10, "5", "/top"),
        ("overridden", 2, "30", "template base of /top/a"),
        ("overridden", 2, "30", "template base of /top/a/room1"),
        ("wins", 16, "7", "/top/a/room1"),
    ]


def test_mappings_of_one_node_are_merged_and_those_of_other_nodes_hidden() -> None:
    found = value(grown(), "/top/a/room1", "vars.limits")

    assert found.text == '{"cpu": 1, "mem": 9}'
    assert [(said.outcome, said.text, said.by) for said in found.said] == [
        ("overridden", '{"cpu": 1, "mem": 2}', "template base of /top/a"),
        ("overridden", '{"cpu": 3}', "template site of /top/a"),
        ("merged", '{"cpu": 1, "mem": 2}', "template base of /top/a/room1"),
        ("wins", '{"mem": 9}', "template site/room[1-2] of /top/a/room1"),
    ]


def test_a_variable_of_no_template_has_one_origin() -> None:
    assert [said.by for said in value(grown(), "/top/a", "vars.tz").said] == ["/top"]


NUMBER = st.integers(0, 3)
VARS = st.fixed_dictionaries(
    {},
    optional={
        "x": NUMBER,
        "y": st.fixed_dictionaries(
            {}, optional={"p": NUMBER, "q": st.dictionaries(st.sampled_from("rs"), NUMBER)}
        ),
    },
)


@st.composite
def layered(draw: st.DrawFn) -> Bundle:
    templates: list[Any] = []
    for number in range(draw(st.integers(0, 3))):
        bases = tuple(draw(st.lists(st.sampled_from([one.name for one in templates] or ["-"]), max_size=2)))
        kids = [spec("kid", vars=draw(VARS))] if draw(st.booleans()) else []
        known = tuple(base for base in bases if base != "-")
        templates.append(spec(f"t{number}", *kids, vars=draw(VARS), extends=known))
    names = [one.name for one in templates]
    use = st.lists(st.sampled_from(names), max_size=2).map(tuple) if names else st.just(())
    leaf = spec("kid", vars=draw(VARS), extends=draw(use))
    return bundle(spec("top", leaf, vars=draw(VARS), extends=draw(use)), templates=templates)


@given(layered())
@settings(deadline=None)
def test_the_history_of_a_variable_adds_up_to_its_value(made: Bundle) -> None:
    fleet = compile_fleet(made)
    for one in fleet.tree.nodes:
        history = variables.history(made.hierarchy, one)
        assert history.keys() == one.scope.values.keys()
        for name, written in history.items():
            told = list(zip(variables.outcomes(written), written, strict=True))
            merged: dict[str, Any] = {}
            for outcome, layer in told:
                if outcome != "overridden":
                    merged = deep_merge(merged, {name: layer.value})
            assert merged[name] == one.scope.values[name]
            assert told[-1][0] == "wins"
