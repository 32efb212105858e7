"""Values: a plain reference, a remembered one and Jinja2 give the same text; what reaches where is known."""

import sys
from subprocess import run
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ramify.compile import expressions
from ramify.compile.references import BadTemplateError, UnknownNameError, as_text
from ramify.compile.templates import HOST_NAMES, Reach, parse, parse_condition

CONTEXT: dict[str, Any] = {
    "vars": {
        "x": 1, "text": "a b", "on": True, "off": False, "none": None, "real": 0.5, "list": [1, 2],
        "map": {"k": "v", "items": "own"}, "host": {"port": 80}, "items": "an item", "_own": 3,
    },
    "node": {"name": "app1", "index": 1, "path": "/r/app1"},
    "parent": {"name": "r", "index": None, "parent": {"name": ""}},
}  # fmt: skip


def fails(text: str, context: dict[str, Any] = CONTEXT) -> tuple[str, str]:
    with pytest.raises(BadTemplateError) as caught:
        parse(text).render(context)
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("plain { text } with }} and %}", "plain { text } with }} and %}"),
        ("{{ vars.x }}", "1"),
        ("{{vars.x}}-{{ node.name }}!", "1-app1!"),
        ("{{ vars.map.k }}", "v"),
        ("{{ vars.on }} {{ vars.off }}", "true false"),
        ("{{ vars.on and vars.x }}", "1"),
        ("{{ vars.real }}", "0.5"),
        ("{{ vars.x + 1 }}", "2"),
        ("{{ vars.text | upper }}", "A B"),
        ("{{ vars['text'] }}", "a b"),
        ("{{ vars.none or '-' }}", "-"),
        ("{{ vars.missing | default('-') }}", "-"),
        ("{{ vars.list | join(',') }}", "1,2"),
        ("{{ vars.list[0] }}", "1"),
        ("{{ vars.map | tojson }}", '{"items": "own", "k": "v"}'),
        ("{% if vars.off %}a{% endif %}", ""),
        ("{% for n in vars.list %}{{ n }};{% endfor %}", "1;2;"),
        ("{% raw %}{{ vars.x }}{% endraw %}", "{{ vars.x }}"),
        ("{{ '{{ vars.x }}' }}", "{{ vars.x }}"),
        ("{# {{ vars.x }} #}a", "a"),
        ("{{ parent.index or 0 }}", "0"),
        ("{{ node.name.upper() }}", "APP1"),
        ("a\n{{ vars.x }}\n", "a\n1\n"),
        ("{{ vars._own }}", "3"),
        ("{{ true if vars.on else false }}", "true"),
    ],
)
def test_the_text_of_a_template(text: str, value: str) -> None:
    assert parse(text).render(CONTEXT) == value
    assert expressions.render(text, CONTEXT) == value


def test_a_variable_that_is_called_like_a_method_is_the_variable() -> None:
    assert parse("{{ vars.items }} {{ vars.map.items }}").render(CONTEXT) == "an item own"
    assert parse("{{ vars.map.items | upper }}").render(CONTEXT) == "OWN"


WORDS = [
    "vars",
    "node",
    "parent",
    "x",
    "text",
    "on",
    "none",
    "real",
    "list",
    "map",
    "items",
    "name",
    "index",
    "up",
]
PIECES = [
    "{{ ",
    " }}",
    "{{",
    "}}",
    "{",
    "}",
    ".",
    "#}",
    "{#",
    "\r\n",
    "\n",
    "-",
    " | upper",
    "[",
    "'",
    " or ",
    "1",
]


@given(st.lists(st.sampled_from(WORDS + PIECES), max_size=12).map("".join))
@example("{{{ vars.x }}}")
@example("{{ vars.x }}\r\n")
@example("{{ vars.x }}{")
@example("{{ vars.x }}{# {{ vars.x }} #}")
def test_short_cuts_change_nothing(text: str) -> None:
    try:
        template = parse(text)
    except BadTemplateError:
        return
    if template.reach is not Reach.CONSTANT:
        assert outcome(lambda: template.render(CONTEXT)) == outcome(lambda: expressions.render(text, CONTEXT))


@given(
    st.sampled_from(
        ["{{ vars.x + 1 }}", "{{ vars.x or '-' }}", "{{ vars.x ~ '' }}", "{{ vars.x | default('-') }}"]
    ),
    st.lists(
        st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([1.0, "1", "a", [], {}]), max_size=8
    ),
)
def test_a_remembered_text_is_that_of_the_very_value(text: str, values: list[object]) -> None:
    template = parse(text)
    assert template.reads == (("vars", "x"),)
    for value in values:
        context = {"vars": {"x": value}}
        assert outcome(lambda: template.render(context)) == outcome(lambda: expressions.render(text, context))  # noqa: B023


def outcome(render: Any) -> tuple[bool, str]:
    try:
        return True, render()
    except BadTemplateError as error:
        return False, str(error)


def test_a_missing_variable_is_told_with_the_closest_one() -> None:
    assert fails("{{ vars.txet }}") == ('"txet" is not defined', 'Did you mean "text"?')
    assert fails("{{ vars.map.kk }}") == ('"kk" is not defined', 'Did you mean "k"?')


def test_a_missing_name_is_told_with_the_closest_one() -> None:
    with pytest.raises(UnknownNameError, match='"nod" is not defined') as caught:
        parse("{{ nod.name }}")

    assert caught.value.hint == 'Did you mean "node"?'


