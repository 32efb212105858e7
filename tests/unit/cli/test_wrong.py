"""Wrong command lines and projects: one clear error each, exit code 1, and nothing touched."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.cli.conftest import Ramify

Change = Callable[[Path], object]


def edit(file: str, old: str, new: str) -> Change:
    def change(project: Path) -> None:
        text = (project / file).read_text()
        assert old in text
        (project / file).write_text(text.replace(old, new, 1))

    return change


def contents(folder: Path) -> dict[str, bytes]:
    """All that a user has in a project; not what Ramify keeps for itself."""
    files = (file for file in folder.rglob("*") if file.is_file() and ".ramify" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


LINES: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown command": (("plann",), 'no command "plann"; did you mean "plan"?'),
    "unknown option": (("plan", "--deatiled-exitcode"), "no such option '--deatiled-exitcode'"),
    "option without its value": (("-C",), "option '-C' requires an argument"),
    "missing argument": (("profile",), "missing argument 'PATH'"),
    "too many arguments": (("profile", "/site", "/site"), "unexpected extra argument"),
    "unknown shell": (("completion", "tcsh"), "'tcsh' is not one of"),
    "unknown format": (("validate", "--format", "xml"), "'xml' is not one of"),
    "path that is not there": (("plan", "/site/room3"), '"/site/room3" selects no node'),
    "pattern that takes nothing": (("plan", "/site/room[7-9]"), '"/site/room[7-9]" selects no node'),
    "path without a slash": (("plan", "site"), 'pattern "site" does not begin with "/"'),
    "range that counts down": (("status", "/site/room[2-1]"), 'range "[2-1]" counts down'),
    "empty path": (("apply", "-y", ""), "a path cannot be empty"),
    "one wrong path of two": (("plan", "/site", "/sight"), '"/sight" selects no node'),
    "profile of no node": (("profile", "/site/room1/sensor9"), 'no node at "/site/room1/sensor9"'),
    "tree of no node": (("tree", "/nowhere"), '"/nowhere" selects no node'),
    "apply that nobody approves": (("apply",), "nobody is there to approve the plan"),
    "apply without the lab": (("apply", "-y"), "the lab is not up"),
    "refresh without the lab": (("status", "--refresh"), "the lab is not up"),
    "folder without a project": (("-C", "sensor", "plan"), "ramify.yml"),
    "folder that is not there": (("-C", "nowhere", "lab", "up"), "ramify.yml"),
    "init into a full folder": (("init", "."), "is not empty"),
    "init onto a file": (("init", "ramify.yml"), "is a file"),
    "validate a file that is not there": (("validate", "nothing.yml"), "no file nothing.yml"),
    "runtime of no kind": (("runtime", "add", "--kind", "windows", "."), "expected a kind such as"),
    "runtime from no folder": (
        ("runtime", "add", "--kind", "cp312-linux-x86_64-glibc", "no"),
        "no folder no",
    ),
    "lab of a project elsewhere": (("-C", "sensor", "lab", "status"), "no ramify.yml"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_wrong_command_line_is_one_error(name: str, untouched: Path, ramify: Ramify) -> None:
    argv, words = LINES[name]
    before = contents(untouched)
    result = ramify(*argv)
    assert result.code == 1
    assert words in result.err
    assert result.err.count("error[") == 1
    assert result.out == ""
    assert contents(untouched) == before


@pytest.mark.parametrize("name", LINES)
@pytest.mark.usefixtures("untouched")
def test_with_json_the_error_is_all_that_stdout_carries(name: str, ramify: Ramify) -> None:
    argv, words = LINES[name]
    result = ramify(*argv, "--json") if name != "option without its value" else ramify("--json", *argv)
    assert result.code == 1
    (problem,) = json.loads(result.out)["diagnostics"]
    assert words in problem["summary"]
    assert problem["severity"] == "error"
    assert "error[" not in result.err


PROJECTS: dict[str, tuple[Change, str]] = {
    "no hierarchy": (lambda at: (at / "hierarchy.yml").unlink(), "ramify.yml:3:12: error[missing-file]"),
    "unknown key": (edit("ramify.yml", "hierarchy:", "hirarchy:"), 'Did you mean "hierarchy"?'),
    "broken yaml": (edit("hierarchy.yml", "tree:", "tree: ["), "hierarchy.yml:"),
    "bad range": (edit("hierarchy.yml", "room[1-2]", "room[2-1]"), "hierarchy.yml:6:7: error[bad-range]"),
    "broken assertion": (edit("hierarchy.yml", "interval: 2", "interval: 0"), "error[assert]"),
    "pool too small": (edit("hierarchy.yml", "sensor[1-2]", "sensor[1-9]"), "inventory.yml:"),
    "host that is not there": (edit("inventory.yml", "host: center", "host: centre"), 'no host "centre"'),
    "no code": (edit("repository.yml", '"/site", ', ""), "error[no-code]"),
    "code that is not there": (edit("repository.yml", "sensor}", "senser}"), 'Did you mean "sensor"?'),
    "configuration not there": (edit("repository.yml", "/sensor.yml", "/x.yml"), "error[missing-file]"),
    "unknown variable": (edit("config/sensor.yml", "vars.interval", "vars.x"), "config/sensor.yml:3:3"),
    "parent that is no initiator": (
        edit("repository.yml", '["/site", "/site/room*"]', '["/site"]'),
        "error[no-code]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROJECTS)
def test_a_broken_project_is_told_with_its_place(name: str, project: Path, ramify: Ramify) -> None:
    change, words = PROJECTS[name]
    change(project)
    before = contents(project)
    result = ramify("validate")
    assert result.code == 1
    assert words in result.out
    assert "internal error" not in result.out + result.err
    assert contents(project) == before


@pytest.mark.parametrize(
    "command", ["plan", "apply -y", "lab up", "status --refresh", "tree", "profile /site"]
)
def test_no_command_goes_on_with_a_broken_project(command: str, project: Path, ramify: Ramify) -> None:
    change, words = PROJECTS["bad range"]
    change(project)
    result = ramify(*command.split())
    assert result.code == 1
    assert words in result.err
    assert result.out == ""
    assert not (project / ".ramify/lab").exists()
