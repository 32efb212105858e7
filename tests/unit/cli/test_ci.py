"""What is offered to CI fits the command line that there is: the hook, the workflow, the page."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
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


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program in a checkout of somebody who has this Ramify, this pre-commit, and no settings."""
    (tmp_path / "checkout").mkdir()
    who = {f"GIT_{role}_{key}": "somebody" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    env |= who | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(ROOT / "engine"),
    }

    def call(*argv: str) -> subprocess.CompletedProcess[str]:
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(argv, cwd=tmp_path / "checkout", env=env, check=False, **how)

    return call


@pytest.mark.parametrize(("folder", "args"), [(".", []), ("deploy", ["-C", "deploy", "--strict"])])
def test_pre_commit_lets_a_good_project_pass_and_refuses_a_broken_one(
    folder: str, args: list[str], run: Run, tmp_path: Path
) -> None:
    # The hook as it is, but for its environment: that of this test has Ramify, and no index is asked for it.
    mine = hook() | {"language": "system", "args": args, "verbose": True}
    config = {"repos": [{"repo": "local", "hooks": [mine]}]}
    project = tmp_path / "checkout" / folder
    for line in (f"ramify init {folder}", "git init -q", "pre-commit install"):
        assert run(*line.split()).returncode == 0
    (tmp_path / "checkout/.pre-commit-config.yaml").write_text(yaml.safe_dump(config))

    def commit() -> tuple[int, str]:
        run("git", "add", "--all")
        done = run("git", "commit", "-m", "change")
        return done.returncode, done.stdout

    code, said = commit()
    assert (code, "Valid: no errors" in said) == (0, True), said

    hierarchy = project / "hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text().replace("room[1-2]", "room[2-1]"))
    code, said = commit()
    assert (code, "hierarchy.yml:6:7: error[bad-range]" in said) == (1, True), said

    hierarchy.write_text(hierarchy.read_text().replace("room[2-1]", "room[1-1]"))
    code, said = commit()
    assert (code, "Passed" in said) == (0, True), said
    assert run("git", "log", "--format=%s").stdout == "change\n" * 2


@pytest.mark.parametrize("line", LINES)
@pytest.mark.usefixtures("project")
def test_every_command_that_is_shown_runs(line: str, ramify: Ramify) -> None:
    assert ramify(*words(line)).code == 0, line


def test_the_lines_are_found() -> None:
    assert len([line for line in LINES if "validate" in line]) >= 4
