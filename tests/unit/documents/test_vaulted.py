"""What ansible-vault has encrypted in documents: names stand for values, and nothing encrypted goes on."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vaulted
from ramify.documents import component, configuration, hierarchy, inventory, project
from ramify.documents.keyed import NoValueError, value_at
from ramify.documents.vaulted import BadVaultError, opened
from ramify.model.vaulted import name_in, name_of, reference

DOCUMENT = "env:\n" + vaulted.value("TOKEN")


def test_envelopes_of_both_formats_are_read() -> None:
    old, new = opened(vaulted.text("whole")), opened(vaulted.text("whole-prod"))

    assert (old.label, new.label) == ("", "prod")
    assert {len(one.salt) for one in (old, new)} == {len(one.mac) for one in (old, new)} == {32}


def test_line_ends_and_indentation_are_no_part_of_an_envelope() -> None:
    text = vaulted.text("whole")

    assert opened(text.replace("\n", "\r\n")) == opened(text.replace("\n", "\n      ")) == opened(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not encrypted"),
        ("hello", "not encrypted"),
        ("$ANSIBLE_VAULT;1.1;AES256", "cut off"),
        ("$ANSIBLE_VAULT;1.0;AES\n6162", "a format that is not read"),
        ("$ANSIBLE_VAULT;1.1;AES256;prod\n6162", "a format that is not read"),
        ("$ANSIBLE_VAULT;1.2;AES256\n6162", "a format that is not read"),
        ("$ANSIBLE_VAULT;1.1;AES256\nxyz", "damaged"),
        ("$ANSIBLE_VAULT;1.1;AES256\nff0aff0aff", "damaged"),
        (vaulted.text("whole")[:-3], "damaged"),
    ],
)
def test_what_is_no_envelope_is_told(text: str, words: str) -> None:
    with pytest.raises(BadVaultError, match=words):
        opened(text)


@given(st.integers(0, len(vaulted.text("whole")) - 1), st.characters())
def test_a_changed_envelope_is_read_or_refused(at: int, letter: str) -> None:
    text = vaulted.text("whole")
    with suppress(BadVaultError):
        opened(text[:at] + letter + text[at + 1 :])


def test_a_value_is_called_after_its_place_and_never_after_what_is_in_it() -> None:
    read, found = configuration.read(DOCUMENT, "c.yml")

    assert read is not None, list(found)
    (setting,) = read.env
    assert setting.value == reference(name_of("c.yml", ["env", "TOKEN"]))
    again, _ = configuration.read("# moved\nenv:\n" + vaulted.value("TOKEN", prod=True), "c.yml")
    assert again is not None
    assert again.env[0].value == setting.value


def test_values_may_stand_for_variables_and_texts_of_files() -> None:
    files = "files:\n" + vaulted.value("a.conf") + "  b.conf:\n" + vaulted.value("content", indent=4)
    config, _ = configuration.read(DOCUMENT + files, "c.yml")
    tree, _ = hierarchy.read("tree:\n  a:\n    vars:\n      db:\n" + vaulted.value("pw", indent=8), "h.yml")

    assert config is not None
    assert tree is not None
    names = [name_in(config.env[0].value), *(name_in(file.content) for file in config.files)]
    names.append(name_in(tree.tree[0].vars["db"]["pw"]))
    assert all(names)
    assert len(set(names)) == 4


def test_a_value_that_others_refer_to_is_one_secret() -> None:
    text = DOCUMENT.replace("!vault", "&it !vault") + "  OTHER: *it\n"
    read, _ = configuration.read(text, "c.yml")

    assert read is not None
    assert read.env[0].value == read.env[1].value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (hierarchy.read, "tree:\n  a:\n" + vaulted.value("extends", indent=4)),
        (inventory.read, "defaults:\n" + vaulted.value("user")),
        (component.read, vaulted.value("start", indent=0)),
        (project.read, vaulted.value("project", indent=0)),
        (configuration.read, "env:\n  ? !vault |\n    x\n  : y\n"),
    ],
)
def test_nowhere_else_may_a_value_be_encrypted(read: object, text: str) -> None:
    assert callable(read)
    value, found = read(text, "d.yml")

    assert value is None
    assert "yaml-tag" in [item.code for item in found]


def test_a_damaged_value_is_told_where_it_stands_and_needs_no_password() -> None:
    _, found = configuration.read(DOCUMENT[:-9] + "\n", "c.yml")

    (told,) = found
    assert (told.code, str(told.origin)) == ("bad-vault", "c.yml:2:10")


@pytest.mark.parametrize("read", [configuration.read, hierarchy.read, inventory.read, project.read])
def test_a_document_that_is_encrypted_as_a_whole_is_told_as_that(read: object) -> None:
    assert callable(read)
    _, found = read(vaulted.text(), "d.yml")

    assert [item.code for item in found] == ["vault-file"]


def test_encrypted_texts_never_pass_for_values() -> None:
    pasted = DOCUMENT.replace("!vault |", "|")
    sourced = "files: {db.conf: {source: db.conf.vault}}"

    for text in (pasted, sourced):
        _, found = configuration.read(text, "c.yml", source=lambda name: vaulted.text())
        assert [item.code for item in found] == ["vault-file"]


def test_keys_lead_to_values() -> None:
    text = "a: 0042\nb: {c: [x], d: !!str yes}\n" + vaulted.value("e", indent=0)

    assert value_at(text, ["a"]) == ("0042", False)
    assert value_at(text, ["b", "d"]) == ("yes", False)
    assert value_at(text, ["e"])[1] is True
    for keys in (["x"], ["b"], ["b", "c"], ["a", "b"]):
        with pytest.raises(NoValueError):
            value_at(text, keys)


@pytest.mark.parametrize("text", ["hunter2: [", "hunter2: 1\nhunter2: 2\n", "a: !hunter2 x", "\x00hunter2"])
def test_what_is_wrong_with_secret_yaml_is_told_without_its_words(text: str) -> None:
    with pytest.raises(NoValueError) as told:
        value_at(text, ["a"])

    assert "hunter2" not in str(told.value)
