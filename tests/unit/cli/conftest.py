"""Command lines in this process, on projects that `init` wrote."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ramify.cli.main import run


class Result(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


Ramify = Callable[..., Result]


@pytest.fixture
def ramify(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ramify:
    """Run a command line; nobody sits at a terminal."""
    for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RAMIFY_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def call(*argv: str) -> Result:
        capfd.readouterr()
        code = run(argv)
        return Result(code, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as `init` writes it, with its runtime built."""
    folder = tmp_path_factory.mktemp("starter") / "acme"
    assert run(["init", str(folder)]) == 0
    assert run(["-C", str(folder), "plan"]) == 0
    return folder


@pytest.fixture
def project(starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    folder = tmp_path / "acme"
    shutil.copytree(starter, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def untouched(starter: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project itself as the current folder, for commands that must not change it."""
    monkeypatch.chdir(starter)
    return starter
