"""How a visit that went wrong is accounted for: one table from errors to outcomes."""

import logging

from msgspec import Struct

from ramify.initiator.failing import DriftedError, NoAnswerError, NodeFailedError, RevertedError, StaleError
from ramify.initiator.link import RunRefusedError
from ramify.initiator.risk import HaltedError
from ramify.initiator.supply import MissingArtifactError
from ramify.initiator.visit import AsleepError, StillThereError
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.record import Outcome
from ramify.transport.errors import ConnectionLostError, TransportError, UnreachableError, UnusableReplyError
from ramify.transport.replies import NodeState, StubError

MOST_MESSAGE = 2000
MOST_DETAIL = 8000

logger = logging.getLogger(__name__)

# The first that fits; errors that are not here are Ramify's own.
_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    (UnreachableError, Outcome.OFFLINE),
    # After these nobody knows whether the last command was carried out.
    (ConnectionLostError, Outcome.UNKNOWN),
    (UnusableReplyError, Outcome.UNKNOWN),
    (NoAnswerError, Outcome.UNKNOWN),
    # Host key, login, sessions, the stub's start: the host is there, and somebody has to mend something.
    (TransportError, Outcome.FAILED),
    (StillThereError, Outcome.SKIPPED),
    (StaleError, Outcome.SKIPPED),
    (DriftedError, Outcome.SKIPPED),
    (HaltedError, Outcome.SKIPPED),
    (AsleepError, Outcome.SKIPPED),
    (NodeFailedError, Outcome.FAILED),
    (StubError, Outcome.FAILED),
    (RunRefusedError, Outcome.FAILED),
    (MissingArtifactError, Outcome.FAILED),
    (DiagnosticsError, Outcome.FAILED),
    (OSError, Outcome.FAILED),
)


class Ending(Struct, frozen=True):
    """What an error means for the node that was worked on; `state` is what its stub found after.

    `lost` says that nothing on the host failed: the way there did, or nothing is begun any more; `stale` that
    nothing was done since what is there is not what a saved plan was made for; `asleep` that the node is as
    it shall be, and nobody there to care for what is below it; `drifted` that what has drifted may not be
    touched, `locked` that another run works below it.
    """

    outcome: Outcome
    message: str
    detail: str = ""
    state: NodeState | None = None
    lost: bool = False
    stale: bool = False
    asleep: bool = False
    drifted: bool = False
    reverted: bool = False
    locked: bool = False


def ending(error: Exception) -> Ending:
    """What to account for."""
    outcome = next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), None)
    if outcome is None:
        logger.error("a visit ended in an error of Ramify's own", exc_info=error)
        return Ending(Outcome.FAILED, f"an error of Ramify's own: {type(error).__name__}: {error}")
    message = str(error)[:MOST_MESSAGE] or type(error).__name__
    state = error.state if isinstance(error, NodeFailedError) else None
    lost = isinstance(error, TransportError | HaltedError)
    stale, asleep = isinstance(error, StaleError), isinstance(error, AsleepError)
    drifted, reverted = isinstance(error, DriftedError), isinstance(error, RevertedError)
    told = {"lost": lost, "stale": stale, "asleep": asleep, "drifted": drifted, "reverted": reverted}
    told["locked"] = isinstance(error, RunRefusedError) and error.locked
    return Ending(outcome, message, _detail(error)[-MOST_DETAIL:], state, **told)


def _detail(error: Exception) -> str:
    """The way out, or the last that a program said."""
    if isinstance(error, TransportError):
        return error.hint
    return error.detail if isinstance(error, (NodeFailedError, StubError)) else ""
