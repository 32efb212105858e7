"""XML becomes elements with places; what could do harm is refused."""

import time

import pytest

from ramify.documents.element import Element
from ramify.documents.text import MAX_SIZE
from ramify.documents.xml import parse
from ramify.model.diagnostics import Diagnostics

OPEN, CLOSE = "<configuration><env-params>", "</env-params></configuration>"


def read(text: str | bytes, schema: str = "configuration") -> tuple[Element | None, list[str]]:
    found = Diagnostics()
    return parse(text, "f.xml", schema, found), [str(item) for item in found]


def test_every_element_and_attribute_has_its_place() -> None:
    text = """\
<?xml version="1.0"?> <!-- <env name="not"/> -->
<configuration>
  <env-params><env name="A" value="a > b"/>
    <env
       name = 'B'
       value=" name='x' "/></env-params>
  <files><file name="f"><![CDATA[<env name="no"/>]]></file></files>
</configuration>
"""
    root, found = read(text)

    assert root is not None
    assert not found
    first, second = root.children[0].children
    assert str(root.origin) == "f.xml:2:1"
    assert [str(first.origin), str(first.place("value"))] == ["f.xml:3:15", "f.xml:3:29"]
    assert [str(second.origin), str(second.place("name"))] == ["f.xml:4:5", "f.xml:5:8"]
    assert str(second.place("value")) == "f.xml:6:8"
    assert second.attributes == {"name": "B", "value": " name='x' "}
    assert root.children[1].children[0].text == '<env name="no"/>'


def test_text_is_whole_around_comments_and_references() -> None:
    root, _ = read(
        "<configuration><files><file name='f'>a &lt;<!-- x --> b&#233;</file></files></configuration>"
    )

    assert root is not None
    assert root.children[0].children[0].text == "a < bé"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><configuration/>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><configuration/>',
        '<!-- c --><!DOCTYPE a PUBLIC "x" "http://127.0.0.1:1/x"><configuration/>',
        "<configuration>&x;</configuration>",
        "<configuration><!ENTITY x 'y'></configuration>",
    ],
)
def test_entities_and_document_types_are_refused(text: str) -> None:
    root, found = read(text)

    assert root is None
    assert [item.partition("[")[2].partition("]")[0] for item in found] == ["xml-entity"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "<",
        "<a",
        "<a b>",
        "<configuration>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a b='1'c='2'/>",
        "<a>\0</a>",
    ],
)
def test_what_is_no_xml_is_told_once(text: str) -> None:
    root, found = read(text)

    assert root is None
    assert len(found) == 1
    assert "error[syntax]" in found[0]


def test_a_declared_encoding_does_not_change_that_it_is_utf_8() -> None:
    text = f"<?xml version='1.0' encoding='ISO-8859-1'?>\n{OPEN}<env name='A' value='é'/>{CLOSE}"

    root, _ = read(text.encode())

    assert root is not None
    assert root.children[0].children[0].attributes["value"] == "é"
    assert read(text.encode("latin-1"))[1][0].startswith("f.xml:2:49: error[encoding]")


def test_includes_and_processing_instructions_do_nothing() -> None:
    text = '<?xml-stylesheet href="http://127.0.0.1:1/x"?><configuration><?php x ?></configuration>'

    root, found = read(text)

    assert root is not None
    assert root.children == []
    assert not found


def test_all_elements_that_do_not_belong_are_told_and_all_that_is_wrong_with_the_others() -> None:
    text = """\
<configuration>
  <env-params>
    <evn name="A" value="x"/>
    <env nmae="B" value="y"/>
    <env name="" value="y"/>
    <x/>
    words
  </env-params>
  <arg-parms/>
  <files mode="x"/>
</configuration>"""

    _, found = read(text)

    assert sorted(found, key=lambda item: int(item.split(":")[1])) == [
        "f.xml:2:3: error[wrong-type]: <env-params> takes no text of its own",
        "f.xml:3:5: error[unknown-key]: <evn> does not belong into <env-params>",
        'f.xml:4:10: error[unknown-key]: unknown attribute "nmae" in <env>',
        'f.xml:5:10: error[bad-value]: "name" of <env> is empty',
        "f.xml:6:5: error[unknown-key]: <x> does not belong into <env-params>",
        "f.xml:9:3: error[unknown-key]: <arg-parms> does not belong into <configuration>",
        'f.xml:10:10: error[unknown-key]: unknown attribute "mode" in <files>',
    ]


def test_size_is_bounded() -> None:
    root, found = read(OPEN + " " * MAX_SIZE + CLOSE)

    assert root is None
    assert "too-large" in found[0]


@pytest.mark.parametrize(
    "text",
    ["<a>" * 1_000_000, "<a", "<!--" * 500_000, "<![CDATA[" * 300_000, "<a '" * 500_000, "<?" * 900_000],
)
def test_hostile_texts_are_refused_soon(text: str) -> None:
    begun = time.process_time()

    root, found = read(text)

    assert root is None
    assert len(found) == 1
    assert time.process_time() - begun < 5


def test_very_many_elements_are_refused() -> None:
    root, found = read(OPEN + "<env name='A' value=''/>" * 200_000 + CLOSE)

    assert root is None
    assert "too-large" in found[0]
