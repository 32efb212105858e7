"""The entry: what is loaded, colours, errors nobody foresaw, ends of all kinds."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ramify import __version__
from unit.cli.conftest import Ramify

SLOW = ("asyncssh", "cryptography", "rich", "lxml", "jsonschema", "jinja2.debug", "cffi")


def start(*argv: str, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "ramify", *argv], text=True, **options)  # type: ignore[call-overload,no-any-return]


def loaded(*argv: str) -> set[str]:
    """The modules that a command line imports."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ramify", *argv],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in found.stderr.splitlines() if "import time:" in line}


def test_the_version_is_told_before_anything_is_loaded() -> None:
    assert not {"click", "msgspec", "asyncio", "ramify.cli.main"} & loaded("--version")


def test_the_help_loads_no_command() -> None:
    found = loaded("--help")
    assert not {name for name in found if name.startswith("ramify.cli.commands.")}
    assert not {"msgspec", "yaml", "asyncio", *SLOW} & found


def test_a_plan_loads_nothing_that_it_does_not_need(starter: Path) -> None:
    carrying_out = {"asyncio", "ramify.cli.carrying", "ramify.initiator.run"}
    assert not {*carrying_out, *SLOW} & loaded("-C", str(starter), "plan")


@pytest.mark.parametrize("argv", [("--version",), ("--no-color", "--version")])
def test_the_version(argv: tuple[str, ...]) -> None:
    with start(*argv, stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == f"ramify {__version__}\n"


def test_no_command_at_all_is_help_and_an_error(ramify: Ramify) -> None:
    result = ramify()
    assert result.code == 1
    assert "Commands:" in result.err
    assert result.out == ""


def test_global_options_stand_before_and_after_the_command(starter: Path, ramify: Ramify) -> None:
    before = ramify("-C", str(starter), "--json", "tree")
    assert before.code == 0
    after = ramify("tree", "-C", str(starter), "--json")
    assert (after.code, after.out) == (before.code, before.out)
    relative = ramify("-C", str(starter.parent), "tree", "--json", "-C", starter.name)
    assert (relative.code, relative.out) == (before.code, before.out)


@pytest.mark.usefixtures("untouched")
def test_colours_are_for_those_who_see_them(ramify: Ramify, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in ramify("plan").out
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b[32m" in ramify("plan").out
    assert "\x1b[" not in ramify("plan", "--no-color").out
    assert "\x1b[" not in ramify("plan", "--json").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in ramify("plan").out


@pytest.mark.usefixtures("untouched")
def test_an_internal_error_is_one_line_unless_asked_for_more(
    ramify: Ramify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr("ramify.compile.fleet.Fleet.grow", broken)
    monkeypatch.setattr("ramify.compile.fleet.PASSES", (broken,))
    result = ramify("plan")
    assert result.code == 1
    assert "internal error: ValueError: two lines" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in ramify("plan", "-v").err
    monkeypatch.setenv("RAMIFY_DEBUG", "1")
    assert "Traceback" in ramify("plan").err
    assert json.loads(ramify("plan", "--json").out)["diagnostics"][0]["code"] == "internal"


def test_a_reader_that_leaves_is_not_an_error_to_talk_about(starter: Path) -> None:
    with start("-C", str(starter), "tree", "-v", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        said = process.stderr.read()
    assert process.returncode == 1
    assert "rror" not in said
    assert "Traceback" not in said


def test_a_directory_that_is_none_is_told(project: Path, ramify: Ramify) -> None:
    (project / ".ramify/directory.db").write_text("no database, " * 1000)
    result = ramify("plan")
    assert result.code == 1
    assert "error[directory]: cannot open the directory" in result.err


def test_only_yes_approves(project: Path) -> None:
    assert ask(project, "y\n").endswith("Apply cancelled: nothing was done.")


def test_ctrl_c_at_the_question_ends_with_130(project: Path) -> None:
    assert ask(project, "\x03", code=130).endswith("Interrupted.")


def ask(project: Path, answer: str, code: int = 1) -> str:
    """Apply on a terminal, and answer the question; what the screen shows after it."""
    lab_free = (project / "inventory.yml").read_text().replace("transport: lab", "transport: local")
    (project / "inventory.yml").write_text(lab_free)
    pid, master = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "ramify", "apply"])
    shown = b""
    try:
        while b"Enter a value: " not in shown:
            shown += os.read(master, 4096)
        os.write(master, answer.encode())
        rest = b""
        while True:
            try:
                block = os.read(master, 4096)
            except OSError:
                break
            if not block:
                break
            rest += block
    finally:
        os.close(master)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == code
    return rest.decode().strip()
