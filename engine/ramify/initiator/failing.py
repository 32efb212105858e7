"""How driving a node fails: what its host refused or told, as what it means for the run."""

from ramify.initiator.veil import Veil
from ramify.stub.wire import REFUSED, REVERTED
from ramify.transport.replies import NodeState, StubError


class NodeFailedError(Exception):
    """The host did what it could, and the node is not as it shall be; `state` is what was found after."""

    def __init__(self, message: str, detail: str = "", state: NodeState | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.state = state


class MovedOnError(NodeFailedError):
    """The node is not where it stood when it was looked at: a stub of an earlier run was still at work.

    A session whose parent dies finishes its command, and the next one waits for it. Looking again tells
    what is left to do.
    """


class StaleError(NodeFailedError):
    """What is due is more than the saved plan says that is carried out: nothing was done."""


class DriftedError(NodeFailedError):
    """A node whose drift shall stop an apply has drifted: nothing was done."""


class RevertedError(NodeFailedError):
    """The change failed, or cut us off, and its host has taken it back: what was there runs again."""


class NoAnswerError(Exception):
    """The host is there, and a request was not answered in time: nobody knows what came of it."""


def told(state: NodeState | None, path: str) -> NodeState:
    """A stub speaks of the node that it was asked for, and of no other."""
    if state is None or state.path != path:
        raise NodeFailedError(f"the stub told no state of {path}")
    return state


def failed(error: StubError, path: str, veil: Veil) -> NodeFailedError:
    """What a stub's refusal means; a state that it found is told if it is of the node asked for."""
    message, detail = veil.said(path, str(error)), veil.said(path, error.detail)
    state = error.found if error.found is not None and error.found.path == path else None
    if error.code == REVERTED:
        return RevertedError(f"reverted: {message}", detail, state)
    kind = MovedOnError if error.code == REFUSED else NodeFailedError
    return kind(message, detail, state)
