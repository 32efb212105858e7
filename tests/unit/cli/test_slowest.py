"""Who takes longest, and Enter that asks for it."""

import asyncio
import os
import pty
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from ramify.cli.enter import on_enter
from ramify.cli.slowest import Slowest, age
from ramify.model.events import Finished, Started, Step
from ramify.model.record import NodeResult, Outcome


def test_the_slowest_ten_are_told_with_step_and_age(golden: Callable[[str, str], None]) -> None:
    slowest = Slowest()
    for number in range(1, 13):
        slowest.feed(Started(f"/site/box{number}", f"host{number}"), float(number))
    slowest.feed(Step("/site/box9", "deploy", 2.5), 12.5)
    slowest.feed(Step("/site/box1", "sending code", 2.0), 200.0)
    slowest.feed(Step("/site/far", "connecting", 4000.0), 200.0)
    slowest.feed(Finished(NodeResult("/site/box2", Outcome.DONE)), 201.0)
    golden("cli/slowest.txt", slowest.text(205.0) + "\n")


def test_who_has_ended_is_not_told() -> None:
    slowest = Slowest()
    slowest.feed(Started("/a", "h"), 0.0)
    slowest.feed(Step("/a", "deploy", 2.0), 2.0)
    slowest.feed(Finished(NodeResult("/a", Outcome.FAILED)), 3.0)
    assert slowest.text(4.0) == "Nothing is being worked on right now."


def test_who_waits_for_what_is_below_is_not_told() -> None:
    slowest = Slowest()
    slowest.feed(Step("/a", "connecting", 2.0), 2.0)
    slowest.feed(Started("/a/b/c", "h"), 3.0)
    assert slowest.text(4.0).splitlines()[0] == "1 node at work:"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")],
)
def test_an_age_is_told_in_two_units_at_most(seconds: float, told: str) -> None:
    assert age(seconds) == told


def _flags(terminal: int) -> int:
    return int(termios.tcgetattr(terminal)[3])


def _in_a_terminal(work: Callable[[], None]) -> bytes:
    """What a process of its own says on a terminal of its own, after somebody has pressed Enter there."""
    child, terminal = pty.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    os.write(terminal, b"x\n")
    said = b""
    while True:
        try:
            piece = os.read(terminal, 1000)
        except OSError:  # its end
            piece = b""
        if not piece:
            break
        said += piece
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, said
    return said


def test_enter_is_heard_on_a_terminal_which_is_left_as_it_was() -> None:
    def work() -> None:
        sys.stdin = os.fdopen(0)
        before = _flags(0)

        async def run() -> None:
            heard = asyncio.Event()
            with on_enter(heard.set):
                assert not _flags(0) & (termios.ECHO | termios.ICANON)
                assert _flags(0) & termios.ISIG
                await asyncio.wait_for(heard.wait(), 30)
                os.write(1, b"heard")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            asyncio.run(run())
        assert _flags(0) == before

    assert b"heard" in _in_a_terminal(work)


async def test_what_is_no_terminal_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "typed").write_text("\n\n")
    with (tmp_path / "typed").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        with on_enter(lambda: pytest.fail("it was read")):
            await asyncio.sleep(0)
        assert file.read() == "\n\n"
