"""`schema`: what is exported is exact, small, and what the project's own examples keep to."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from lxml import etree

from ramify.documents import recognise
from ramify.documents.exported import schemas
from unit.cli.conftest import Ramify

ROOT = Path(__file__).parents[3]
JSON = [name for name, one in schemas().items() if one.file.endswith(".json")]
FOLDERS = ("collections", "inventories", "repositories", "engine/ramify/cli/starter")
EXAMPLES = [
    file
    for folder in FOLDERS
    for file in sorted((ROOT / folder).rglob("*.yml"))
    if ".ramify" not in file.parts
]


def kind(file: Path) -> str | None:
    return recognise.kind_of(file.read_bytes(), file.name)


@pytest.mark.parametrize("name", JSON)
def test_an_exported_schema_says_what_it_is(name: str, ramify: Ramify) -> None:
    text = ramify("schema", name).out
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:ramify:schema:{name}"
    assert len(text) < 8000
    assert ramify("schema", f"{name}.json").out == text


@pytest.mark.parametrize("name", ["repository.xsd", "configuration.xsd"])
def test_an_exported_xml_schema_is_one(name: str, ramify: Ramify) -> None:
    etree.XMLSchema(etree.fromstring(ramify("schema", name).out.encode()))


def test_all_schema_files_are_exported() -> None:
    from ramify.documents.schema import SCHEMAS  # noqa: PLC0415

    assert {one.file for one in schemas().values()} == {
        file.name for file in SCHEMAS.iterdir() if file.is_file()
    }


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_example_keeps_to_its_schema(file: Path) -> None:
    found = kind(file)
    assert found is not None
    validator = Draft202012Validator(json.loads(schemas()[found].text))
    assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == []


def test_the_examples_are_of_all_kinds() -> None:
    shown_elsewhere = {"trust"}  # docs/signing.md, whose own test runs it
    assert {kind(file) for file in EXAMPLES} == set(recognise.KINDS) - shown_elsewhere


def described(schema: Any) -> list[str]:
    """Keys of a document that no description and no reference to one explains."""
    return [
        key
        for key, said in schema["properties"].items()
        if not {"description", "$ref", "title", "enum"} & set(said)
    ]


@pytest.mark.parametrize("name", JSON)
def test_an_editor_has_something_to_show_for_every_key(name: str) -> None:
    assert described(json.loads(schemas()[name].text)) == []


def test_all_are_written_to_a_folder(tmp_path: Path, ramify: Ramify) -> None:
    result = ramify("-C", str(tmp_path), "schema", "--write", "a/b")
    assert (result.code, result.out) == (0, f"Wrote {len(schemas())} schemas to {tmp_path}/a/b.\n")
    assert {file.name for file in (tmp_path / "a/b").iterdir()} == {one.file for one in schemas().values()}
    written = json.loads(ramify("-C", str(tmp_path), "schema", "--write", "a/b", "--json").out)
    assert written["files"] == [one.file for one in schemas().values()]


def test_the_list_has_every_name(ramify: Ramify) -> None:
    assert [line.split()[0] for line in ramify("schema", "--list").out.splitlines()] == list(schemas())


def test_every_file_that_init_writes_names_a_schema_beside_it_that_it_keeps_to(starter: Path) -> None:
    files = {file for file in starter.rglob("*.yml") if ".ramify" not in file.parts}
    assert len({kind(file) for file in files}) == len(files) == 6
    for file in files:
        first, _, rest = file.read_text().partition("\n")
        schema = json.loads(
            (file.parent / first.removeprefix("# yaml-language-server: $schema=")).read_text()
        )
        assert schema["$id"] == f"urn:ramify:schema:{kind(file)}"
        assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(rest))) == []
        # Editors ask nobody: what a schema refers to is in it.
        assert all(word.startswith("#/") for word in references(schema))


def references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [found for one in schema.values() for found in references(one)]
    return [found for one in schema for found in references(one)] if isinstance(schema, list) else []


def test_an_xml_document_may_name_its_schema(tmp_path: Path, ramify: Ramify) -> None:
    model = '<?xml-model href="schemas/configuration.xsd"?>'
    (tmp_path / "a.xml").write_text(f"<?xml version='1.0'?>\n{model}\n<configuration/>\n")

    assert ramify("-C", str(tmp_path), "validate", str(tmp_path / "a.xml")).code == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("hierachy",), 'Did you mean "hierarchy"?'),
        ((), "expected a NAME, --list or --write DIR"),
        (("hierarchy", "--list"), "expected a NAME, --list or --write DIR"),
    ],
)
def test_a_wrong_call_is_one_error(argv: tuple[str, ...], words: str, ramify: Ramify) -> None:
    result = ramify("schema", *argv)
    assert (result.code, result.out) == (1, "")
    assert words in result.err
    assert result.err.count("error[") == 1


# Kinds.


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yml", "# yaml-language-server: $schema=../schemas/inventory.json\nfoo: 1\n", "inventory"),
        ("a.yml", "# yaml-language-server: $schema=urn:ramify:schema:component\n", "component"),
        ("a.yml", "tree: {}\n", "hierarchy"),
        ("a.yml", "code: []\nservice-config: []\n", "repository"),
        ("a.yml", "env: {}\nnonsense: 1\n", "configuration"),
        ("a.yml", "start: ./x\n", "component"),
        ("ramify.yml", "tree: {}\n", "project"),
        ("component.yml", "", "component"),
        ("hierarchy.yaml", "- 1\n", "hierarchy"),
        ("a.xml", "<?xml version='1.0'?>\n<!-- <configuration> -->\n<repository-information/>", "repository"),
        ("a", "<configuration/>", "configuration"),
        ("a.xml", "<project/>", None),
        ("a.xml", "", None),
        ("a.yml", "on: push\njobs: {}\n", None),
        ("a.yml", "name: CI\non: push\njobs: {}\n", None),
        ("a.yml", "a: [\n", None),
        ("a.yml", "name: x\ndescription: y\n", "component"),
        ("a.txt", "tree: {}\n", None),
        ("a.yml", "\x00\xff", None),
    ],
)
def test_a_document_is_known_by_its_modeline_its_keys_or_its_name(
    name: str, text: str, expected: str | None
) -> None:
    assert recognise.kind_of(text.encode("latin-1"), name) == expected
