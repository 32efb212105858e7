"""Processes that wait at a gate, and become a program of a session of their own."""

import os
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import process

ENV = {"PATH": os.environ["PATH"], "A": "1 $B '\"\n", "PWD": "mine"}
TELL = """
echo $$; cut -d' ' -f6 /proc/$$/stat; pwd; umask; cat; echo $PWD; echo ${OLDPWD-no}; echo "$A"; echo "$@"
"""


def spawned(program: process.Program, *, through: bool = True) -> tuple[int, int, str]:
    """Its pid, its exit code and what it said."""
    gate = process.Gate()
    entry, out = os.pipe()
    pid = process.spawn(program, gate, out, out)
    os.close(out)
    if through:
        gate.open(1)
    else:
        gate.shut()
    with os.fdopen(entry) as said:
        text = said.read()
    return pid, process.exit_code(os.waitpid(pid, 0)[1]), text


def program(folder: Path, *argv: str, **env: str) -> process.Program:
    return process.Program(list(argv), {**ENV, **env}, str(folder), 0o077)


def test_a_program_gets_its_folder_mask_and_arguments_and_leads_a_session_under_the_pid_told(
    tmp_path: Path,
) -> None:
    pid, code, said = spawned(program(tmp_path, "sh", "-c", TELL, "sh", "a b", "*", ""))
    told, session, folder, umask, *rest = said.split("\n")
    assert (code, int(told), int(session), folder) == (0, pid, pid, str(tmp_path))
    # The program is a shell, which sets a PWD of its own.
    assert (int(umask, 8), rest[0]) == (0o077, str(tmp_path))
    assert rest[1:] == ["no", *ENV["A"].split("\n"), "a b * ", ""]


def test_the_environment_is_what_was_given_and_nothing_of_the_way_there(tmp_path: Path) -> None:
    given = {"PATH": os.environ["PATH"], "A": "1"}
    _, code, said = spawned(process.Program(["env"], given, str(tmp_path), 0o077))
    # A `sh` that is bash counts itself, and names the program.
    rest = [line for line in said.splitlines() if not line.startswith(("SHLVL=", "_="))]
    assert (code, sorted(rest)) == (0, [f"{name}={given[name]}" for name in sorted(given)])


def test_behind_a_gate_that_is_shut_nothing_runs(tmp_path: Path) -> None:
    _, code, said = spawned(program(tmp_path, "touch", "ran"), through=False)
    assert (code, said, list(tmp_path.iterdir())) == (125, "", [])


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ("no-such", 127, "no program no-such in "),
        ("./no-such", 127, "./no-such"),
        ("./plain", 126, "./plain"),
    ],
)
def test_a_program_that_cannot_be_run_is_named(tmp_path: Path, argv: str, code: int, said: str) -> None:
    (tmp_path / "plain").write_text("")
    _, found, told = spawned(program(tmp_path, argv))
    assert found == code
    assert said in told


def test_where_the_c_library_starts_no_sessions_a_program_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = os.posix_spawn

    def older(*args: Any, setsid: bool = False, **how: Any) -> int:
        if setsid:
            raise NotImplementedError
        return able(*args, **how)

    monkeypatch.setattr(os, "posix_spawn", older)
    pid, code, said = spawned(program(tmp_path, "sh", "-c", TELL))
    assert (code, *map(int, said.split("\n")[:2])) == (0, pid, pid)
