"""Secrets that ansible-vault keeps: files, keys and inline values, opened with passwords from anywhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vaulted
from ramify.documents.secrets import SecretSource
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.vaulted import name_of
from ramify.repository.passwords import PASSWORD_FILE
from ramify.repository.secrets import SecretError, Vault

HERE = Origin("ramify.yml", 5, 3)
PLAIN = {
    name: SecretSource(HERE, file=file) for name, file in (("default", "password"), ("prod", "password-prod"))
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with files of ansible-vault in it."""
    monkeypatch.delenv(PASSWORD_FILE, raising=False)
    shutil.copytree(vaulted.VAULT, tmp_path / "p")
    return tmp_path / "p"


def vault(folder: Path, passwords: dict[str, SecretSource] = PLAIN, *keys: str, file: str = "whole") -> Vault:
    """One secret `x`, and one that stands in config.yml."""
    (folder / "config.yml").write_text("env:\n" + vaulted.value("TOKEN"))
    written = {name_of("config.yml", ["env", "TOKEN"]): Origin("config.yml", 2, 3)}
    return Vault(folder, folder / "c", {"x": SecretSource(HERE, vault=file, key=keys)}, passwords, written)


def told(made: Vault) -> list[str]:
    found = Diagnostics()
    assert made.fingerprints([*made._declared, *made._written], found) == {}
    return [f"{item.origin} {item.code} {item.summary}" for item in found]


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        ("whole", (), "s3cr3t-of-1.1"),
        ("whole-prod", (), "s3cr3t-of-1.2"),
        ("keys.yml", ("api_token",), "tok-en-of-a-key"),
        ("keys.yml", ("pin",), "0042"),
        ("keys.yml", ("größe",), "żółć ☃"),
        ("keys.yml", ("db", "password"), "nested-pass-word"),
        ("keys.yml", ("note",), "two\nlines\n"),
        ("group_vars.yml", ("db_password",), vaulted.INLINE),
        ("group_vars.yml", ("prod_password",), vaulted.INLINE_PROD),
    ],
)
def test_a_whole_file_or_one_key_of_it_is_a_secret(
    folder: Path, file: str, keys: tuple[str, ...], value: str
) -> None:
    assert vault(folder, PLAIN, *keys, file=file).value("x") == value


def test_a_value_in_a_document_is_what_stands_there_today(folder: Path) -> None:
    made = vault(folder)
    (folder / "config.yml").write_text("# rotated\nenv:\n" + vaulted.value("TOKEN", prod=True))

    assert made.value(name_of("config.yml", ["env", "TOKEN"])) == vaulted.INLINE_PROD


def test_a_value_that_is_not_there_any_more_is_told(folder: Path) -> None:
    made = vault(folder)
    (folder / "config.yml").write_text("env: {TOKEN: open}")

    with pytest.raises(
        SecretError, match=r"config\.yml:2:3: config\.yml has no `!vault` value for it any more"
    ):
        made.value(name_of("config.yml", ["env", "TOKEN"]))


@pytest.mark.parametrize(
    "source",
    [
        SecretSource(HERE, env="RAMIFY_TEST_VAULT"),
        SecretSource(HERE, command=("cat", "password")),
        SecretSource(HERE, file="script"),
    ],
)
def test_passwords_come_from_variables_commands_and_scripts_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: SecretSource
) -> None:
    monkeypatch.setenv("RAMIFY_TEST_VAULT", "correct horse")
    (folder / "script").write_text("#!/bin/sh\necho 'correct horse'\n")
    (folder / "script").chmod(0o700)

    assert vault(folder, {"default": source}).value("x") == "s3cr3t-of-1.1"


def test_the_password_file_of_ansible_is_taken_where_the_project_names_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_FILE, str(folder / "password"))

    assert vault(folder, {}).value("x") == "s3cr3t-of-1.1"
    assert vault(folder, {"prod": PLAIN["prod"]}, file="whole-prod").value("x") == "s3cr3t-of-1.2"
    with pytest.raises(SecretError, match='"default" does not open'):
        vault(folder, {"default": PLAIN["prod"]}).value("x")


def test_a_password_is_read_once_for_all_and_only_when_needed(folder: Path) -> None:
    source = SecretSource(HERE, command=("sh", "-c", "echo again >> runs; cat password"))
    made = vault(folder, {"default": source})
    assert not (folder / "runs").exists()

    made.value("x")
    made.value(name_of("config.yml", ["env", "TOKEN"]))

    assert (folder / "runs").read_text() == "again\n"


