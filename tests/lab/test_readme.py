"""What the README shows is true: its documents compile, its tour runs, the demo tells its story."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ramify.cli.main import run

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RAMIFY = [sys.executable, "-m", "ramify"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[list[str]]:
    lines = [line.partition("  #")[0].strip() for line in block.splitlines()]
    return [shlex.split(part) for line in lines if line for part in line.split("&&")]


def ramify(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    how: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True, "timeout": 300}
    return subprocess.run([*RAMIFY, *words], check=False, **how)


@pytest.fixture(autouse=True)
def no_lab_stays(tmp_path: Path) -> Iterator[None]:
    """Whatever a failed test left running is stopped."""
    yield
    for lab in tmp_path.glob("**/.ramify/lab"):
        ramify(lab.parents[1], "lab", "down")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The documents of the tour, and the files that they refer to."""
    for text in blocks("yaml"):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(text)
    (tmp_path / "ramify.yml").write_text(
        "project: tour\nhierarchy: hierarchy.yml\ninventory: inventory.yml\nrepository: repository.yml\n"
    )
    (tmp_path / "known_hosts").write_text("")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "probe.yml").write_text('env: {INTERVAL: "{{ vars.interval }}"}\n')
    (tmp_path / "agents" / "store").mkdir(parents=True)
    for name in ("probe.sh", "store/start"):
        (tmp_path / "agents" / name).write_text("#!/bin/sh\nsleep 1000\n")
        (tmp_path / "agents" / name).chmod(0o755)
    return tmp_path


def test_the_documents_of_the_readme_compile(project: Path) -> None:
    done = ramify(project, "plan")

    assert done.returncode == 0, done.stderr
    assert "Plan: 1010 to add, 0 to change, 0 to destroy." in done.stdout
    assert "warning" not in done.stderr


def test_the_tour_of_the_readme_runs_as_written(tmp_path: Path) -> None:
    [tour] = [block for block in blocks("console") if "ramify init" in block]
    folder = tmp_path
    for words in commands(tour):
        if words[0] == "cd":
            folder = folder / words[1]
            continue
        assert words[0] == "ramify"
        done = ramify(folder, *words[1:])
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert not (folder / ".ramify" / "lab").exists()


def test_every_command_of_the_readme_exists() -> None:
    named = {words[1] for block in blocks("console") for words in commands(block) if words[0] == "ramify"}

    assert {name: run([name, "--help"]) for name in named} == dict.fromkeys(named, 0)


def test_the_demo_tells_its_story_and_leaves_nothing(tmp_path: Path) -> None:
    done = ramify(tmp_path, "demo")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Apply complete! 40 nodes planned: 40 done" in done.stdout
    assert "No process, no port, no file is left." in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [".ramify"]
    assert not (tmp_path / ".ramify" / "demo").exists()
