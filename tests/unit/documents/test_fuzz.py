"""No text makes a reader raise: there is a value and no error, or the other way round."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.documents import (
    component,
    configuration,
    hierarchy,
    inventory,
    lock,
    project,
    repository,
    signature,
    trust,
)
from ramify.documents.schema import load
from ramify.model.diagnostics import Diagnostics, Severity

READERS: dict[str, Callable[[str | bytes, str], tuple[object, Diagnostics]]] = {
    "project.yml": project.read,
    "hierarchy.yml": hierarchy.read,
    "inventory.yml": inventory.read,
    "repository.yml": repository.read,
    "configuration.yml": configuration.read,
    "component.yml": component.read,
    "lock.yml": lock.read,
    "trust.yml": trust.read,
    "signature.yml": signature.read,
    "repository.xml": repository.read,
    "configuration.xml": configuration.read,
}
XML = [
    *(
        "<repository-information>",
        "</repository-information>",
        "<code>",
        "</code>",
        "<entry>",
        "</entry>",
        "<x>",
    ),
    *("<pattern path='/a'/>", "<pattern regex='('/>", "<pattern ", "<ref url='x'/>", "<ref/>", "<!--", "-->"),
    *(
        "<configuration>",
        "</configuration>",
        "<env-params>",
        "</env-params>",
        "<env name='A' value='1'/>",
        "<env ",
    ),
    *(
        "<files>",
        "</files>",
        "<file name='a' mode='9'>",
        "</file>",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE a>",
        "&amp;",
        "&x;",
    ),
    *(
        "name='A'",
        "/>",
        ">",
        "<",
        "'",
        '"',
        "\n",
        " ",
        "text",
        "é",
        "<?x",
        "?>",
        "xmlns='a'",
        "a:b='c'",
        "\0",
    ),
]


def keys(schema: Any) -> set[str]:
    """All the keys and words of a schema."""
    if isinstance(schema, list):
        return {word for item in schema for word in keys(item)}
    if not isinstance(schema, dict):
        return set()
    own = {*schema.get("properties", {}), *(word for word in schema.get("enum", []) if isinstance(word, str))}
    return own.union(*map(keys, schema.values()))


def yaml_texts(name: str) -> st.SearchStrategy[str]:
    """Texts that have a document's shape, with keys and values in the wrong places."""
    words = [
        *keys(load(name)),
        "a",
        "b[1-3]",
        "b[3-1]",
        "/a/**",
        "!/a",
        "/a[",
        "5",
        "'5'",
        "true",
        "~",
        ".nan",
        "1e999",
    ]
    words += [
        "{from: installer}",
        "[a, b]",
        "{}",
        "[]",
        "{a: b}",
        "''",
        "&x a",
        "*x",
        "!!int 5",
        "<<",
        "a b",
        "{{ x }}",
    ]
    word = st.sampled_from(words)
    value = st.recursive(
        word,
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
            | st.lists(st.tuples(word, inner), max_size=4).map(
                lambda items: "{" + ", ".join(f"{key}: {item}" for key, item in items) + "}"
            )
        ),
        max_leaves=14,
    )
    return st.lists(st.tuples(word, value), max_size=4).map(
        lambda items: "".join(f"{key}: {item}\n" for key, item in items)
    )


def holds(file: str, text: str | bytes) -> None:
    value, found = READERS[file](text, file)

    assert (value is None) == found.failed
    for item in found:
        assert item.severity is Severity.ERROR
        assert item.summary
        assert item.origin is not None
        assert item.origin.file == file
        assert item.origin.line >= 1
        assert item.origin.column >= 1


@pytest.mark.parametrize("file", READERS)
def test_any_text_is_read_or_refused(file: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.text() | st.binary() | st.text("{}[]:,-&*!|>'\"#%@ \n\tab1<>/=?.~"))
    def check(text: str | bytes) -> None:
        holds(file, text)

    check()


@pytest.mark.parametrize("file", [file for file in READERS if file.endswith(".yml")])
def test_any_document_of_the_right_shape_is_read_or_refused(file: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(yaml_texts(file.removesuffix(".yml")))
    def check(text: str) -> None:
        holds(file, text)

    check()


@pytest.mark.parametrize("file", [file for file in READERS if file.endswith(".xml")])
def test_any_row_of_markup_is_read_or_refused(file: str) -> None:
    root = "repository-information" if file.startswith("rep") else "configuration"

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.sampled_from(XML), max_size=25).map("".join), st.booleans())
    def check(inner: str, rooted: bool) -> None:
        holds(file, f"<{root}>{inner}</{root}>" if rooted else inner)

    check()
