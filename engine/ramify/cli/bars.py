"""Progress on a terminal: one bar for each level."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from ramify.cli.progress import LevelProgress, Tracker
from ramify.model.events import Event, Halted, Note

_COLOURS = {
    "done": "green",
    "unchanged": "dim green",
    "failed": "bold red",
    "offline": "magenta",
    "skipped": "yellow",
    "running": "cyan",
}


class Bars:
    """Feeds the bars."""

    def __init__(self, progress: Progress, tracker: Tracker) -> None:
        self._progress = progress
        self._tasks: dict[int, TaskID] = {}
        for _, level in sorted(tracker.levels.items()):
            self._task(level)

    def _task(self, level: LevelProgress) -> TaskID:
        if level.depth not in self._tasks:
            name = f"level {level.depth}"
            self._tasks[level.depth] = self._progress.add_task(name, total=level.total, told=_told(level))
        return self._tasks[level.depth]

    def event(self, event: Event, level: LevelProgress | None) -> None:
        """Move the bar of a level; notes go above the bars."""
        if isinstance(event, Note):
            self.tell(f"{event.path}: {event.text}")
        if isinstance(event, Halted):
            self.tell(f"Nothing new is begun: {event.reason}")
        if level is not None:
            task = self._task(level)
            self._progress.update(task, completed=level.ended, total=level.total, told=_told(level))

    def tick(self) -> None:
        """The bars move by themselves."""

    def tell(self, text: str) -> None:
        """Text goes above the bars."""
        self._progress.console.print(Text.from_ansi(text), soft_wrap=True)


def _told(level: LevelProgress) -> str:
    return "  ".join(f"[{_COLOURS[name]}]{number:,} {name}[/]" for name, number in level.numbers().items())


def on_stderr(*, colour: bool) -> Console:
    """Where bars are shown."""
    return Console(stderr=True, no_color=not colour)


@contextmanager
def bars(tracker: Tracker, console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Bars]:
    """Bars while the context lasts; they stay as they were at its end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, get_time=clock) as progress:
        yield Bars(progress, tracker)
