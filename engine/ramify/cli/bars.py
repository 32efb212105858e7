"""Progress on a terminal: one bar for each level."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

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
            self._progress.console.print(f"{event.path}: {event.text}", markup=False, highlight=False)
        if isinstance(event, Halted):
            told = f"Nothing new is begun: {event.reason}"
            self._progress.console.print(told, markup=False, highlight=False)
        if level is not None:
            task = self._task(level)
            self._progress.update(task, completed=level.ended, total=level.total, told=_told(level))

    def tick(self) -> None:
        """The bars move by themselves."""


def _told(level: LevelProgress) -> str:
    return "  ".join(f"[{_COLOURS[name]}]{number:,} {name}[/]" for name, number in level.numbers().items())


@contextmanager
def bars(tracker: Tracker, *, colour: bool) -> Iterator[Bars]:
    """Bars on stderr while the context lasts; they stay as they were at its end."""
    console = Console(stderr=True, no_color=not colour)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress, tracker)
