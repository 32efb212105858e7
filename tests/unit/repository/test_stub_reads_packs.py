"""What this floor packs, the stub on a host unpacks: two programs, one format."""

from pathlib import Path

import pytest

from ramify.repository.artifacts import MAX_MANIFEST, PLAIN, PROGRAM, ArtifactFile, build, name_problem
from ramify.repository.store import Store
from ramify.stub import artifacts, layout, packs


def test_the_stub_unpacks_what_the_store_packed(tmp_path: Path) -> None:
    tree = {
        "start": (PROGRAM, b"#!/bin/sh\n"),
        "lib/d\u00e9j\u00e0 vu.txt": (PLAIN, b""),
        "lib/x": (PLAIN, bytes(3 << 20)),
    }
    artifact = build(ArtifactFile(name, mode, data) for name, (mode, data) in tree.items())
    Store(tmp_path / "packs").add(artifact)

    artifacts.unpack(layout.Root(str(tmp_path)), artifact.digest, str(tmp_path / "code"))

    for name, (mode, data) in tree.items():
        assert (tmp_path / "code" / name).read_bytes() == data
        assert (tmp_path / "code" / name).stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a b/\u00e9",
        "",
        ".",
        "..",
        "a/../b",
        "/a",
        "a//b",
        "a/",
        "a\n",
        "a\x7f",
        "\udc80",
        "a" * 256,
        "a/" * 600 + "a",
    ],
)
def test_both_refuse_the_same_names(name: str) -> None:
    assert (name_problem(name) is None) == packs.is_name(name)


def test_the_stub_takes_every_manifest_that_is_packed() -> None:
    assert MAX_MANIFEST <= packs.MAX_MANIFEST
