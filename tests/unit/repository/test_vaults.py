"""What ansible-vault itself has encrypted is opened, by the right password and by no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import vaulted
from ramify.documents.vaulted import opened as envelope
from ramify.repository.vaults import opened
from vaulted import PASSWORDS

WHOLE = envelope(vaulted.text("whole"))


@pytest.mark.parametrize(
    ("name", "password", "value"),
    [
        ("whole", "default", b"s3cr3t-of-1.1\n"),
        ("whole-prod", "prod", b"s3cr3t-of-1.2\n"),
        ("binary", "default", b"\xff\xfebinary"),
    ],
)
def test_files_of_both_formats_open(name: str, password: str, value: bytes) -> None:
    assert opened(envelope(vaulted.text(name)), PASSWORDS[password]) == value


@pytest.mark.parametrize("password", [b"", b"correct horse ", b"Correct horse", PASSWORDS["prod"]])
def test_no_other_password_opens(password: bytes) -> None:
    assert opened(WHOLE, password) is None


@given(st.sampled_from(["salt", "mac", "sealed"]), st.integers(0, 31), st.integers(0, 7))
def test_nothing_that_was_changed_opens(part: str, at: int, bit: int) -> None:
    data = bytearray(getattr(WHOLE, part))
    data[at % len(data)] ^= 1 << bit

    assert opened(structs.replace(WHOLE, **{part: bytes(data)}), PASSWORDS["default"]) is None
