"""Follows what nodes say while a run goes on.

Rule 1: all that they say from the beginning of the run to its end is told, each line once, whatever links
break meanwhile: where it was left off is known, and it goes on there. A node whose log cannot be reached when
the run begins is told from when it can be.
Rule 2: a log that cannot be read for a while is a note, told once, and nothing to the run.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from ramify.cli.folding import fold
from ramify.cli.log_view import Followed
from ramify.initiator.messages import LogRequest, Over, Said, Spot
from ramify.model import paths
from ramify.model.events import Event, Finished, Started

if TYPE_CHECKING:
    from ramify.initiator.overhearing import Listen

PATIENCE = 5.0
"""Seconds until it is told that a log cannot be read: an initiator that was brought up to date is back."""
BEFORE, AFTER = 3.0, 3.0
"""Seconds for which a run waits until followers are there, and its end for the last that is said."""

Say = Callable[[str], None]


class _Problems:
    """Logs that cannot be read: told after a while, each once, and those together that are alike."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._told: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.now: dict[str, str] = {}

    def add(self, path: str, problem: str) -> None:
        """One cannot be read now."""
        self.now[path] = problem
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE, self.tell)

    def solved(self, path: str) -> None:
        """It can again, or there is nothing to be read."""
        self.now.pop(path, None)

    def tell(self) -> None:
        """Tell of those that still cannot be read."""
        self.close()
        alike: dict[str, list[str]] = {}
        for path, problem in self.now.items():
            if path not in self._told:
                alike.setdefault(problem, []).append(path)
        self._told.update(*alike.values())
        for problem, nodes in alike.items():
            self._say(f"{', '.join(fold(nodes))}: cannot be followed: {problem}")

    def close(self) -> None:
        """Tell nothing by itself any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Following:
    """Follows nodes with `bring`, each as soon as there is something to read; `say` is where it is told."""

    def __init__(self, nodes: Iterable[str], view: Followed, bring: "Listen", say: Say) -> None:
        self._nodes = frozenset(nodes)
        self._view = view
        self._bring = bring
        self._say = say
        self._problems = _Problems(say)
        self._at: dict[str, dict[str, Spot]] = {}
        self._reading: set[str] = set()
        self._due: set[str] = set()
        self._begun: set[str] = set()
        self._heard: set[str] = set()
        self._fresh: set[str] = set()
        self._news = asyncio.Event()
        self._stopped = False
        self._gone: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, there: Collection[str]) -> None:
        """Follow those that are `there` already, and return when what they say from now on will be told."""
        self._at = {path: {} for path in self._nodes if path not in there}
        begun = self._nodes.intersection(there)
        self._start(begun)
        try:
            async with asyncio.timeout(BEFORE):
                while not begun <= self._heard:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass

    def event(self, event: Event) -> None:
        """Something happened: perhaps a node is there now that was not, or can be reached again."""
        if isinstance(event, Finished) and event.gone:
            self._gone.add(event.result.path)
            self._problems.solved(event.result.path)
        if isinstance(event, Started | Finished):
            path = event.path if isinstance(event, Started) else event.result.path
            if path in self._nodes and path not in self._reading:
                self._want(path)
            for below in self._begun - self._reading:  # their initiator may be back
                if paths.within(below, path):
                    self._want(below)

    def _want(self, path: str) -> None:
        self._begun.add(path)
        if not self._due:
            asyncio.get_running_loop().call_soon(self._start_due)
        self._due.add(path)

    def _start_due(self) -> None:
        """Many begin at once: they are asked for together."""
        due, self._due = self._due, set()
        self._start(due - self._reading)

    def _start(self, nodes: Iterable[str]) -> None:
        together = tuple(sorted(nodes))
        if together and not self._stopped:
            self._begun.update(together)
            self._reading.update(together)
            self._fresh.difference_update(together)
            task = asyncio.create_task(self._read(together, follow=True))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, nodes: tuple[str, ...], *, follow: bool) -> None:
        at = {path: self._at[path] for path in nodes if path in self._at}
        try:
            await self._bring(LogRequest(paths.ROOT, nodes, 0, follow, install=None, at=at), self._hear)
        except Exception as error:  # noqa: BLE001 - a log that cannot be read is nothing to the run
            for path in nodes:
                await self._hear(Over(path, str(error)))

    async def _hear(self, message: Said | Over) -> None:
        self._heard.add(message.path)
        self._news.set()
        if isinstance(message, Over):
            self._reading.discard(message.path)
            self._problem(message)
            return
        self._fresh.add(message.path)
        self._problems.solved(message.path)
        places = self._at.setdefault(message.path, {})
        if message.at is not None:
            places[message.process] = message.at
        await self._view.hear(message)

    def _problem(self, over: Over) -> None:
        """A link that broke is made anew, once."""
        if over.problem and over.path in self._fresh:
            self._want(over.path)
        elif over.problem and over.path not in self._gone:
            self._problems.add(over.path, over.problem)

    async def stop(self) -> None:
        """Follow nobody any more."""
        self._stopped = True
        self._problems.close()
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def end(self) -> None:
        """Tell what was said until now, of all that have begun, and follow them no more."""
        await self.stop()
        self._fresh.clear()
        never = {path for path in self._problems.now if not self._at.get(path)}
        begun = tuple(sorted(self._begun - self._gone - never))
        try:
            async with asyncio.timeout(AFTER):
                await self._read(begun, follow=False)
        except TimeoutError:
            self._say("What those said last that are followed could not be read in time.")
        self._problems.tell()
