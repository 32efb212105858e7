"""Values of secrets: read where they are declared, and told of by nothing but keyed digests."""

import sys
from pathlib import Path

import pytest

from ramify.documents.secrets import SecretSource
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.repository.secrets import KEY, SecretError, Vault

HERE = Origin("ramify.yml", 5, 3)


def vault(folder: Path, **sources: str | tuple[str, ...]) -> Vault:
    """`NAME=path` is a file, `NAME="$VARIABLE"` a variable, a tuple a command."""
    return Vault(folder, folder / ".ramify", {name: _source(said) for name, said in sources.items()})


def _source(said: str | tuple[str, ...]) -> SecretSource:
    if isinstance(said, tuple):
        return SecretSource(HERE, command=said)
    return SecretSource(HERE, env=said[1:]) if said.startswith("$") else SecretSource(HERE, file=said)


def fingerprint(made: Vault) -> str:
    found = Diagnostics()
    told = made.fingerprints(["db"], found)
    assert list(found) == []
    return told["db"]


def test_a_file_counts_from_the_project_and_loses_one_line_end(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"one\ntwo\n\n")

    assert vault(tmp_path, db="db").value("db") == "one\ntwo\n"


def test_a_variable_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB", "x\n")

    assert vault(tmp_path, db="$DB").value("db") == "x\n"


def test_a_command_runs_once_in_the_projects_folder(tmp_path: Path) -> None:
    made = vault(tmp_path, db=("sh", "-c", "echo again >> runs; pwd"))

    assert made.value("db") == made.value("db") == str(tmp_path)
    assert (tmp_path / "runs").read_text() == "again\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere", "No such file"),
        ("$RAMIFY_TEST_NOT_SET", "is not set"),
        (("false",), "ended with 1"),
        (("/no/such/program",), "No such file"),
        (("printf", ""), "is empty"),
        (("printf", r"a\000b"), "NUL"),
        (("printf", r"\377"), "no text"),
        ((sys.executable, "-c", "print('x' * 70000)"), "64 KiB"),
    ],
)
def test_what_gives_no_value_is_told(tmp_path: Path, source: str | tuple[str, ...], words: str) -> None:
    made = vault(tmp_path, db=source)
    found = Diagnostics()

    with pytest.raises(SecretError, match=words):
        made.value("db")
    assert made.fingerprints(["db"], found) == {}
    assert [(item.code, item.origin) for item in found] == [("unreadable-secret", HERE)]


def test_a_digest_tells_of_change_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("one")
    first, again = fingerprint(vault(tmp_path, db="db")), fingerprint(vault(tmp_path, db="db"))
    (tmp_path / "db").write_text("two")
    other = fingerprint(vault(tmp_path, db="db"))
    (tmp_path / ".ramify" / KEY).unlink()

    assert first == again != other
    assert fingerprint(vault(tmp_path, db="db")) != other


def test_equal_values_of_two_secrets_do_not_look_equal(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("one")
    made = vault(tmp_path, db="db", other="db").fingerprints(["db", "other"], Diagnostics())

    assert made["db"] != made["other"]


def test_whoever_only_looks_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("one")
    told = fingerprint(vault(tmp_path, db="db"))
    (tmp_path / "db").unlink()

    assert vault(tmp_path, db="db").known(["db", "other"]) == {"db": told}


def test_key_and_digests_are_for_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("one")
    fingerprint(vault(tmp_path, db="db"))

    assert {file.stat().st_mode & 0o777 for file in (tmp_path / ".ramify").iterdir()} == {0o600}
    assert not any(b"one" in file.read_bytes() for file in (tmp_path / ".ramify").iterdir())
