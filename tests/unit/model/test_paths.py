"""Paths are identities: one form, safe steps, parents above children."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.model import paths

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
PATHS = st.lists(NAMES, min_size=1, max_size=6).map(lambda names: "/" + "/".join(names))


@given(PATHS)
def test_a_path_is_its_parent_and_its_name(path: str) -> None:
    assert paths.child(paths.parent(path), paths.name(path)) == path
    assert paths.depth(path) == paths.depth(paths.parent(path)) + 1
    assert paths.within(path, paths.parent(path))
    assert paths.within(path, path)
    assert paths.within(path, paths.ROOT)
    assert paths.problem(path) is None


@given(PATHS, NAMES)
def test_no_path_lies_within_its_child_or_a_sibling_with_a_longer_name(path: str, name: str) -> None:
    assert not paths.within(path, paths.child(path, name))
    assert not paths.within(path + name, path)


@given(st.text(alphabet="/ab", max_size=12))
def test_normalising_once_is_enough(text: str) -> None:
    once = paths.normalise(text)

    assert paths.normalise(once) == once
    assert once == paths.ROOT or paths.problem(once) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "a b", "a/b", "a\n", "ä", "a" * 65, "a+b", "[1-3]", ".hidden", "a\0"]
)
def test_what_a_file_system_or_a_shell_could_misread_is_no_name(name: str) -> None:
    assert not paths.valid_name(name)


@pytest.mark.parametrize("path", ["", "/", "a", "a/b", "/a//b", "/a/", "/a/../b", "/" + "/".join("a" * 33)])
def test_what_is_wrong_with_a_path_is_told(path: str) -> None:
    assert paths.problem(path)


def test_the_deepest_path_is_allowed() -> None:
    assert paths.problem("/" + "/".join("a" * paths.MAX_DEPTH)) is None
