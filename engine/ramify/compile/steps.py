"""Which stub commands lead from a found state to a goal: a search in the stub's own tables."""

from collections import deque
from collections.abc import Callable
from functools import cache

from msgspec import Struct, structs

from ramify.model.plan import Goal
from ramify.stub import tables
from ramify.stub.tables import (
    ACTIVATE,
    ACTIVE,
    COMMANDS,
    CONFIGURE,
    CONFIGURE_ENV,
    CONFIGURED,
    DEACTIVATE,
    DEPLOY,
    INITIAL,
    INSTALLED,
    PASSIVE,
    RELOAD,
    RESTART,
    RUNNING,
    SHUTDOWN,
    START,
    UNINSTALL,
)

STOPPED, PAUSED = "stopped", "paused"
"""What a node can be held as: nobody but who asks for it makes it run again."""

HOLD, RELEASE = "hold", "release"
"""Steps that no state machine knows: where a node stands as it shall, and only that it is held changes."""


class Standing(Struct, frozen=True):
    """Where a node stands: both machines, whether each runs what is wished for now, and how it is held.

    `reloads` says that what its service lacks can be given to it while it runs; `anew` that what a goal has
    done whatever was found has been done.
    """

    environment: str
    service: str
    environment_fresh: bool = False
    service_fresh: bool = False
    held: str = ""
    reloads: bool = False
    anew: bool = False

    @property
    def fresh(self) -> bool:
        """Whether all that is there is what is wished for."""
        return self.environment_fresh and self.service_fresh

    @property
    def at_rest(self) -> bool:
        """Whether it is installed, and its service is in the state that nobody needs to change.

        One that is held stays so. A passive one was asked to pause, and is left alone.
        """
        wished = {STOPPED: {CONFIGURED}, PAUSED: {PASSIVE}}.get(self.held, RUNNING)
        return self.environment == INSTALLED and self.service in wished

    @property
    def gone(self) -> bool:
        """Whether nothing is left of the node."""
        return (self.environment, self.service) == INITIAL


NOTHING = Standing(*INITIAL)
"""Where every node begins."""


class Aim(Struct, frozen=True):
    """What a goal wants of one node, and by which commands.

    `anew` are commands of which one is given whatever is found; `held` tells how a node is held after.
    `down` goals take what is below a node before the node.
    """

    commands: tuple[str, ...]
    reached: Callable[[Standing], bool]
    held: Callable[[Standing], str] = lambda found: found.held
    anew: frozenset[str] = frozenset()
    down: bool = False


AIMS: dict[Goal, Aim] = {
    # `uninstall, deploy` would often be the shorter way up, but takes data and earlier releases with it.
    "apply": Aim(
        tuple(command for command in COMMANDS if command != UNINSTALL),
        lambda found: found.fresh and found.at_rest,
    ),
    "start": Aim(
        (START, CONFIGURE),
        lambda found: found.service in RUNNING,
        held=lambda found: found.held if found.service == PASSIVE else "",
    ),
    "stop": Aim(
        (SHUTDOWN,), lambda found: found.service not in RUNNING, held=lambda _: STOPPED, down=True
    ),
    "restart": Aim(
        (RESTART, START, CONFIGURE),
        lambda found: found.anew and found.service == ACTIVE,
        held=lambda _: "",
        anew=frozenset((RESTART, START)),
    ),
    # Both speak of services that run: one that does not is neither paused nor at work.
    "activate": Aim(
        (ACTIVATE,),
        lambda found: found.service != PASSIVE,
        held=lambda found: "" if found.held == PAUSED else found.held,
    ),
    "deactivate": Aim(
        (DEACTIVATE,),
        lambda found: found.service != ACTIVE,
        held=lambda found: PAUSED if found.service in RUNNING else found.held,
        down=True,
    ),
    "configure": Aim(
        (SHUTDOWN, CONFIGURE, RELOAD, START, ACTIVATE, DEACTIVATE),
        lambda found: found.anew and found.at_rest,
        anew=frozenset((CONFIGURE, RELOAD)),
    ),
    "configure-env": Aim(
        (SHUTDOWN, CONFIGURE_ENV, CONFIGURE, START, DEACTIVATE),
        lambda found: found.anew and found.service_fresh and found.at_rest,
        anew=frozenset((CONFIGURE_ENV,)),
    ),
    "uninstall": Aim(
        (SHUTDOWN, UNINSTALL), lambda found: found.gone, held=lambda _: "", down=True
    ),
}  # fmt: skip


@cache
def way(goal: Goal, start: Standing) -> tuple[str, ...] | None:
    """The shortest way to a goal; None where none of its commands leads there."""
    aim = AIMS[goal]
    steps = _search(start, aim)
    if steps or steps is None:
        return steps
    held = aim.held(start)
    return () if held == start.held else (HOLD if held else RELEASE,)


def steps_up(start: Standing) -> tuple[str, ...]:
    """The shortest way to what is wished for."""
    return _certain("apply", start)


def steps_down(start: Standing) -> tuple[str, ...]:
    """The shortest way to nothing left."""
    return _certain("uninstall", structs.replace(start, held=""))


def _certain(goal: Goal, start: Standing) -> tuple[str, ...]:
    steps = way(goal, start)
    if steps is None:
        raise AssertionError(f"the tables lead nowhere from {start}")
    return steps


def _search(start: Standing, aim: Aim) -> tuple[str, ...] | None:
    waiting: deque[tuple[Standing, tuple[str, ...]]] = deque([(start, ())])
    seen = {start}
    while waiting:
        standing, steps = waiting.popleft()
        if aim.reached(standing):
            return steps
        for command in aim.commands:
            after = after_command(command, standing, aim.anew)
            if after is not None and after not in seen:
                seen.add(after)
                waiting.append((after, (*steps, command)))
    return None


def after_command(command: str, standing: Standing, anew: frozenset[str] = frozenset()) -> Standing | None:
    """Where a node stands after a command; None when it may not be given."""
    state = (standing.environment, standing.service)
    if tables.condition(command, state) or (command == RELOAD and not standing.reloads):
        return None
    environment, service = tables.apply(command, state, start=standing.held != STOPPED)
    if (environment, service) == INITIAL:
        return Standing(environment, service, held=standing.held)
    return Standing(
        environment,
        service,
        standing.environment_fresh or command in {DEPLOY, CONFIGURE_ENV},
        command in {DEPLOY, CONFIGURE, RELOAD} or (standing.service_fresh and command != CONFIGURE_ENV),
        standing.held,
        standing.reloads,
        standing.anew or command in anew,
    )
