"""Progress of transfers that take longer than a second: bars on a terminal, a line each elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ramify.cli.session import Session
from ramify.cli.words import shortened

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 1.0


class Transfers:
    """Tells what moves, once it has moved for a second; called from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._begun: dict[str, float] = {}
        self._told: set[str] = set()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._timers: dict[str, threading.Timer] = {}
        self._guard = threading.Lock()

    def begun(self, what: str) -> None:
        """Tell what whoever waits waits for, unless it is through in a second."""
        timer = threading.Timer(PATIENCE, self._session.note, (f"{what} …",))
        timer.daemon = True
        self._timers[what] = timer
        timer.start()

    def moved(self, what: str, done: int, total: int | None) -> None:
        """So many bytes are through."""
        with self._guard:
            if time.monotonic() - self._begun.setdefault(what, time.monotonic()) < PATIENCE:
                return
            if self._session.live:
                self._bar(what, done, total)
            elif what not in self._told:
                self._told.add(what)
                size = f" ({total / 1e6:,.0f} MB)" if total and total >= 500_000 else ""
                self._session.note(f"Working on {what}{size} …")

    def ended(self, what: str) -> None:
        """Its bar has done its work."""
        with self._guard:
            if what in self._timers:
                self._timers.pop(what).cancel()
            self._begun.pop(what, None)
            if self._bars and what in self._tasks:
                self._bars.remove_task(self._tasks.pop(what))

    def close(self) -> None:
        """Take the bars away."""
        if self._bars:
            self._bars.stop()

    def _bar(self, what: str, done: int, total: int | None) -> None:
        if self._bars is None:
            self._bars = _bars(colour=self._session.paint_notes.enabled)
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(shortened(what, 60), total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)


@contextmanager
def watched(session: Session) -> Iterator[Transfers]:
    """Watch transfers while the context lasts."""
    transfers = Transfers(session)
    try:
        yield transfers
    finally:
        transfers.close()


def _bars(*, colour: bool) -> "Progress":
    from rich.console import Console  # noqa: PLC0415 - rich only where it is seen
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, no_color=not colour),
        transient=True,
    )
    progress.start()
    return progress
