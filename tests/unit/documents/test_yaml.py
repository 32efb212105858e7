"""YAML becomes plain values with the place of every part."""

import json
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from ramify.documents import configuration
from ramify.documents.node import Node
from ramify.documents.text import MAX_SIZE
from ramify.documents.yaml import LOADER, MAX_DEPTH, parse
from ramify.model.diagnostics import Diagnostics


def read(text: str | bytes, loader: Any = LOADER) -> tuple[Node | None, list[str]]:
    found = Diagnostics()
    node = parse(text, "f.yml", found, loader)
    return node, [str(item) for item in found]


def value(text: str) -> Any:
    node, found = read(text)
    assert node is not None
    assert not found
    return node.value


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(PLAIN)
def test_json_is_read_as_what_it_says(plain: Any) -> None:
    assert value(json.dumps(plain, ensure_ascii=False)) == plain


@given(PLAIN)
def test_what_a_yaml_printer_writes_is_read_back(plain: Any) -> None:
    # A printer for YAML 1.1 writes 1e+16 and .5 in its own way: floats are the other test's.
    def unlike(one: Any) -> Any:
        if isinstance(one, float):
            return 1
        if isinstance(one, list):
            return [unlike(item) for item in one]
        return {key: unlike(item) for key, item in one.items()} if isinstance(one, dict) else one

    assert value(pyyaml.safe_dump(unlike(plain), allow_unicode=True)) == unlike(plain)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("0644", "0644"),
        ("007", "007"),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("0x1f", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("01.5", "01.5"),
        ("-", None),
        ('"5"', "5"),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", 5),
        ("!!float 5", 5),
        ("!!null ''", None),
        ("=", "="),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says_without_its_surprises(text: str, expected: Any) -> None:
    if text == "-":
        assert value(text) == [None]
    else:
        assert value(text) == expected
        assert type(value(text)) is type(expected)


def test_keys_are_text_as_written() -> None:
    assert value("{1: a, yes: b, null: c, 0x1f: d, 1.50: e, '': f}") == {
        "1": "a",
        "yes": "b",
        "null": "c",
        "0x1f": "d",
        "1.50": "e",
        "": "f",
    }


def test_every_key_and_value_has_its_place() -> None:
    node, _ = read("a:\n  - b: 1\n    cé: |\n      text\n  - [x,  y]\n")

    assert node is not None
    assert str(node.key("a")) == "f.yml:1:1"
    assert str(node.find(("a",)).origin) == "f.yml:2:3"
    assert str(node.find(("a", 0)).key("cé")) == "f.yml:3:5"
    assert str(node.find(("a", 0, "cé")).origin) == "f.yml:3:9"
    assert str(node.find(("a", 1, 1)).origin) == "f.yml:5:10"
    assert str(node.key("other")) == str(node.origin) == "f.yml:1:1"


def test_columns_count_characters_and_lines_end_in_any_way() -> None:
    for text in ("ä: 1\r\n😀é: [2]\r\n", "\ufeffä: 1\n😀é: [2]\n", "ä: 1\r😀é: [2]\r"):
        for form in (text, text.encode()):
            node, found = read(form)
            assert node is not None
            assert not found
            assert str(node.key("😀é")) == "f.yml:2:1"
            assert str(node.find(("😀é", 0)).origin) == "f.yml:2:6"


def test_an_accessor_of_another_type_gives_nothing() -> None:
    node, _ = read("a: [1, x]\nb: 2\n")

    assert node is not None
    assert node["a"]["b"].value is None
    assert node["b"].text == ""
    assert [item.text for item in node["a"].texts()] == ["x"]
    assert node["b"].texts() == []
    assert list(node["a"].items()) == []
    assert "c" not in node
    assert list(node) == ["a", "b"]


def test_scalars_are_written_as_they_were() -> None:
    node, _ = read("[1.50, True, ~, 0x1f, 'x', 007]")

    assert node is not None
    assert [item.written for item in node.elements] == ["1.50", "true", "", "0x1f", "x", "007"]


def test_an_alias_is_its_anchors_value() -> None:
    assert value("a: &x [1, {b: 2}]\nc: *x\nd: &y z\n*y : 1\n") == {
        "a": [1, {"b": 2}],
        "c": [1, {"b": 2}],
        "d": "z",
        "z": 1,
    }


def test_an_anchor_may_be_set_again() -> None:
    assert value("[&a 1, *a, &a [2], *a]") == [1, 1, [2], [2]]


def test_aliases_do_not_dig_deeper_than_brackets() -> None:
    text = "a0: &a0 [1]\n" + "".join(f"a{at + 1}: &a{at + 1} [*a{at}]\n" for at in range(100))

    node, found = read(text)

    assert node is None
    assert "too-deep" in found[0]


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 900, 100_000])
@pytest.mark.parametrize("open_and_close", [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_depth_is_bounded(depth: int, open_and_close: tuple[str, str]) -> None:
    opening, closing = open_and_close

    node, found = read(opening * depth + "x" + closing * depth)

    assert (node is not None) == (depth == MAX_DEPTH)
    assert bool(found) == (depth != MAX_DEPTH)


def test_size_is_bounded() -> None:
    node, found = read("#" * (MAX_SIZE + 1))

    assert node is None
    assert "too-large" in found[0]


def test_the_number_of_values_is_bounded() -> None:
    node, found = read("[" + "a," * 1_000_001 + "]")

    assert node is None
    assert "too-large" in found[0]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\xff", "1:1"),
        (b"a: b\n\xc3\xa9: \xff", "2:4"),
        ("a: b".encode("utf-16"), "1:1"),
        (b"\xed\xa0\x80", "1:1"),
    ],
)
def test_what_is_not_utf_8_is_refused_at_its_place(data: bytes, place: str) -> None:
    node, found = read(data)

    assert node is None
    assert found == [f"f.yml:{place}: error[encoding]: document is not UTF-8"]


