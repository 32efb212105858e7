"""Which stub commands lead from a found state to a wished one: a search in the stub's own tables."""

from collections import deque
from collections.abc import Callable
from functools import cache

from msgspec import Struct

from ramify.stub import tables
from ramify.stub.tables import (
    COMMANDS,
    CONFIGURE,
    CONFIGURE_ENV,
    DEPLOY,
    INITIAL,
    INSTALLED,
    RUNNING,
    UNINSTALL,
)

UP = tuple(command for command in COMMANDS if command != UNINSTALL)
"""`uninstall, deploy` would often be the shorter way up, but takes data and earlier releases with it."""

DOWN = tuple(COMMANDS)


class Standing(Struct, frozen=True):
    """Where a node stands: both machines, and whether each runs what is wished for now."""

    environment: str
    service: str
    environment_fresh: bool = False
    service_fresh: bool = False

    @property
    def up(self) -> bool:
        """Whether nothing is left to do: a passive service was asked to pause, and is left alone."""
        fresh = self.environment_fresh and self.service_fresh
        return fresh and self.environment == INSTALLED and self.service in RUNNING

    @property
    def gone(self) -> bool:
        """Whether nothing is left of the node."""
        return (self.environment, self.service) == INITIAL


NOTHING = Standing(*INITIAL)
"""Where every node begins."""


@cache
def steps_up(start: Standing) -> tuple[str, ...]:
    """The shortest way to a service that runs, fresh."""
    return _search(start, UP, lambda standing: standing.up)


@cache
def steps_down(start: Standing) -> tuple[str, ...]:
    """The shortest way to nothing left."""
    return _search(start, DOWN, lambda standing: standing.gone)


def _search(start: Standing, commands: tuple[str, ...], goal: Callable[[Standing], bool]) -> tuple[str, ...]:
    waiting: deque[tuple[Standing, tuple[str, ...]]] = deque([(start, ())])
    seen = {start}
    while waiting:
        standing, steps = waiting.popleft()
        if goal(standing):
            return steps
        for command in commands:
            after = _after(command, standing)
            if after is not None and after not in seen:
                seen.add(after)
                waiting.append((after, (*steps, command)))
    raise AssertionError(f"the tables lead nowhere from {start}")


def _after(command: str, standing: Standing) -> Standing | None:
    state = (standing.environment, standing.service)
    if tables.condition(command, state):
        return None
    environment, service = tables.apply(command, state)
    if (environment, service) == INITIAL:
        return Standing(environment, service)
    return Standing(
        environment,
        service,
        standing.environment_fresh or command in {DEPLOY, CONFIGURE_ENV},
        command in {DEPLOY, CONFIGURE} or (standing.service_fresh and command != CONFIGURE_ENV),
    )
