"""The ledger: marks before, records after, doubt where nobody knows, and one result for every node."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.directory.sqlite import Directory
from ramify.initiator.ledger import Ledger
from ramify.model.events import Event, Finished, Found, Note
from ramify.model.plan import Action, NodePlan, Plan, summarise
from ramify.model.record import NodeRecord, NodeResult, Outcome
from unit.compile.bundles import compiled, spec

OLD = NodeRecord("/a/old", "h1", "/a", "installed", "active", digest="d")
NODES = (
    NodePlan("/a", Action.UNCHANGED, "h0", "/"),
    NodePlan("/a/new", Action.CREATE, "h2", "/a"),
    NodePlan("/a/old", Action.UPDATE, "h1", "/a"),
)
PLAN = Plan("b", NODES, summarise(NODES))


class Book:
    def __init__(self) -> None:
        self.directory = Directory(Path(":memory:"))
        self.directory.write([NodeRecord("/a", "h0", "/"), OLD])
        self.events: list[Event] = []
        self.ledger = Ledger("run", PLAN, compiled(spec("a")), self.directory, self.events.append)

    def marked(self) -> set[str]:
        return {path for path, record in self.directory.records().items() if record.open == "run"}

    def outcomes(self) -> dict[str, str]:
        return {result.path: result.outcome.value for result in self.ledger.report().results}


@pytest.fixture
def book() -> Iterator[Book]:
    made = Book()
    yield made
    made.directory.close()


def test_nothing_is_marked_before_it_is_touched(book: Book) -> None:
    assert book.marked() == set()

    book.ledger.mark(["/a/new", "/a/old"])

    assert book.marked() == {"/a/new", "/a/old"}
    new = book.directory.records()["/a/new"]
    assert (new.host, new.initiator, new.exists) == ("h2", "/a", False)
    assert book.directory.records()["/a/old"].digest == "d"


def test_a_node_without_a_new_record_is_recorded_as_before(book: Book) -> None:
    book.ledger.mark(["/a/new", "/a/old"])

    book.ledger.skip(["/a/new", "/a/old"], "why")

    assert set(book.directory.records()) == {"/a", "/a/old"}
    assert book.directory.records()["/a/old"] == OLD
    told = {event.result.path: event for event in book.events if isinstance(event, Finished)}
    assert (told["/a/old"].record, told["/a/new"].gone) == (OLD, True)


def test_a_node_in_doubt_keeps_its_mark_and_one_that_was_never_touched_gets_none(book: Book) -> None:
    book.ledger.mark(["/a/old"])

    book.ledger.break_off(NodeResult("/a/old", Outcome.UNKNOWN))
    book.ledger.break_off(NodeResult("/a/new", Outcome.FAILED))

    assert book.marked() == {"/a/old"}
    assert "/a/new" not in book.directory.records()


def test_what_has_ended_is_left_alone_by_what_is_said_of_many(book: Book) -> None:
    book.ledger.end(NodeResult("/a/new", Outcome.DONE), NodeRecord("/a/new", "h2", "/a", "installed"))

    book.ledger.doubt(["/a/new", "/a/old"], "lost")
    book.ledger.skip(["/a/new", "/a/old"], "skipped")
    book.ledger.leave(["/a/new", "/a/old"])

    assert book.outcomes() == {"/a": "unchanged", "/a/new": "done", "/a/old": "unknown"}


def test_what_an_initiator_found_replaces_what_was_known_but_not_the_marks(book: Book) -> None:
    book.ledger.mark(["/a/new", "/a/old"])
    found = NodeRecord("/a/old", "h1", "/a", "installed", "configured", digest="nearer")
    more = NodeRecord("/a/more", "h3", "/a")

    book.ledger.hear((Found("/a", (found, more)), Note("/a", "x")))

    assert book.marked() == {"/a/new", "/a/old"}
    assert set(book.directory.records()) == {"/a", "/a/new", "/a/old", "/a/more"}
    book.ledger.leave(["/a/new", "/a/old"])
    assert book.directory.records("/a/old") == {"/a/old": found}
    assert "/a/new" not in book.directory.records()


def test_what_is_heard_is_told_on_in_order_and_written_once_it_counts(book: Book) -> None:
    done = Finished(NodeResult("/a/new", Outcome.DONE), NodeRecord("/a/new", "h2", "/a", "installed"))
    gone = Finished(NodeResult("/a/old", Outcome.DONE), gone=True)
    besides = Finished(NodeResult("/a/besides", Outcome.DONE), gone=True)

    book.ledger.hear((done, Found("/a", (OLD,)), gone, besides))

    assert [type(event) for event in book.events] == [Finished, Found, Finished, Finished]
    # What was found later than it had ended is nearer to the truth.
    assert set(book.directory.records()) == {"/a"}
    assert book.outcomes() == {"/a": "unchanged", "/a/new": "done", "/a/old": "done", "/a/besides": "done"}


def test_a_run_that_is_broken_off_says_what_it_did_not_come_to(book: Book) -> None:
    book.ledger.mark(["/a/old"])

    assert book.outcomes() == {"/a": "unchanged", "/a/new": "skipped", "/a/old": "unknown"}


def test_an_initiator_under_suspicion_is_looked_at_next_time_and_its_outcome_stands(book: Book) -> None:
    book.ledger.end(NodeResult("/a", Outcome.DONE), NodeRecord("/a", "h0", "/", "installed", "active"))

    book.ledger.suspect("/a")

    assert book.marked() == {"/a"}
    assert book.outcomes()["/a"] == "done"
