"""Worlds of real hosts, where the machine can have them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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


def require_hosts() -> None:
    """Skip, saying how to have real hosts; fail where they were promised."""
    reason = unavailable()
    if reason is None:
        return
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but {reason}", pytrace=False)
    pytest.skip(reason)
