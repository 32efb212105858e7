"""Every error that a visit may end in has its outcome."""

import logging

import pytest

from ramify.initiator.endings import MOST_DETAIL, ending
from ramify.initiator.failing import NoAnswerError, NodeFailedError
from ramify.initiator.link import RunRefusedError
from ramify.initiator.supply import MissingArtifactError
from ramify.initiator.visit import StillThereError
from ramify.model.record import Outcome
from ramify.transport.errors import (
    AuthenticationError,
    ConnectionLostError,
    HostKeyError,
    Phase,
    SessionRefusedError,
    StubNotStartedError,
    TransportError,
    UnreachableError,
    UnusableReplyError,
)
from ramify.transport.replies import NodeState, Problem, Reply, StubError

PROBLEM = Problem("failed", "install failed", detail="last words")


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (
            UnreachableError("h", Phase.LOOKUP, "x"),
            Outcome.OFFLINE,
            "check the host's `address` in the inventory",
        ),
        (ConnectionLostError("h", "x"), Outcome.UNKNOWN, ""),
        (UnusableReplyError("h", "x", "hint"), Outcome.UNKNOWN, "hint"),
        (NoAnswerError("x"), Outcome.UNKNOWN, ""),
        (AuthenticationError("h", "x", "hint"), Outcome.FAILED, "hint"),
        (HostKeyError("h", "x", "hint"), Outcome.FAILED, "hint"),
        (SessionRefusedError("h", "x", "hint"), Outcome.FAILED, "hint"),
        (StubNotStartedError("h", "x", "hint"), Outcome.FAILED, "hint"),
        (NodeFailedError("x", "last words"), Outcome.FAILED, "last words"),
        (StubError(Reply(1, ok=False), PROBLEM), Outcome.FAILED, "last words"),
        (RunRefusedError("x", begun=False), Outcome.FAILED, ""),
        (MissingArtifactError("x"), Outcome.FAILED, ""),
        (FileNotFoundError("x"), Outcome.FAILED, ""),
        (StillThereError("x"), Outcome.SKIPPED, ""),
    ],
)
def test_an_error_means_one_outcome(error: Exception, outcome: Outcome, detail: str) -> None:
    found = ending(error)

    assert (found.outcome, found.detail, found.message) == (outcome, detail, str(error))
    assert found.lost is isinstance(error, TransportError)


def test_the_state_that_was_found_is_kept() -> None:
    state = NodeState("/a", "installed", "configured")

    assert ending(NodeFailedError("x", state=state)).state == state


def test_the_end_of_a_long_output_is_what_is_kept() -> None:
    found = ending(NodeFailedError("x" * 10_000, "a" * MOST_DETAIL + "the end"))

    assert found.detail.endswith("the end")
    assert len(found.detail) == MOST_DETAIL
    assert len(found.message) == 2000


def test_an_error_of_our_own_says_so_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = ending(KeyError("/a"))

    assert found.outcome is Outcome.FAILED
    assert found.message == "an error of Ramify's own: KeyError: '/a'"
    assert "KeyError" in caplog.text