def test_half_a_surrogate_pair_is_refused() -> None:
    for text in ("a: \ud800", 'a: "\\ud800"'):
        node, found = read(text)

        assert node is None
        assert len(found) == 1


@pytest.mark.parametrize(
    "text", ["a: 1\nb: [x, {c: d}]\n", "a: &x 1\nb: *x\n", "? a\n: b\n", "- !!str 1\n- 'x'\n"]
)
def test_the_parser_without_c_gives_the_same(text: str) -> None:
    one, _ = read(text)
    other, _ = read(text, pyyaml.SafeLoader)

    assert one is not None
    assert other is not None
    assert shape(one) == shape(other)


def shape(node: Node) -> Any:
    children = [(key, str(node.key(key)), shape(child)) for key, child in node.items()]
    return str(node.origin), node.raw, children, [shape(child) for child in node.elements]


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "\ta", "a\x07b", "@", "a: *x", "[a, a: b", '"\\ud800"', "%YAML 9.9\n---\na"]
)
def test_the_parser_without_c_refuses_the_same(text: str) -> None:
    for loader in (LOADER, pyyaml.SafeLoader):
        node, found = read(text, loader)
        assert node is None
        assert len(found) == 1


def test_a_key_has_the_length_of_a_name() -> None:
    longest = "k" * 1024
    found = Diagnostics()

    assert parse(f"? {longest}\n: 1\n", "x.yml", found) is not None
    assert parse(f"a:\n  ? {longest}k\n  : 1\n", "x.yml", found) is None
    assert [(item.code, str(item.origin)) for item in found] == [("too-large", "x.yml:2:5")]
    assert len(str(next(iter(found)))) < 200


@pytest.mark.parametrize("line", ["a: 1\n", "b: !x 1\n", "<<: {}\n", "{}: 1\n"])
def test_one_mistake_made_very_often_is_told_often_enough(line: str) -> None:
    found = Diagnostics()

    assert parse(line * 100_000, "x.yml", found) is None
    assert len(found) == 100


@pytest.mark.parametrize("item", ["- {}\n", "- {x: 1}\n", "- [x]\n"])
def test_wrong_values_without_number_are_told_often_enough(item: str) -> None:
    value, found = configuration.read("args:\n" + item * 5000, "x.yml")

    assert value is None
    assert 0 < len(found) <= 200


def test_unknown_keys_without_number_are_told_often_enough() -> None:
    value, found = configuration.read("".join(f"k{number}: 1\n" for number in range(5000)), "x.yml")

    assert value is None
    assert 0 < len(found) <= 200
