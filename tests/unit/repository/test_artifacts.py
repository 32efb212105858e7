import io
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.repository.artifacts import (
    PLAIN,
    PROGRAM,
    ArtifactError,
    ArtifactFile,
    build,
    name_problem,
    pack,
)
from unit.repository import packs

STEPS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=12
)
NAMES = st.lists(STEPS, min_size=1, max_size=3).map("/".join).filter(lambda name: name_problem(name) is None)
TREES = st.dictionaries(
    NAMES, st.tuples(st.sampled_from([PLAIN, PROGRAM]), st.binary(max_size=200)), max_size=8
)


def files(tree: dict[str, tuple[int, bytes]]) -> list[ArtifactFile]:
    return [ArtifactFile(name, mode, data) for name, (mode, data) in tree.items()]


def packed(tree: dict[str, tuple[int, bytes]]) -> tuple[str, bytes]:
    artifact, out = build(files(tree)), io.BytesIO()
    pack(artifact, out)
    return artifact.digest, out.getvalue()


def clashes(tree: dict[str, tuple[int, bytes]]) -> bool:
    return any(other.startswith(name + "/") for name in tree for other in tree)


@given(TREES.filter(lambda tree: not clashes(tree)))
def test_what_is_packed_is_what_another_reader_unpacks(tree: dict[str, tuple[int, bytes]]) -> None:
    digest, data = packed(tree)

    assert packs.read(data, digest) == tree


@given(TREES.filter(lambda tree: not clashes(tree)), st.randoms())
def test_the_digest_does_not_depend_on_the_order_of_the_files(
    tree: dict[str, tuple[int, bytes]], random: Random
) -> None:
    shuffled = files(tree)
    random.shuffle(shuffled)

    assert build(shuffled).digest == build(files(tree)).digest


def test_the_digest_is_the_one_that_the_format_says() -> None:
    # By sha256sum: every stub that was ever shipped computes the same.
    assert build([ArtifactFile("a", PLAIN, b"hello\n")]).manifest == (
        b'[["a",420,6,"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"]]'
    )
    assert build([ArtifactFile("a", PLAIN, b"hello\n")]).digest == (
        "7c699358d1b7d0515e2ef5ee83221eb966ece4c24e61e4808987e6893c08edf4"
    )


def test_bytes_in_memory_and_bytes_in_a_file_are_the_same_artifact(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"#!/bin/sh\n")
    from_disk = build([ArtifactFile("x", PROGRAM, tmp_path / "x")])

    assert from_disk.digest == build([ArtifactFile("x", PROGRAM, b"#!/bin/sh\n")]).digest


def test_a_mode_is_a_program_s_or_a_plain_file_s_and_nothing_else() -> None:
    rows = json.loads(build([ArtifactFile("p", 0o4700, b""), ArtifactFile("q", 0o666, b"")]).manifest)

    assert [(row[0], row[1]) for row in rows] == [("p", 0o755), ("q", 0o644)]


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b"],
)
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        build([ArtifactFile(name, PLAIN, b"")])

    assert caught.value.code == "artifact-name"


@pytest.mark.parametrize(
    "name", ["a\nb", "a\x00", "a\x7f", "\x85", "\udcff", "a" * 256, "/".join(["abcdefgh"] * 200)]
)
def test_a_name_that_no_host_could_write_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        build([ArtifactFile(name, PLAIN, b"")])

    assert caught.value.code == "artifact-name"


@pytest.mark.parametrize("pair", [("a", "a"), ("a", "a/b"), ("a/b", "a/b/c/d")])
def test_two_files_in_one_place_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ArtifactError, match="a"):
        build([ArtifactFile(name, PLAIN, b"") for name in pair])


def test_a_file_that_changes_between_naming_and_packing_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"one")
    artifact = build([ArtifactFile("x", PLAIN, tmp_path / "x")])
    (tmp_path / "x").write_bytes(b"two")

    with pytest.raises(ArtifactError) as caught:
        pack(artifact, io.BytesIO())

    assert caught.value.code == "artifact-changed"


def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="gone: No such file") as caught:
        build([ArtifactFile("x", PLAIN, tmp_path / "gone")])

    assert caught.value.code == "unreadable-file"
