"""Whatever a template computes, it ends soon and in little memory, and what people write is not hindered."""

import pytest

from ramify.compile import expressions
from ramify.compile.references import BadTemplateError

ENDLESS = [
    "{{ 9 ** 999999999 }}",
    "{{ 'x' * 3000000000 }}",
    "{{ 3000000000 * 'x' }}",
    "{{ [0] * 3000000000 }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x=[0]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set n = namespace(x=7) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
    "{% for i in range(99999) %}" + "y" * 500 + "{% endfor %}",
    "{{ 'x' | center(3000000000) }}",
    "{{ 'x' | indent(3000000000, first=true) }}",
    "{{ 'x'.ljust(3000000000) }}",
    "{{ '%3000000000d' % 1 }}",
    "{{ '%*d' % (3000000000, 1) }}",
    "{{ '%3000000000d' | format(1) }}",
    "{{ '{:>3000000000}'.format(1) }}",
    "{{ [1] | slice(3000000000) | list }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ 1.5 | round(3000000000) }}",
    "{{ 'ab'.replace('a', 'x' * 4000000).replace('x', 'y' * 4000000) }}",
]


@pytest.mark.parametrize("text", ENDLESS, ids=range(len(ENDLESS)))
def test_what_has_no_end_is_refused(text: str) -> None:
    with pytest.raises(BadTemplateError):
        expressions.render(text, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ 2 ** 64 }}", str(2**64)),
        ("{{ '-' * 80 }}", "-" * 80),
        ("{{ 'a' ~ 1 ~ x }}", "a1X"),
        ("{{ ['a'] + ['b'] | list }}", None),
        ("{{ '%05d' % 42 }}", "00042"),
        ("{{ '{:>5}'.format(x) }}", "    X"),
        ("{{ 'x' | center(5) }}", "  x  "),
        ("{{ 1700000000.25 | round(1) }}", "1700000000.2"),
        ("{{ 1700000000 + 1 }}", "1700000001"),
        ("{% for i in range(3) %}{{ loop.index }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2,3"),
        ("{% for i in [] %}{% else %}none{% endfor %}", "none"),
        ("{% for i in range(5) if i is odd %}{{ i }}{% endfor %}", "13"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{{ ('a' ~ 'b') | upper }}", "AB"),
        ("{% macro m(n) %}<{{ n ~ '!' }}>{% endmacro %}{{ m(1) }}", "<1!>"),
        ("{% for n in tree recursive %}{{ n[0] }}{{ loop(n[1]) }}{% endfor %}", "ab"),
    ],
)
def test_what_people_write_is_as_it_was(text: str, value: str | None) -> None:
    context: dict[str, object] = {"x": "X", "tree": [("a", [("b", [])])]}
    if value is None:
        with pytest.raises(BadTemplateError, match="list"):
            expressions.render(text, context)
    else:
        assert expressions.render(text, context) == value


def test_each_rendering_counts_its_own_loops() -> None:
    text = "{% for i in range(90000) %}{% endfor %}done"

    assert [expressions.render(text, {}) for _ in range(4)] == ["done"] * 4