def test_a_password_that_cannot_be_read_is_not_asked_for_again(folder: Path) -> None:
    source = SecretSource(HERE, command=("sh", "-c", "echo again >> runs; exit 1"))

    (said,) = told(vault(folder, {"default": source}))

    assert said.endswith('the password of vault id "default": sh ended with 1 (1 more with it)')
    assert (folder / "runs").read_text() == "again\n"


def test_passwords_of_others_need_not_be_there(folder: Path) -> None:
    lacking = {**PLAIN, "default": SecretSource(HERE, file="nowhere")}

    assert vault(folder, lacking, file="whole-prod").value("x") == "s3cr3t-of-1.2"
    assert vault(folder, {"a": lacking["default"], "b": PLAIN["default"]}).value("x") == "s3cr3t-of-1.1"


def test_a_missing_password_is_told_once_for_all_that_it_would_open(folder: Path) -> None:
    (said,) = told(vault(folder, {}))

    assert said.startswith(
        "config.yml:2:3 vault-password the `!vault` value at config.yml:2:3: no password of"
    )
    assert said.endswith("is known (1 more with it)")


@pytest.mark.parametrize(
    ("passwords", "file", "words"),
    [
        ({"default": PLAIN["prod"]}, "whole", 'the password of "default" does not open whole'),
        ({**PLAIN, "default": PLAIN["prod"]}, "whole", 'neither the password of "default" nor the'),
        ({"default": PLAIN["default"]}, "whole-prod", 'for "prod", and the password of "default" does not'),
        ({"default": SecretSource(HERE, file="nowhere")}, "whole", '"default": cannot use nowhere: No such'),
        ({"default": SecretSource(HERE, command=("false",))}, "whole", '"default": false ended with 1'),
        ({"default": SecretSource(HERE, command=("true",))}, "whole", 'vault id "default": it is empty'),
    ],
)
def test_a_password_that_does_not_do_is_told_with_its_id(
    folder: Path, passwords: dict[str, SecretSource], file: str, words: str
) -> None:
    found = Diagnostics()
    vault(folder, passwords, file=file).fingerprints(["x"], found)

    (said,) = found
    assert (said.code, said.origin) == ("vault-password", HERE)
    assert words in said.summary


@pytest.mark.parametrize(
    ("file", "keys", "words"),
    [
        ("password", (), "password is not encrypted by ansible-vault"),
        ("group_vars.yml", ("plain",), '"plain" of group_vars.yml is not encrypted'),
        ("keys.yml", ("nothing",), 'it has no key "nothing"'),
        ("keys.yml", ("db",), '"db" is a list or a mapping'),
        ("cut", (), "damaged, or cut off"),
        ("nowhere", (), "cannot use nowhere: No such file"),
        ("binary", (), "it is no text"),
        ("binary", ("a",), "binary is no text"),
    ],
)
def test_files_that_give_no_value_are_told(
    folder: Path, file: str, keys: tuple[str, ...], words: str
) -> None:
    (folder / "cut").write_text(vaulted.text()[:200])

    with pytest.raises(SecretError, match=words):
        vault(folder, PLAIN, *keys, file=file).value("x")


def test_an_encrypted_text_is_never_taken_for_the_value(folder: Path) -> None:
    for source in (SecretSource(HERE, file="whole"), SecretSource(HERE, command=("cat", "whole"))):
        with pytest.raises(SecretError, match="it is encrypted by ansible-vault"):
            Vault(folder, folder / "c", {"x": source}).value("x")


def test_who_has_nothing_encrypted_loads_nothing_that_opens_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ramify.initiator import operator\n"
        "from ramify.documents.secrets import SecretSource; from ramify.model.diagnostics import Origin\n"
        "from ramify.repository.secrets import Vault\n"
        "made = Vault(Path(), Path(), {'x': SecretSource(Origin('', 1, 1), command=('echo', 'x'))})\n"
        "print(made.value('x'), sorted({'cryptography', 'ramify.documents.keyed'} & sys.modules.keys()))\n"
    )

    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert said.stdout == "x []\n"


def test_values_in_documents_from_the_web_are_not_opened(folder: Path) -> None:
    place = Origin("https://example.com/c.yml", 2, 3)
    made = Vault(folder, folder / "c", {}, PLAIN, {name_of(place.file, ["env", "TOKEN"]): place})

    (said,) = told(made)

    assert said.startswith("https://example.com/c.yml:2:3 unreadable-secret")
