"""What is offered to CI fits the command line that there is: the hook, the workflow, the page."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.cli.conftest import Ramify

ROOT = Path(__file__).parents[3]
WORKFLOW: Any = yaml.safe_load((ROOT / "docs/examples/github-workflow.yml").read_text())
PAGE = (ROOT / "docs/ci.md").read_text()
STEPS = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
LINES = [line for line in STEPS if line.startswith("ramify ")] + re.findall(
    r"`(ramify (?!is)[a-z][^`]*)`", PAGE
)


def words(line: str) -> list[str]:
    """A shell line without what is the shell's."""
    return shlex.split(re.split(r" > | \|\| ", line)[0])[1:]


def hook() -> Any:
    (only,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return only


def test_the_hook_is_one_that_pre_commit_takes() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    (loaded,) = clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert loaded["id"] == "ramify-validate"
    assert f"id: {loaded['id']}" in PAGE
    assert not loaded["pass_filenames"]


def test_the_hooks_command_runs(untouched: Path, ramify: Ramify) -> None:
    entry = hook()["entry"].split()[1:]
    assert ramify(*entry, "--strict").code == 0
    assert ramify(*entry, "-C", str(untouched)).code == 0


@pytest.mark.parametrize("line", LINES)
@pytest.mark.usefixtures("project")
def test_every_command_that_is_shown_runs(line: str, ramify: Ramify) -> None:
    assert ramify(*words(line)).code == 0, line


def test_the_lines_are_found() -> None:
    assert len([line for line in LINES if "validate" in line]) >= 4
