"""docs/commands.md tells the truth: the documented JSON is what the commands print."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ramify.cli.main import COMMANDS, cli
from unit.cli.conftest import Ramify

PAGE = (Path(__file__).parents[3] / "docs/commands.md").read_text()
FORMS = dict(re.findall(r"`ramify ([^`]*--json)` prints:\n\n```json\n(.*?)```", PAGE, re.DOTALL))
ON_THE_LAB = {"apply -y --json", "lab status --json"}
ANY_NAME = "NAME"


def differences(shown: Any, printed: Any, at: str = "$") -> Iterator[str]:
    """Where the printed value has another shape than the documented example; null fits everything."""
    if shown is None or printed is None:
        return
    if isinstance(shown, dict) and isinstance(printed, dict):
        keys = set(printed) if set(shown) == {ANY_NAME} else set(shown)
        if keys != set(printed):
            yield f"{at}: {sorted(keys ^ set(printed))}"
        for key in keys & set(printed):
            yield from differences(shown.get(key, shown.get(ANY_NAME)), printed[key], f"{at}.{key}")
    elif isinstance(shown, list) and isinstance(printed, list):
        for number, item in enumerate(printed):
            if shown:
                yield from differences(
                    shown[0] if len(shown) != 3 else shown[number], item, f"{at}[{number}]"
                )
    elif type(shown) is not type(printed) and not {type(shown), type(printed)} <= {int, float}:
        yield f"{at}: documented {type(shown).__name__}, printed {type(printed).__name__}"


def check(line: str, ramify: Ramify) -> None:
    result = ramify(*line.split())
    assert list(differences(json.loads(FORMS[line]), json.loads(result.out))) == []


@pytest.mark.parametrize("line", [line for line in FORMS if line not in ON_THE_LAB])
def test_the_documented_json_is_what_is_printed(line: str, project: Path, ramify: Ramify) -> None:
    if line.startswith("validate"):
        (project / "ramify.yml").write_text("hirarchy: hierarchy.yml\n")
    if line.startswith("show"):
        assert ramify("plan", "-o", line.split()[1]).code == 0
    check(line, ramify)


@pytest.mark.lab
def test_the_documented_json_of_a_run_is_what_is_printed(project: Path, ramify: Ramify) -> None:
    del project
    try:
        assert ramify("lab", "up").code == 0
        check("lab status --json", ramify)
        check("apply -y --json", ramify)
        check("status --json", ramify)
    finally:
        assert ramify("lab", "down").code == 0
    check("lab status --json", ramify)


def test_every_command_is_documented() -> None:
    headings = " ".join(line for line in PAGE.splitlines() if line.startswith("## "))
    assert [name for name in COMMANDS if name not in headings] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str, ramify: Ramify) -> None:
    result = ramify(name, "--help")
    assert result.code == 0
    assert "Examples:" in result.out
    assert "-C DIR" in result.out


def test_the_help_of_all_commands_imports_none_of_them(ramify: Ramify) -> None:
    assert cli.name == "cli"
    result = ramify("--help")
    assert [name for name in COMMANDS if name not in result.out] == []
