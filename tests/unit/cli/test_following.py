"""`--follow`: all that followed nodes say is told once, whatever breaks, and is nothing to the run."""

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ramify.cli.follower import Following
from ramify.cli.log_view import Followed
from ramify.cli.session import Session
from ramify.initiator.listening import Hear
from ramify.initiator.messages import LogRequest, Over, Said
from ramify.model.events import Finished, Started
from ramify.model.record import NodeResult, Outcome
from unit.cli.conftest import Ramify

A, B = "/r/a", "/r/b"
BROKEN = "the link broke"


class Nodes:
    """Nodes that speak, and links to them that break: what `listening` gives, in memory."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {A: ["before the run"], B: []}
        self.dead: set[str] = set()
        self._links: dict[str, set[asyncio.Event]] = {A: set(), B: set()}
        self._broken: set[asyncio.Event] = set()

    def say(self, path: str, line: str) -> None:
        self.lines[path].append(line)
        self._wake(path)

    def cut(self, path: str) -> None:
        """Every link to the node breaks, with what is on its way."""
        self._broken |= self._links[path]
        self._wake(path)

    def _wake(self, path: str) -> None:
        for link in self._links[path]:
            link.set()

    async def bring(self, request: LogRequest, hear: Hear) -> None:
        async with asyncio.TaskGroup() as group:
            for path in request.paths:
                group.create_task(self._one(path, request, hear))

    async def _one(self, path: str, request: LogRequest, hear: Hear) -> None:
        link = asyncio.Event()
        self._links[path].add(link)
        known = request.at.get(path)
        place = len(self.lines[path]) if known is None else known.get("main", (0, 0, 0))[1]
        try:
            await asyncio.sleep(0)
            while path not in self.dead and link not in self._broken:
                link.clear()
                said = "".join(f"{line}\n" for line in self.lines[path][place:])
                place = len(self.lines[path])
                await hear(Said(path, "main", said, at=(0, place, 0)))
                if not request.follow:
                    await hear(Over(path))
                    return
                await link.wait()
            await hear(Over(path, BROKEN))
        finally:
            self._links[path].discard(link)


class Watch:
    """A follower of both nodes, of which only the first is there already."""

    def __init__(self) -> None:
        self.nodes = Nodes()
        self.told: list[str] = []
        view = Followed(Session(), (A, B), self._show)
        self.follower = Following((A, B), view, self.nodes.bring, self.told.append)

    def _show(self, text: str) -> None:
        self.told += text.splitlines()

    def of(self, path: str) -> list[str]:
        return [line.partition(" | ")[2] for line in self.told if line.startswith(f"{path} main | ")]


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def finished(path: str, *, gone: bool = False) -> Finished:
    return Finished(NodeResult(path, Outcome.DONE), gone=gone)


async def test_what_was_said_before_the_run_is_not_told() -> None:
    watch = Watch()
    await watch.follower.begin({A})
    watch.nodes.say(A, "now")
    await watch.follower.end()
    assert watch.told == [f"{A} main | now"]


async def test_a_node_that_comes_into_being_is_told_from_its_first_word() -> None:
    watch = Watch()
    await watch.follower.begin({A})
    watch.nodes.say(B, "hello")
    await turns()
    assert watch.of(B) == []
    watch.follower.event(Started(B, "h"))
    await turns()
    assert watch.of(B) == ["hello"]
    await watch.follower.stop()


async def test_the_last_that_is_said_is_told_at_the_end() -> None:
    watch = Watch()
    await watch.follower.begin({A})
    watch.follower.event(finished(B))
    watch.nodes.say(A, "last words")
    watch.nodes.say(B, "first words")
    await watch.follower.end()
    assert (watch.of(A), watch.of(B)) == (["last words"], ["first words"])


async def test_a_log_that_cannot_be_read_is_one_note() -> None:
    watch = Watch()
    watch.nodes.dead |= {A, B}
    await watch.follower.begin({A, B})
    for _ in range(3):
        watch.follower.event(Started(A, "h"))
        await turns()
    await watch.follower.end()
    assert watch.told == [f"{A}, {B}: cannot be followed: {BROKEN}"]


async def test_a_log_that_can_be_read_again_is_no_note_and_none_of_it_is_missed() -> None:
    watch = Watch()
    await watch.follower.begin({A})
    watch.nodes.dead.add(A)
    watch.nodes.cut(A)
    await turns()
    watch.nodes.say(A, "meanwhile")
    watch.nodes.dead.clear()
    watch.follower.event(finished("/r"))
    await turns()
    assert watch.told == [f"{A} main | meanwhile"]
    await watch.follower.end()
    assert watch.told == [f"{A} main | meanwhile"]


async def test_nobody_is_told_of_a_log_that_went_with_its_node() -> None:
    watch = Watch()
    await watch.follower.begin({A})
    watch.nodes.dead.add(A)
    watch.nodes.cut(A)
    watch.follower.event(finished(A, gone=True))
    await turns()
    await watch.follower.end()
    assert watch.told == []


@given(st.lists(st.sampled_from(("say", "cut", "event", "turn"))))
def test_every_line_is_told_once_and_in_order_whatever_breaks(steps: list[str]) -> None:
    async def play() -> tuple[list[str], list[str]]:
        watch = Watch()
        await watch.follower.begin({A})
        do = {
            "say": lambda: watch.nodes.say(A, f"line {len(watch.nodes.lines[A])}"),
            "cut": lambda: watch.nodes.cut(A),
            "event": lambda: watch.follower.event(finished(A)),
        }
        for step in steps:
            await turns() if step == "turn" else do[step]()
        await watch.follower.end()
        return watch.of(A), watch.nodes.lines[A][1:]

    told, said = asyncio.run(play())
    assert told == said


def test_a_path_that_selects_nothing_is_an_error_before_anything_is_contacted(
    ramify: Ramify, project: Path
) -> None:
    for words in (("apply",), ("restart", "/site")):
        result = ramify(*words, "-y", "--follow", "/site/rooom1")
        assert result.code == 1, project
        assert 'error[no-such-path]: "/site/rooom1" selects no node' in result.err
        assert 'Did you mean "room1"?' in result.err


def test_nobody_can_be_followed_who_neither_is_there_nor_comes(ramify: Ramify, project: Path) -> None:
    result = ramify("apply", "-y", "/site/.", "--follow", "/site/room1")
    assert result.code == 1, project
    assert "error[not-deployed]: /site/room1 has not been deployed, and this does not do it" in result.err
