"""Signatures: those that `ssh-keygen` makes, keys of all kinds, and what is no signature of anybody."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import allowed, keygen, policies, signatures
from unit.stub import signing
from unit.stub.signing import NOW, OPS, STRANGER, WEB, base64, canonical, policy, public, refused, string

TEXT = "what is signed: größe\n"
KINDS = [("ed25519",), ("rsa", "-b", "2048"), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "521")]


def read(key: str, **options: str) -> policies.Policy:
    named = {name.replace("_", "-"): value for name, value in options.items()}
    return policies.read(canonical(policy(rules=[], signers=[{"key": key, "name": "me", "options": named}])))


def judged(
    blobs: Any, known: policies.Policy | None = None, other: Any = None
) -> tuple[list[str], list[str]]:
    found = policies.read(canonical(policy())) if known is None else known
    return signatures.signers(TEXT, blobs, found, NOW, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_what_ssh_keygen_signs_is_valid_for_every_kind_of_key(
    tmp_path: Path, kind: tuple[str, ...], algorithm: str
) -> None:
    key = signing.keygen(tmp_path, *kind)
    armored = signing.sign(key, TEXT, "ramify", "-O", f"hashalg={algorithm}")
    plain = "".join(armored.split("\n")[1:-2])
    known = read(public(key))
    other = keygen.Keygen(str(tmp_path))

    assert judged([armored], known, other) == (["me"], [])
    assert judged([plain], known, other) == (["me"], [])
    (note,) = signatures.signers(TEXT + " ", [armored], known, NOW, other)[1]
    assert note.startswith("signature 1: by the key of me: ")
    assert not list(tmp_path.glob(".verify*"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_for_git_is_none_for_ramify(tmp_path: Path, kind: tuple[str, ...]) -> None:
    key = signing.keygen(tmp_path, *kind)
    found = judged([signing.sign(key, TEXT, "git")], read(public(key)), keygen.Keygen(str(tmp_path)))

    assert found == ([], ["signature 1: a signature is for the namespace 'git', not for \"ramify\""])


def test_ssh_keygen_takes_what_the_tests_sign(tmp_path: Path) -> None:
    """The other way round: the references of these tests are real."""
    assert keygen.Keygen(str(tmp_path))(OPS.line, signatures.parse(OPS.sign(TEXT)).blob, TEXT.encode()) == ""


def test_without_ssh_keygen_other_kinds_of_keys_are_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = signing.keygen(tmp_path, "rsa", "-b", "2048")
    armored = signing.sign(key, TEXT)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(keygen, "_PLACES", str(tmp_path))

    _, (note,) = judged([armored], read(public(key)), keygen.Keygen(str(tmp_path)))
    assert note == "signature 1: by the key of me: ssh-rsa needs ssh-keygen, which is not here"
    _, (note,) = judged([armored], read(public(key)))
    assert "ssh-rsa cannot be checked here" in note


@pytest.mark.parametrize("script", ["exit 255", "echo unknown option -- Y >&2; exit 1", "kill -9 $$"])
def test_an_ssh_keygen_that_fails_vouches_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    key = signing.keygen(tmp_path, "ecdsa")
    armored = signing.sign(key, TEXT)
    (tmp_path / "ssh-keygen").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "ssh-keygen").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    names, (note,) = judged([armored], read(public(key)), keygen.Keygen(str(tmp_path)))
    assert names == []
    assert "ssh-keygen: " in note


def test_a_folder_that_cannot_be_written_is_a_reason_not_an_error(tmp_path: Path) -> None:
    key = signing.keygen(tmp_path, "ecdsa")
    found = judged([signing.sign(key, TEXT)], read(public(key)), keygen.Keygen("/proc/nowhere"))

    assert found[0] == []
    assert "could not be asked" in found[1][0]


def test_several_signatures_stand_over_one_text() -> None:
    blobs = [OPS.sign(TEXT), STRANGER.sign(TEXT), "?", WEB.sign(TEXT), OPS.sign(TEXT, hash=b"sha256")]
    names, notes = judged(blobs)

    assert names == ["ops@acme", "web@acme"]
    assert notes == [
        "signature 2: by a key that the policy does not know",
        "signature 3: a signature is not base64",
    ]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"magic": b"SSHSIX"}, "not in OpenSSH's format"),
        ({"version": b"\0\0\0\2"}, "version 2"),
        ({"namespace": b"file"}, "namespace 'file'"),
        ({"namespace": b""}, "namespace ''"),
        ({"reserved": b"x"}, "reserved part"),
        ({"hash": b"md5"}, "neither sha256 nor sha512"),
        ({"hash": b"SHA512"}, "neither sha256 nor sha512"),
        ({"kind": b"ssh-rsa"}, "not valid"),
        ({"raw": b""}, "not valid"),
        ({"raw": b"\0" * 64}, "not valid"),
        ({"raw": b"\0" * 65}, "not valid"),
        ({"key": WEB.blob}, "by the key of web@acme: it is not valid"),
        ({"key": WEB.blob[:-1]}, "does not know"),
        ({"end": b"\0"}, "goes on after its end"),
    ],
)
def test_every_part_of_a_signature_counts(parts: dict[str, bytes], reason: str) -> None:
    names, (note,) = judged([OPS.sign(TEXT, **parts)])

    assert names == []
    assert reason in note


@given(st.integers(0, len(signatures.parse(OPS.sign(TEXT)).blob) * 8 - 1))
def test_no_bit_of_a_signature_can_change(bit: int) -> None:
    blob = bytearray(signatures.parse(OPS.sign(TEXT)).blob)
    blob[bit // 8] ^= 1 << bit % 8

    assert judged([base64(bytes(blob))])[0] == []


@given(st.integers(0, len(signatures.parse(OPS.sign(TEXT)).blob) - 1))
def test_half_a_signature_is_none(size: int) -> None:
    names, notes = judged([base64(signatures.parse(OPS.sign(TEXT)).blob[:size])])

    assert (names, len(notes)) == ([], 1)


@given(st.text(max_size=30) | st.binary(max_size=200).map(base64) | st.none() | st.integers())
def test_whatever_comes_as_a_signature_is_refused_in_words(blob: object) -> None:
    names, notes = judged([blob])

    assert (names, len(notes)) == ([], 1)


@pytest.mark.parametrize("blobs", [None, "x", {}, [OPS.sign(TEXT)] * 33])
def test_signatures_are_a_list_of_bounded_length(blobs: object) -> None:
    with refused("signatures is not a list"):
        judged(blobs)


def test_a_signature_of_huge_length_is_not_read() -> None:
    assert "longer than" in judged(["A" * (1 << 20)])[1][0]
    assert judged([base64(b"SSHSIG\0\0\0\1" + b"\xff" * 8)])[1] == [
        "signature 1: a signature ends within its key"
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, ""),
        ({"namespaces": "git,ramify"}, ""),
        ({"namespaces": "ra*"}, ""),
        ({"namespaces": "r?mify"}, ""),
        ({"namespaces": "git"}, "namespace"),
        ({"namespaces": "*,!ramify"}, "namespace"),
        ({"namespaces": "!git"}, "namespace"),
        ({"namespaces": ""}, "namespace"),
        ({"valid_after": "20270115080000Z"}, ""),
        ({"valid_after": "20270115080001Z"}, "not valid yet"),
        ({"valid_after": "20270115Z", "valid_before": "20270116Z"}, ""),
        ({"valid_before": "20270115080000Z"}, ""),
        ({"valid_before": "20270115075959Z"}, "no longer valid"),
        ({"valid_before": "202701150759Z"}, "no longer valid"),
        ({"valid_before": "20270115Z"}, "no longer valid"),
    ],
)
def test_options_of_the_signer_are_honoured(options: dict[str, str], reason: str) -> None:
    names, notes = judged([OPS.sign(TEXT)], read(OPS.line, **options))

    assert names == ([] if reason else ["me"])
    assert reason in "".join(notes)


def test_a_name_may_have_an_old_key_and_a_new_one() -> None:
    old = {"key": OPS.line, "name": "me", "options": {"valid-before": "20200101Z"}}
    new = {"key": WEB.line, "name": "me", "options": {}}
    known = policies.read(canonical(policy(rules=[], signers=[old, new])))

    assert judged([WEB.sign(TEXT)], known) == (["me"], [])
    assert judged([OPS.sign(TEXT)], known) == ([], ["signature 1: the key of me is no longer valid"])


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin"])
@pytest.mark.parametrize(
    "text", ["20270615120000", "202701151200", "20240229", "20270615120000Z", "20240229Z", "19991231235959Z"]
)
def test_times_are_those_of_openssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, text: str
) -> None:
    """Asked of `ssh-keygen` one second before, and at, the moment that we read."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        moment = allowed.seconds(text, "x")
    finally:
        monkeypatch.undo()
        time.tzset()
    (tmp_path / "allowed").write_text(f'me valid-after="{text}" {OPS.line}\n')
    blob = signatures.parse(OPS.sign(TEXT)).blob
    armor = f"-----BEGIN SSH SIGNATURE-----\n{base64(blob)}\n-----END SSH SIGNATURE-----\n"
    (tmp_path / "signature").write_text(armor)

    codes = []
    for at in (moment - 1, moment):
        asked = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at))
        argv = ["ssh-keygen", "-Y", "verify", "-n", "ramify", "-I", "me", "-f", f"{tmp_path}/allowed"]
        argv += ["-s", f"{tmp_path}/signature", "-Overify-time=" + asked]
        env = {**os.environ, "TZ": zone}
        codes.append(subprocess.run(argv, input=TEXT.encode(), capture_output=True, env=env, check=False))
    assert [code.returncode == 0 for code in codes] == [False, True], codes


def test_the_parts_of_a_blob_are_those_of_the_key_that_signed() -> None:
    found = signatures.parse(OPS.sign(TEXT))

    assert found.key == string(b"ssh-ed25519") + string(OPS.raw)
    assert (found.kind, found.hash, len(found.raw)) == (b"ssh-ed25519", "sha512", 64)
