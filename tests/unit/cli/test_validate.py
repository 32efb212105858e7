"""`validate`: every format tells the same problems, at names that its reader can find."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from unit.cli.conftest import Ramify
from unit.repository.servers import Server, running, serve

Golden = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def _nowhere_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


@pytest.fixture
def broken(project: Path) -> Path:
    """Two errors in the hierarchy, and a lint."""
    hierarchy = project / "hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text().replace("room[1-2]", "room[2-1]").replace("vars:", "var:"))
    return project


@pytest.fixture
def doubtful(project: Path) -> Path:
    """Warnings only: an entry that another one shadows, and one that takes no node."""
    (project / "config/other.yml").write_text("env: {INTERVAL: 1, LABEL: x}\n")
    with (project / "repository.yml").open("a") as file:
        file.write('  - {match: "/site/**", ref: config/other.yml}\n')
        file.write('  - {match: ["/site/room1", "!/site/room*"], ref: config/other.yml}\n')
    return project


# Formats.


@pytest.mark.parametrize("form", ["github", "junit"])
@pytest.mark.usefixtures("broken")
def test_text_formats(form: str, ramify: Ramify, golden: Golden) -> None:
    result = ramify("validate", "--format", form)
    assert result.code == 1
    golden(f"cli/validate-{form}.txt", result.out)


@pytest.mark.usefixtures("broken")
def test_sarif(ramify: Ramify, golden: Golden) -> None:
    log = json.loads(ramify("validate", "--format", "sarif").out)
    log["runs"][0]["tool"]["driver"]["version"] = "0"
    golden("cli/validate-sarif.json", json.dumps(log, indent=2) + "\n")


@pytest.mark.usefixtures("untouched")
def test_formats_of_a_project_without_problems(ramify: Ramify) -> None:
    assert json.loads(ramify("validate", "--format", "sarif").out)["runs"][0]["results"] == []
    assert ramify("validate", "--format", "github").out == "0 errors, 0 warnings\n"
    cases = ET.fromstring(ramify("validate", "--format", "junit").out).iter("testcase")
    names = (
        "project config/sensor.yml hierarchy.yml inventory.yml ramify.yml repository.yml sensor/component.yml"
    )
    assert [case.attrib["name"] for case in cases] == names.split()


@pytest.mark.usefixtures("untouched")
def test_json_and_another_format_are_two_wishes(ramify: Ramify) -> None:
    result = ramify("validate", "--json", "--format", "junit")
    assert result.code == 1
    assert [item["code"] for item in json.loads(result.out)["diagnostics"]] == ["usage"]


@pytest.mark.parametrize("form", ["github", "sarif", "junit"])
def test_names_for_tools_count_from_where_we_are_or_from_the_checkout(
    form: str, broken: Path, ramify: Ramify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(broken.parent)
    assert "acme/hierarchy.yml" in ramify("-C", "acme", "validate", "--format", form).out
    monkeypatch.chdir(broken)
    assert "acme/hierarchy.yml" not in ramify("validate", "--format", form).out
    monkeypatch.setenv("GITHUB_WORKSPACE", str(broken.parent))
    assert "acme/hierarchy.yml" in ramify("validate", "--format", form).out
    monkeypatch.setenv("GITHUB_WORKSPACE", "/elsewhere")
    assert "acme/hierarchy.yml" not in ramify("validate", "--format", form).out


# Warnings.


@pytest.mark.usefixtures("doubtful")
def test_lints_are_told_by_validate_only(ramify: Ramify) -> None:
    result = ramify("validate")
    assert result.code == 0
    assert [line.partition("]")[0].partition(": ")[2] for line in result.out.splitlines() if "[" in line][
        :2
    ] == [
        "warning[shadowed",
        "warning[unreachable",
    ]
    assert "warning" not in ramify("plan").err


@pytest.mark.usefixtures("doubtful")
def test_strict_counts_warnings_as_errors(ramify: Ramify) -> None:
    result = ramify("validate", "--strict", "--json")
    assert result.code == 1
    assert {item["severity"] for item in json.loads(result.out)["diagnostics"]} == {"error"}


def test_strict_has_nothing_against_a_project_without_warnings(untouched: Path, ramify: Ramify) -> None:
    assert ramify("-C", str(untouched), "validate", "--strict").code == 0


# Files.


def test_files_of_no_project_are_checked_alone(tmp_path: Path, ramify: Ramify) -> None:
    hosts = tmp_path / "anything.yml"
    hosts.write_text("hosts: {a: {adress: x}}\nplacements: []\n")
    result = ramify("-C", str(tmp_path), "validate", str(hosts), "--json")
    assert [(item["code"], item["line"]) for item in json.loads(result.out)["diagnostics"]] == [
        ("unknown-key", 1),
        ("bad-value", 2),
    ]


def test_files_of_no_project_are_read_with_what_they_name(
    tmp_path: Path, ramify: Ramify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "motd").write_text("hello")
    (tmp_path / "service.yml").write_text("files: {motd: {source: motd}, other: {source: nothing}}\n")
    result = ramify("validate", "service.yml")
    assert result.code == 1
    assert result.out.count("error[") == 1
    assert 'service.yml:1:47: error[unreadable-file]: cannot read "nothing"' in result.out


def test_a_file_of_no_known_kind_is_told(
    tmp_path: Path, ramify: Ramify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yml").write_text("on: push\n")
    result = ramify("validate", "other.yml")
    assert result.code == 0
    assert "warning[not-read]: other.yml is no document that Ramify knows" in result.out


def test_a_file_that_the_project_does_not_read_is_checked_alone(project: Path, ramify: Ramify) -> None:
    (project / "old.yml").write_text("env: {a b: 1}\n")
    result = ramify("validate", "old.yml", "--json")
    found = json.loads(result.out)["diagnostics"]
    assert [(item["code"], item["file"]) for item in found] == [("not-read", None), ("bad-name", "old.yml")]
    assert found[0]["detail"] == "It was checked alone, as a configuration."


def test_a_document_that_says_nothing_is_read_by_the_project_too(project: Path, ramify: Ramify) -> None:
    (project / "config/sensor.yml").write_text("# nothing yet\n")
    assert "not-read" not in ramify("validate", "config/sensor.yml").out


def test_validate_makes_no_runtime(project: Path, ramify: Ramify) -> None:
    for file in (project / ".ramify").rglob("*"):
        if file.is_file():
            file.unlink()
    assert ramify("validate").code == 0
    assert not list((project / ".ramify/runtimes").glob("*"))


# The web.


@pytest.fixture
def afar(project: Path) -> Iterator[Server]:
    """The project with a configuration on a server, which has another mistake in it than the project."""
    with running() as server:
        server.behave = serve({"far.yml": b"env: {a b: 1}\n"})
        with (project / "repository.yml").open("a") as file:
            file.write(f'  - {{match: "/site/room1/**", ref: "{server.url("far.yml")}"}}\n')
        yield server


def test_validate_asks_nobody_unless_told_to(afar: Server, ramify: Ramify) -> None:
    result = ramify("validate")
    assert (result.code, result.out) == (0, "Valid: no errors, no warnings.\n")
    assert "1 reference to the web never fetched" in result.err
    assert afar.asked == []
    assert json.loads(ramify("validate", "--json").out) == {"diagnostics": []}


def test_validate_follows_references_when_told_to(afar: Server, ramify: Ramify) -> None:
    result = ramify("validate", "--online", "--json")
    assert result.code == 1
    (found,) = json.loads(result.out)["diagnostics"]
    assert (found["code"], found["file"]) == ("bad-name", afar.url("far.yml"))
    assert [asked.path for asked in afar.asked] == ["/far.yml"]


def test_what_was_fetched_once_is_checked_without_asking_again(afar: Server, ramify: Ramify) -> None:
    ramify("validate", "--online")
    before = len(afar.asked)
    assert ramify("validate").code == 1
    assert len(afar.asked) == before


def test_what_an_unfollowed_document_may_say_is_not_missed(afar: Server, ramify: Ramify) -> None:
    del afar
    Path("config/sensor.yml").write_text("")
    manifest = Path("sensor/component.yml")
    manifest.write_text(manifest.read_text().replace("default: 5", "required: true"))
    told = json.loads(ramify("validate", "--json").out)["diagnostics"]
    assert {item["summary"].partition(":")[0] for item in told} == {"/site/room2/sensor1 and 1 more"}
