"""Views of diagnostics for tools: escaped as each of them wants it, whatever a file is called."""

from typing import Any
from xml.etree import ElementTree as ET

from jsonschema import Draft202012Validator

from ramify.cli import codes, github_view, junit_view, sarif_view
from ramify.model.diagnostics import Diagnostic, Origin, Severity

NASTY = Diagnostic(
    Severity.ERROR,
    "bad-value",
    'a % of "x": y, <z>\x01',
    "line one\nline two",
    Origin("a b,c:d%/é.yml", 3, 7),
)
NOWHERE = Diagnostic(Severity.WARNING, "not-read", "nowhere")


def closed(**properties: Any) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "integer", "minimum": 1}
MESSAGE = closed(text=TEXT) | {"required": ["text"]}
PLACE = closed(
    artifactLocation=closed(uri={"type": "string", "pattern": "^[!-~]+$"}),
    region=closed(startLine=NUMBER, startColumn=NUMBER),
)
RULE = closed(id=TEXT, shortDescription=MESSAGE, fullDescription=MESSAGE, help=MESSAGE) | {"required": ["id"]}
RESULT = closed(
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    locations=listed(closed(physicalLocation=PLACE)),
) | {"required": ["message"]}
DRIVER = closed(name=TEXT, version=TEXT, rules=listed(RULE)) | {"required": ["name"]}
COLUMNS = {"enum": ["utf16CodeUnits", "unicodeCodePoints"]}
RUN = closed(tool=closed(driver=DRIVER), columnKind=COLUMNS, results=listed(RESULT)) | {"required": ["tool"]}
LOG = closed(**{"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": listed(RUN)})
"""What the schema of SARIF 2.1.0 (errata 01) says of the parts that we write, and that there are no others.

By hand: the whole one has 110 KB, and terms of its own. What is written keeps to that one, too.
"""


def test_sarif_keeps_to_its_schema() -> None:
    log = sarif_view.document([NASTY, NOWHERE, NASTY], codes.known())
    assert [error.message for error in Draft202012Validator(LOG).iter_errors(log)] == []
    (run,) = log["runs"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 1, 0]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b%2Cc%3Ad%25/%C3%A9.yml"
    assert "locations" not in run["results"][1]


def test_github_commands_are_escaped() -> None:
    error, warning = github_view.text([NASTY, NOWHERE]).split("\n")
    place, _, message = error.partition(",title=bad-value::")
    assert place == "::error file=a b%2Cc%3Ad%25/é.yml,line=3,col=7"
    assert message == 'a %25 of "x": y, <z>\x01%0Aline one%0Aline two'
    assert warning == "::warning title=not-read::nowhere"


def test_junit_is_xml_whatever_is_told() -> None:
    root = ET.fromstring(junit_view.text([NASTY, NASTY, NOWHERE], ["b.yml", "a.yml"]))
    assert root.attrib["tests"] == "4"
    assert root.attrib["failures"] == "1"
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert list(cases) == ["project", "a.yml", "b.yml", "a b,c:d%/é.yml"]
    failure = cases["a b,c:d%/é.yml"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == 'a % of "x": y, <z>\ufffd (and 1 more)'
    assert [len(case) for case in cases.values()] == [1, 0, 0, 1]
    assert cases["project"].find("failure") is None


def test_every_code_of_the_page_has_its_words() -> None:
    known = codes.known()
    assert len(known) > 60
    assert known["two-values"].way_out.startswith("narrow the later one")
