"""Worlds of real hosts, where the machine can have them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hosts import projects
from hosts.namespaces import unavailable
from hosts.world import World

REQUIRED = "RAMIFY_REQUIRE_HOSTS"


@pytest.fixture(scope="session")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    """Make worlds, for fixtures of any scope: `with new_world() as world: ...`."""
    require_hosts()
    return lambda: World(Path(tmp_path_factory.mktemp("world")))


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    """A world of the test's own: the operator, and no host yet."""
    with new_world() as made:
        yield made


@pytest.fixture(scope="session")
def new_project(built: Callable[[Path], None]) -> Callable[..., Path]:
    """Write projects, as `projects.write` does, whose runtime need not be built any more."""

    def write(folder: Path, *documents: Any) -> Path:
        projects.write(folder, *documents)
        built(folder)
        return folder

    return write


def require_hosts() -> None:
    """Skip, saying how to have real hosts; fail where they were promised."""
    reason = unavailable()
    if reason is None:
        return
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but {reason}", pytrace=False)
    pytest.skip(reason)
