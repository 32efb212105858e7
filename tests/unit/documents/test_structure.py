"""The quick check and jsonschema give one answer, on every schema that is shipped."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ramify.documents import structure
from ramify.documents.schema import SCHEMAS, load

NAMES = sorted(file.stem for file in SCHEMAS.glob("*.json"))
PROPERTIES: dict[str, str] = {}


def schemas_within(schema: Any) -> list[dict[str, Any]]:
    """All the schemas in a schema."""
    if not isinstance(schema, dict):
        return []
    inner = [schema.get("items"), schema.get("additionalProperties")]
    inner += [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    return [schema] + [found for one in inner for found in schemas_within(one)]


def keys_of(name: str) -> list[str]:
    return sorted({key for one in schemas_within(load(name)) for key in one.get("properties", {})})


def words_of(name: str) -> list[str]:
    return sorted({word for one in schemas_within(load(name)) for word in one.get("enum", [])})


def values_for(name: str) -> st.SearchStrategy[Any]:
    """Values made of the schema's own words, so that many come close to what it takes."""
    words = [*words_of(name), "", "a", "/a", "5%", "250%", "name[1-3]"]
    scalars = st.one_of(
        st.none(), st.booleans(), st.integers(-2, 70000), st.floats(allow_nan=False), st.sampled_from(words)
    )
    keys = st.sampled_from([*keys_of(name), "x"])
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


@pytest.mark.parametrize("name", NAMES)
def test_schema_files_are_valid_and_use_only_what_the_quick_check_reads(name: str) -> None:
    Draft202012Validator.check_schema(load(name))
    used = {keyword for one in schemas_within(load(name)) for keyword in one}
    assert used <= structure.KEYWORDS.keys() | structure.SILENT
    assert all(
        one["additionalProperties"] is not None for one in schemas_within(load(name)) if "properties" in one
    )


@pytest.mark.parametrize("name", NAMES)
def test_both_give_the_same_answer_on_random_values(name: str) -> None:
    validator = Draft202012Validator(load(name))
    accepts = structure.compiled(load(name))

    @settings(max_examples=150, deadline=None)
    @given(values_for(name))
    def agree(value: Any) -> None:
        assert accepts(value) == validator.is_valid(value)

    agree()


@pytest.mark.parametrize("name", NAMES)
def test_both_give_the_same_answer_on_each_part_of_a_schema(name: str) -> None:
    root = load(name)
    scalars = [None, True, False, 0, 1, 1.0, 1.5, -1, 65536, 2**70, "", "a", "100%", "101%", "ssh", "stop"]
    shapes = [[], [1], ["a"], [["a"]], {}, {"regex": "a"}, {"a": 1}, {"match": "a", "ref": ""}, {"name": "a"}]

    for part in schemas_within(root):
        validator = Draft202012Validator({**part, "$defs": root.get("$defs", {})})
        accepts = structure.compiled(part, root)
        for value in [*scalars, *shapes]:
            assert accepts(value) == validator.is_valid(value), (part, value)


@pytest.mark.parametrize("schema", [{"enum": [1]}, {"type": "integer"}, {"type": "number"}])
def test_true_is_not_the_number_one(schema: dict[str, Any]) -> None:
    truth: Any = True

    assert not structure.compiled(schema)(truth)
