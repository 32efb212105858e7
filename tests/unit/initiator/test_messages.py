"""Messages: each is read as what it was written, and nothing is larger than a frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.initiator import messages
from ramify.initiator.messages import PIECE, UnusableMessageError
from ramify.model.events import Finished, Found, Halted, Note, Planned, Started, Unheard, Wave
from ramify.model.plan import Action, Change, NodePlan
from ramify.model.record import NodeRecord, NodeResult, Outcome
from ramify.transport.frames import HEADER_LIMIT

RECORD = NodeRecord("/a/b", "h", "/a", values={"x": "y"})
PLAN = NodePlan("/a/b", Action.UPDATE, "h", "/a", ("configure",), (Change("x", None, "y"),), "r")
PLANNED = Planned("/a", "d", (PLAN,), ("/a/b",), last=False)
DOWN: list[messages.Downward] = [
    messages.RunRequest("apply", "b", "/a", "r", "k", ("/a/*",), "/agent"),
    messages.RunRequest("plan", "b", "/a", "r", "k", mounts={"/a/b": "", "/a/c": "d"}),
    messages.Chunk("pack", "d", 5, 10),
    messages.Records((RECORD,), last=True),
    messages.Missing("pack", "d", "why"),
    messages.Grant(3),
    messages.Halt("2 nodes failed"),
]
UP: list[messages.Upward] = [
    messages.Need("bundle", "d"),
    messages.Need("pack", "d", 5),
    messages.Events((Started("/a", "h"), Finished(NodeResult("/a", Outcome.DONE), RECORD), Note("/a", "x"))),
    messages.Events((Found("/a", (RECORD,)),)),
    messages.Events((PLANNED, Unheard("/a/b", Outcome.UNKNOWN, "no word", "of it"))),
    messages.Recorded("/a", (RECORD,), last=False),
    messages.Events((Halted("/a", "2 nodes failed", "rollback"), Wave("/a", 1, 3))),
    messages.Balance(returned=1, failed=2, offline=3, wanted=4),
    messages.Ended(),
    messages.Refused("no", begun=True),
]


@pytest.mark.parametrize("message", DOWN)
def test_what_a_parent_says_is_understood(message: messages.Downward) -> None:
    assert messages.decode_downward(messages.encode(message)) == message


@pytest.mark.parametrize("message", UP)
def test_what_an_initiator_says_is_understood(message: messages.Upward) -> None:
    assert messages.decode_upward(messages.encode(message)) == message


def test_neither_takes_the_words_of_the_other() -> None:
    for message in UP:
        with pytest.raises(UnusableMessageError):
            messages.decode_downward(messages.encode(message))
    for request in DOWN:
        with pytest.raises(UnusableMessageError):
            messages.decode_upward(messages.encode(request))


def test_there_are_no_tickets_below_none() -> None:
    with pytest.raises(UnusableMessageError):
        messages.decode_upward(messages.encode(messages.Balance(returned=-1)))


@given(st.binary())
def test_bytes_that_are_no_message_are_refused_politely(data: bytes) -> None:
    for decode in (messages.decode_downward, messages.decode_upward):
        with pytest.raises(UnusableMessageError):
            decode(data)


@given(st.lists(st.integers(0, PIECE // 2), max_size=12))
def test_pieces_hold_everything_in_order_and_fit_into_a_frame(sizes: list[int]) -> None:
    records = [NodeRecord(f"/n{at}", "h", "/", values={"x": "x" * size}) for at, size in enumerate(sizes)]

    groups = list(messages.pieces(records))

    assert [record for group in groups for record in group] == records
    assert all(len(messages.encode(messages.Records(group, last=False))) < 2 * PIECE for group in groups)
    assert all(groups)


def test_values_of_any_size_do_not_stop_a_record() -> None:
    large = NodeRecord("/a", "h", "/", digest="d", values={"x": "x" * (HEADER_LIMIT + 1)})

    ((record,),) = messages.pieces([large])
    ((event,),) = messages.pieces([Finished(NodeResult("/a", Outcome.DONE), large)])

    assert record == NodeRecord("/a", "h", "/", digest="d")
    assert isinstance(event, Finished)
    assert event.record == record


@given(st.integers(0, 3 * messages.MANY))
def test_generations_of_many_nodes_go_in_several_messages(number: int) -> None:
    seen = {f"/n{at}": "0" * 16 for at in range(number)}

    groups = list(messages.generations(seen))

    assert {path: one for group in groups for path, one in group.items()} == seen
    assert all(0 < len(group) <= messages.MANY for group in groups)


def test_neither_do_changes_of_any_size_stop_a_plan() -> None:
    large = NodePlan("/a", Action.UPDATE, "h", "/", changes=(Change("x", None, "x" * (HEADER_LIMIT + 1)),))

    ((planned,),) = messages.pieces([large])

    assert (planned.path, planned.changes, planned.reason) == ("/a", (), "values too large to be shown here")
