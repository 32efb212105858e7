"""Standings of rollouts: remembered with their runs, wished for from elsewhere, replaced by later ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.directory.sqlite import Directory
from ramify.model.history import NodeChange, Ran
from ramify.model.record import Outcome
from ramify.model.rollout import Limits
from ramify.model.standing import Standing, State

PAUSED = Standing(
    "r1", "/", State.PAUSED, "2 nodes failed", (1, 3), 2, 4, Limits(fail=2), 2, left=("/a", "/b")
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path / "directory.db")
    for run in ("r1", "r2"):
        made.history.begin(Ran(run, "apply", "/", "bundle", "now"))
    yield made
    made.close()


def test_a_standing_is_read_as_it_was_put_and_the_newest_comes_first(directory: Directory) -> None:
    directory.rollouts.begin(Standing("r1", "/"), ())
    directory.rollouts.put(PAUSED)
    directory.rollouts.begin(Standing("r2", "/"), ())

    assert directory.rollouts.get("r1") == PAUSED
    assert [one.run for one in directory.rollouts.all()] == ["r2", "r1"]
    assert directory.rollouts.get("r3") is None


def test_a_word_from_another_terminal_stays_while_the_standing_moves(
    directory: Directory, tmp_path: Path
) -> None:
    directory.rollouts.begin(Standing("r1", "/"), ())
    other = Directory(tmp_path / "directory.db")
    assert directory.rollouts.wished("r1") == ("", "")
    other.rollouts.wish("r1", "pause", "me@there")
    other.close()

    directory.rollouts.put(Standing("r1", "/", started=1))

    assert directory.rollouts.wished("r1") == ("pause", "me@there")


@pytest.mark.parametrize(("nodes", "state"), [(("/b", "/c"), State.SUPERSEDED), (("/c",), State.PAUSED)])
def test_a_run_takes_the_place_of_those_that_have_left_its_nodes(
    directory: Directory, nodes: tuple[str, ...], state: State
) -> None:
    directory.rollouts.begin(PAUSED, ())

    directory.rollouts.supersede("r2", nodes)

    found = directory.rollouts.get("r1")
    assert found is not None
    assert found.state is state


def test_a_standing_is_forgotten_with_its_run(directory: Directory) -> None:
    directory.rollouts.begin(PAUSED, ())
    directory.history.finish("r1", "now", {})
    directory.history.finish("r2", "now", {})
    directory.history.forget(1)

    directory.rollouts.begin(Standing("r2", "/"), ())

    assert [one.run for one in directory.rollouts.all()] == ["r2"]


def test_of_one_that_is_interrupted_all_is_left_that_has_not_ended(directory: Directory) -> None:
    directory.rollouts.begin(Standing("r1", "/"), ("/a", "/b", "/c", "/d"))
    ended = ((Outcome.DONE, "/a"), (Outcome.FAILED, "/b"), (Outcome.UNKNOWN, "/c"))
    directory.write([], (), "r1", [NodeChange(path, outcome) for outcome, path in ended])

    directory.rollouts.interrupt("r1", "killed")

    assert directory.rollouts.get("r1") == Standing("r1", "/", State.INTERRUPTED, "killed", left=("/c", "/d"))


def test_what_has_ended_by_itself_is_not_interrupted(directory: Directory) -> None:
    directory.rollouts.begin(PAUSED, ("/a",))

    directory.rollouts.interrupt("r1", "killed")

    assert directory.rollouts.get("r1") == PAUSED
