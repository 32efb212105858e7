"""Commands on a project as `init` writes it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.cli.conftest import Ramify

Golden = Callable[[str, str], None]


def test_init_tells_what_comes_next(tmp_path: Path, ramify: Ramify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = ramify("init", "try")
    assert (result.code, result.err) == (0, "")
    assert "cd try\n  ramify lab up" in result.out
    assert (tmp_path / "try/.gitignore").is_file()
    assert "project: try " in (tmp_path / "try/ramify.yml").read_text()


def test_init_goes_on_where_C_points(tmp_path: Path, ramify: Ramify) -> None:  # noqa: N802 - the option's name
    assert ramify("-C", str(tmp_path), "init", "try").code == 0
    assert (tmp_path / "try/ramify.yml").is_file()


@pytest.mark.usefixtures("untouched")
def test_a_fresh_project_is_valid(ramify: Ramify) -> None:
    assert ramify("validate") == (0, "Valid: no errors, no warnings.\n", "")


def test_what_is_wrong_is_told_all_at_once(project: Path, ramify: Ramify, golden: Golden) -> None:
    hierarchy, inventory = project / "hierarchy.yml", project / "inventory.yml"
    hierarchy.write_text(hierarchy.read_text().replace("room[1-2]", "room[2-1]").replace("vars:", "var:"))
    inventory.write_text(inventory.read_text().replace("{}", "{pot: 22}", 1))
    result = ramify("validate")
    assert result.code == 1
    golden("cli/validate.txt", result.out)


def test_validate_of_a_file_tells_what_is_wrong_there_only(project: Path, ramify: Ramify) -> None:
    for name in ("hierarchy.yml", "inventory.yml"):
        (project / name).write_text("nonsense: 1\n")
    result = ramify("validate", "hierarchy.yml", "--json")
    assert {item["file"] for item in json.loads(result.out)["diagnostics"]} == {"hierarchy.yml"}
    assert ramify("validate", "repository.yml").code == 0


@pytest.mark.usefixtures("untouched")
def test_validate_says_so_when_a_file_is_not_the_projects(ramify: Ramify) -> None:
    for name in ("ramify.yml", "hierarchy.yml", "inventory.yml", "config/sensor.yml", "sensor/component.yml"):
        assert "Valid" in ramify("validate", name).out
    assert "warning[not-read]: sensor/sensor.sh is not read" in ramify("validate", "sensor/sensor.sh").out


def test_warnings_are_beside_what_a_command_prints(project: Path, ramify: Ramify) -> None:
    with (project / "repository.yml").open("a") as file:
        file.write('  - {match: "/nowhere", ref: config/sensor.yml}\n')
    result = ramify("plan", "--json")
    assert result.code == 0
    assert "warning[dead-pattern]" in result.err
    assert json.loads(result.out)["summary"]["add"] == 7
    assert ramify("validate").code == 0


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("selection", "paths"),
    [
        (["/site/room1/sensor2"], {"/site", "/site/room1", "/site/room1/sensor2"}),
        (["/site/room*/sensor1"], {"/site", "/site/room1", "/site/room2"}),
        (["/"], {"/site", "/site/room1", "/site/room2"}),
    ],
)
def test_a_selection_brings_what_it_needs(selection: list[str], paths: set[str], ramify: Ramify) -> None:
    nodes = json.loads(ramify("plan", "--json", *selection).out)["nodes"]
    assert paths <= {node["path"] for node in nodes}


@pytest.mark.usefixtures("untouched")
def test_detailed_exitcode_tells_changes(ramify: Ramify) -> None:
    assert ramify("plan").code == 0
    assert ramify("plan", "--detailed-exitcode").code == 2


@pytest.mark.usefixtures("untouched")
def test_a_profile_tells_where_each_value_comes_from(ramify: Ramify, golden: Golden) -> None:
    lines = ramify("profile", "/site/room1/sensor2").out.splitlines()
    golden(
        "cli/profile.txt",
        "\n".join(line for line in lines if "digest" not in line and "subtree" not in line) + "\n",
    )


@pytest.mark.usefixtures("untouched")
def test_a_subtree_is_shown_under_its_path(ramify: Ramify) -> None:
    lines = ramify("tree", "/site/room2").out.splitlines()
    assert lines[1].startswith("└── /site/room2  gateway2")
    assert lines[-1] == "3 nodes."


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["/site"]),
        ("/site/", ["/site/room1", "/site/room2"]),
        ("/site/room1", ["/site/room1"]),
        ("/site/room1/s", ["/site/room1/sensor1", "/site/room1/sensor2"]),
        ("/nowhere/", []),
        ("/site!/site/room2", ["/site!/site/room2"]),
        ("!/site/room1/sensor1,/s", ["!/site/room1/sensor1,/site"]),
    ],
)
def test_paths_are_completed_step_by_step(
    typed: str, offered: list[str], ramify: Ramify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_RAMIFY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"ramify plan {typed}")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert [line.partition(",")[2] for line in ramify().out.split()] == offered


@pytest.mark.usefixtures("untouched")
def test_apply_completes_files_too(ramify: Ramify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_RAMIFY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_CWORD", "2")
    for typed, offered in (("cha", "file,cha"), ("/", "plain,/site")):
        monkeypatch.setenv("COMP_WORDS", f"ramify apply {typed}")
        assert ramify().out.split() == [offered]


@pytest.mark.lab
def test_a_fresh_project_runs_on_the_lab_at_once(project: Path, ramify: Ramify) -> None:
    try:
        assert ramify("lab", "up").code == 0
        first = ramify("apply", "-y")
        assert first.code == 0
        assert first.out.splitlines()[-1].startswith("Apply complete! 7 nodes planned: 7 done, 0 unchanged,")
        assert ramify("status", "--refresh").out.endswith("Status: 7 nodes, 7 active, 7 in sync.\n")
        assert ramify("apply", "-y").out == "No changes. Your fleet matches the hierarchy.\n"
        text = (project / "hierarchy.yml").read_text()
        (project / "hierarchy.yml").write_text(text.replace("interval: 2", "interval: 1"))
        assert '~ service.env.INTERVAL: "2" -> "1"' in ramify("plan").out
        assert json.loads(ramify("apply", "-y", "--json").out)["counts"]["done"] == 4
    finally:
        assert ramify("lab", "down").code == 0
    assert not (project / ".ramify/lab").exists()
    assert "to add" in ramify("status").out
