"""The two state machines of a node and the commands that move them.

Rule 1: everything that decides which state follows lives in this file; no other module compares states
to choose one. The stub carries transitions out, the planner searches the same tables.
Rule 2: each machine has a row for every state it can be in.
Rule 3: the machines meet in one table of joint states, fired until nothing changes.

Figures 6 and 7 and Table 1 of HPL-2001-321, read with two corrections: `configure-env` goes on to
`installed`, for nothing else leaves `configured`; and it needs a service that does not run rather than
one that does not exist, for a service exists whenever its environment is installed. To its nine commands
comes `reload`: a configuration given to a service that reads it while it runs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, FrozenSet, List, Tuple

    State = Tuple[str, str]
    """What a node is in: (state of the environment, state of the service)."""
    Step = Tuple[str, str]
    """A transition of one machine: (machine, transition)."""
    Table = Dict[str, Dict[str, str]]

# The machines.
ENVIRONMENT = "environment"
SERVICE = "service"

# States. `non-existent` and `configured` are states of both machines.
NON_EXISTENT = "non-existent"
CODE_LOADED = "code-loaded"
CONFIGURED = "configured"
INSTALLED = "installed"
DEPLOYED = "deployed"
ACTIVE = "active"
PASSIVE = "passive"

# Transitions. Commands of the same name are made of them, see COMMANDS.
LOAD = "load"
CONFIGURE = "configure"
INSTALL = "install"
UNINSTALL = "uninstall"
DEPLOY = "deploy"
REMOVE = "remove"
START = "start"
SHUTDOWN = "shutdown"
ACTIVATE = "activate"
DEACTIVATE = "deactivate"
RELOAD = "reload"
EXIT = "exit"  # no command: the service ended by itself

# Commands that are not a transition of the same name.
CONFIGURE_ENV = "configure-env"
RESTART = "restart"

MACHINES: Dict[str, Table] = {
    ENVIRONMENT: {
        NON_EXISTENT: {LOAD: CODE_LOADED, UNINSTALL: NON_EXISTENT},
        CODE_LOADED: {LOAD: CODE_LOADED, CONFIGURE: CONFIGURED, UNINSTALL: NON_EXISTENT},
        CONFIGURED: {
            LOAD: CODE_LOADED,
            CONFIGURE: CONFIGURED,
            INSTALL: INSTALLED,
            UNINSTALL: NON_EXISTENT,
        },
        INSTALLED: {LOAD: CODE_LOADED, CONFIGURE: CONFIGURED, UNINSTALL: NON_EXISTENT},
    },
    SERVICE: {
        NON_EXISTENT: {DEPLOY: DEPLOYED},
        DEPLOYED: {CONFIGURE: CONFIGURED, REMOVE: NON_EXISTENT},
        CONFIGURED: {CONFIGURE: CONFIGURED, START: ACTIVE, REMOVE: NON_EXISTENT},
        ACTIVE: {DEACTIVATE: PASSIVE, RELOAD: ACTIVE, SHUTDOWN: CONFIGURED, EXIT: CONFIGURED},
        PASSIVE: {ACTIVATE: ACTIVE, SHUTDOWN: CONFIGURED, EXIT: CONFIGURED},
    },
}

# (environment, service) -> what the service does by itself. Entering `installed` deploys it, leaving
# `installed` removes it. A running service is in no row: every command that could take its environment
# away asks for one that does not run.
JOINT: Dict[State, Step] = {
    (INSTALLED, NON_EXISTENT): (SERVICE, DEPLOY),
    (CONFIGURED, DEPLOYED): (SERVICE, REMOVE),
    (CONFIGURED, CONFIGURED): (SERVICE, REMOVE),
    (CODE_LOADED, DEPLOYED): (SERVICE, REMOVE),
    (CODE_LOADED, CONFIGURED): (SERVICE, REMOVE),
    (NON_EXISTENT, DEPLOYED): (SERVICE, REMOVE),
    (NON_EXISTENT, CONFIGURED): (SERVICE, REMOVE),
}

INITIAL: State = (NON_EXISTENT, NON_EXISTENT)
RUNNING = frozenset((ACTIVE, PASSIVE))
_ANY_ENVIRONMENT = frozenset(MACHINES[ENVIRONMENT])
_STOPPED = frozenset((NON_EXISTENT, DEPLOYED, CONFIGURED))


class Command:
    """One row of Table 1: in which states it may be given, and the transitions that it fires in turn."""

    __slots__ = ("environment", "needs_order", "service", "steps")

    def __init__(
        self,
        environment: FrozenSet[str],
        service: FrozenSet[str],
        steps: Tuple[Step, ...],
        needs_order: bool = False,
    ) -> None:
        self.environment = environment
        self.service = service
        self.steps = steps
        self.needs_order = needs_order


def _in(*states: str) -> FrozenSet[str]:
    return frozenset(states)


COMMANDS: Dict[str, Command] = {
    DEPLOY: Command(
        _in(NON_EXISTENT),
        _in(NON_EXISTENT),
        (
            (ENVIRONMENT, LOAD),
            (ENVIRONMENT, CONFIGURE),
            (ENVIRONMENT, INSTALL),
            (SERVICE, CONFIGURE),
            (SERVICE, START),
        ),
        needs_order=True,
    ),
    # `load` is left out where the code is the one that is there, see `steps`.
    CONFIGURE_ENV: Command(
        _in(CODE_LOADED, CONFIGURED, INSTALLED),
        _STOPPED,
        ((ENVIRONMENT, LOAD), (ENVIRONMENT, CONFIGURE), (ENVIRONMENT, INSTALL)),
        needs_order=True,
    ),
    UNINSTALL: Command(_ANY_ENVIRONMENT, _STOPPED, ((ENVIRONMENT, UNINSTALL),)),
    START: Command(_in(INSTALLED), _in(CONFIGURED), ((SERVICE, START),)),
    SHUTDOWN: Command(_in(INSTALLED), RUNNING, ((SERVICE, SHUTDOWN),)),
    RESTART: Command(_in(INSTALLED), RUNNING, ((SERVICE, SHUTDOWN), (SERVICE, START))),
    ACTIVATE: Command(_in(INSTALLED), _in(PASSIVE), ((SERVICE, ACTIVATE),)),
    DEACTIVATE: Command(_in(INSTALLED), _in(ACTIVE), ((SERVICE, DEACTIVATE),)),
    CONFIGURE: Command(_in(INSTALLED), _in(DEPLOYED, CONFIGURED), ((SERVICE, CONFIGURE),), needs_order=True),
    RELOAD: Command(_in(INSTALLED), _in(ACTIVE), ((SERVICE, RELOAD),), needs_order=True),
}


class Refused(Exception):  # noqa: N818 - the word of the protocol
    """A command whose condition does not hold in the state that was found."""


def condition(command: str, state: State) -> str:
    """Why `command` may not be given in `state`; empty when it may."""
    row = COMMANDS[command]
    for machine, found, wanted in (
        (ENVIRONMENT, state[0], row.environment),
        (SERVICE, state[1], row.service),
    ):
        if found not in wanted:
            order = [name for name in MACHINES[machine] if name in wanted]
            return f"{command} needs the {machine} {' or '.join(order)}, found {found}"
    return ""


def next_state(state: State, step: Step) -> State:
    """The state after one transition, with the joint table run to a fixed point.

    Raises:
        Refused: the machine has no such transition in its state.
    """
    state = _fire(state, step)
    while state in JOINT:
        state = _fire(state, JOINT[state])
    return state


def _fire(state: State, step: Step) -> State:
    machine, transition = step
    environment, service = state
    found = environment if machine == ENVIRONMENT else service
    try:
        after = MACHINES[machine][found][transition]
    except KeyError:
        raise Refused(f"no transition {transition} of the {machine} from {found}") from None
    return (after, service) if machine == ENVIRONMENT else (environment, after)


def steps(command: str, load: bool = True, start: bool = True) -> List[Step]:
    """The transitions that `command` fires; with `load` false, those of an order whose code is there.

    With `start` false what is deployed is not started: it is held as stopped.
    """
    left_out = [] if load else [(ENVIRONMENT, LOAD)]
    if command == DEPLOY and not start:
        left_out.append((SERVICE, START))
    return [step for step in COMMANDS[command].steps if step not in left_out]


def apply(command: str, state: State, load: bool = True, start: bool = True) -> State:
    """The state that `command` leads to from `state` when all of it succeeds.

    Raises:
        Refused: its condition does not hold.
    """
    reason = condition(command, state)
    if reason:
        raise Refused(reason)
    for step in steps(command, load, start):
        state = next_state(state, step)
    return state