def test_names_are_those_of_the_place() -> None:
    assert parse("{{ index }}{{ name | upper }}", HOST_NAMES).render({"index": 1, "name": "a"}) == "1A"
    with pytest.raises(UnknownNameError):
        parse("{{ index }}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ vars.none }}", "an expression gives none"),
        ("{{ vars.list }}", "an expression gives a list, not text"),
        ("{{ vars }}", "an expression gives a dict, not text"),
        ("{{ vars.list | map('string') }}", "an expression gives a generator, not text"),
        ("{{ vars.map.keys }}", "an expression gives a builtin_function_or_method, not text"),
        ("{{ vars.x / 0 }}", "ZeroDivisionError: division by zero"),
        ("{{ vars.text + 1 }}", 'TypeError: can only concatenate str (not "int") to str'),
    ],
)
def test_what_has_no_text_of_its_own_is_refused(text: str, message: str) -> None:
    assert fails(text)[0] == message


@pytest.mark.parametrize(
    "text", ["{{ vars. }}", "{{ vars.x", "{% if %}", "{{ vars.x | nonsense }}", "{% endfor %}"]
)
def test_what_cannot_be_read_is_told_when_reading(text: str) -> None:
    with pytest.raises(BadTemplateError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ [1, 2, 3] | random }}",
        "{{ vars.__class__ }}",
        "{{ vars.text.__class__.__mro__ }}",
        "{{ vars.list.append(3) }}",
        "{{ vars.update({'x': 2}) }}",
        "{{ lipsum() }}",
        "{% include 'other' %}",
    ],
)
def test_neither_chance_nor_change_nor_python_s_inside_can_be_reached(text: str) -> None:
    with pytest.raises(BadTemplateError):
        parse(text).render(CONTEXT)

    assert CONTEXT["vars"]["list"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("plain", Reach.CONSTANT),
        ("{{ 1 + 1 }}", Reach.SCOPE),
        ("{{ vars.x }}", Reach.SCOPE),
        ("{{ vars.x | upper }}", Reach.SCOPE),
        ("{{ vars.host }}", Reach.SCOPE),
        ("{{ vars.host.port + 1 }}", Reach.SCOPE),
        ("{{ vars['host']['port'] }}", Reach.SCOPE),
        ("{{ node.name }}", Reach.NODE),
        ("{{ node.vars.host }}", Reach.NODE),
        ("{{ parent.vars.host | upper }}", Reach.NODE),
        ("{{ parent.name ~ vars.x }}", Reach.NODE),
        ("{{ children | length }}", Reach.NODE),
        ("{{ children | map(attribute='name') | join('hosts') }}", Reach.NODE),
        ("{{ host.address }}", Reach.PLACEMENT),
        ("{{ host }}", Reach.PLACEMENT),
        ("{{ node.host.address }}", Reach.PLACEMENT),
        ("{{ parent['host'].address }}", Reach.PLACEMENT),
        ("{% set p = parent %}{{ p.host.address }}", Reach.PLACEMENT),
        ("{{ children | map(attribute='host.address') | join(',') }}", Reach.PLACEMENT),
        ("{{ children | sort(attribute='index,host.name') | length }}", Reach.PLACEMENT),
        ("{{ children | selectattr('host') | list | length }}", Reach.PLACEMENT),
        ("{{ (parent | attr('host')).address }}", Reach.PLACEMENT),
        ("{{ facts.cpus }}", Reach.FACTS),
        ("{{ facts.cpus + vars.x }}{{ host.name }}", Reach.FACTS),
    ],
)
def test_how_far_a_template_reaches(text: str, reach: Reach) -> None:
    assert parse(text).reach is reach


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("{{ node.index + 1 }}", (("node", "index"),)),
        (
            "{{ node.name.upper() }}{{ parent.parent.name | upper }}",
            (("node", "name"), ("parent", "parent", "name")),
        ),
        ("{{ parent.name if parent else '' }}", None),
        ("{{ children | length }}", None),
        ("{{ vars[node.name] | upper }}", None),
        ("{{ node | attr('name') }}", None),
        ("{{ parent.parent.name ~ parent.parent }}", None),
    ],
)
def test_what_decides_a_value(text: str, reads: tuple[tuple[str, ...], ...] | None) -> None:
    assert parse(text).reads == reads


@pytest.mark.parametrize(
    ("text", "value"),
    [("vars.x == 1", "true"), ("vars.x > 1", "false"), ("vars.list", "true"), ("'x' in vars", "true")],
)
def test_a_condition_is_true_or_false(text: str, value: str) -> None:
    assert parse_condition(text).render(CONTEXT) == value


def test_a_condition_knows_no_facts() -> None:
    with pytest.raises(UnknownNameError):
        parse_condition("facts.cpus > 1")


def test_numbers_keep_what_makes_them_differ() -> None:
    values: list[object] = [1, 1.0, 1e300, True, "1", None, []]

    assert list(map(as_text, values)) == ["1", "1.0", "1e+300", "true", "1", None, None]


def test_plain_references_need_no_jinja2() -> None:
    script = (
        "import sys\n"
        "from ramify.compile.templates import parse\n"
        "import ramify.compile.planning\n"
        "assert parse('{{ vars.x }}').render({'vars': {'x': 1}}) == '1'\n"
        "assert 'jinja2' not in sys.modules\n"
    )

    run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    "text",
    ["{{" * 5000, "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{% if 1 %}" * 300 + "{% endif %}" * 300],
)
def test_what_is_nested_too_deep_is_the_templates_problem(text: str) -> None:
    with pytest.raises(BadTemplateError):
        parse(text).render(CONTEXT)
