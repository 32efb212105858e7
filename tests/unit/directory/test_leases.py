"""Leases: one run on a subtree, disjoint ones side by side; the dead hold nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.directory.sqlite import Directory
from ramify.model import paths
from ramify.model.history import Lease, overlaps


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path / "directory.db")
    yield made
    made.close()


def lease(run: str, *held: str) -> Lease:
    return Lease(run=run, kind="apply", paths=held, who="me", started="t", machine="here", pid=1, expires=60)


def nobody(_: Lease) -> bool:
    return False


def test_who_comes_second_is_told_who_holds_the_subtree(directory: Directory) -> None:
    assert directory.leases.take(lease("r1", "/a/b"), nobody) == ()
    assert directory.leases.take(lease("r2", "/a"), nobody) == (lease("r1", "/a/b"),)
    assert directory.leases.take(lease("r3", "/a/b/c", "/d"), nobody) == (lease("r1", "/a/b"),)
    assert directory.leases.all() == (lease("r1", "/a/b"),)


def test_disjoint_subtrees_are_held_side_by_side(directory: Directory) -> None:
    assert directory.leases.take(lease("r1", "/a/b"), nobody) == ()
    assert directory.leases.take(lease("r2", "/a/b2", "/c"), nobody) == ()
    assert len(directory.leases.all()) == 2


def test_leases_of_the_dead_are_cleared_away(directory: Directory) -> None:
    directory.leases.take(lease("r1", "/"), nobody)

    assert directory.leases.take(lease("r2", "/a"), lambda found: found.run == "r1") == ()
    assert directory.leases.all() == (lease("r2", "/a"),)


def test_a_lease_that_was_taken_away_cannot_be_renewed(directory: Directory) -> None:
    directory.leases.take(lease("r1", "/"), nobody)

    assert directory.leases.renew("r1", 99)
    assert directory.leases.all()[0].expires == 99
    directory.leases.release("r1")
    assert not directory.leases.renew("r1", 100)


PATHS = st.lists(st.sampled_from("ab"), max_size=3).map(lambda names: "/" + "/".join(names))


@given(st.sets(PATHS, min_size=1, max_size=3), st.sets(PATHS, min_size=1, max_size=3))
def test_two_subtrees_overlap_when_some_path_is_in_both(some: set[str], others: set[str]) -> None:
    every = ["/", *(f"/{'/'.join(word)}" for size in range(1, 5) for word in _words(size))]
    shared = [
        path
        for path in every
        if any(paths.within(path, one) for one in some) and any(paths.within(path, one) for one in others)
    ]

    assert overlaps(some, others) == bool(shared)


def _words(size: int) -> list[str]:
    return [""] if not size else [letter + word for letter in "ab" for word in _words(size - 1)]
