"""The live repository: always its newest good state. Looks at the files when asked, and reads what changed.

What cannot be read changes nothing: the last good state is served on, and the problems are told in the log
and by `/healthz` until they are mended.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import structs

from ramify.model.diagnostics import Diagnostic, Diagnostics, DiagnosticsError, Severity
from ramify.repository.serve_answers import Answers
from ramify.repository.serve_catalogue import Catalogue
from ramify.repository.serve_read import Read, current
from ramify.repository.serve_respond import State

# Up to so many files are looked at with every request; of more, at most so many per second: a look
# costs some two microseconds, so that looking takes no more than a tenth of the time.
_FEW = 1_000
_LOOKS = 50_000
# Two changes within one tick of a file system's clock have one stamp: what is so young is read once more.
_TICK_NS = 20_000_000
# What is broken may be mended where nobody looked for it, such as a collection that was missing: it is read
# again after so many seconds, and so many times as long as reading it takes.
_AGAIN = 2.0
_REST = 10

Log = Callable[[str], None]


class Live:
    """One repository, read by `load` at first and whenever its files change."""

    def __init__(self, load: Callable[[], Read], log: Log) -> None:
        self._load = load
        self._log = log
        self._looked = time.time_ns()
        self._read = load()
        self._newest = _newest(self._read)
        self._next = self._retry = 0.0
        self._due = _due(self._read)
        self._lock = asyncio.Lock()
        if self._read.catalogue is None:
            raise DiagnosticsError(self._read.diagnostics)
        self._state = State(self._read.catalogue, Answers(self._read.catalogue.repository))
        self._lost = self._lacking()
        self._tell(_told(self._read, Severity.WARNING))

    @property
    def found(self) -> Sequence[Diagnostic]:
        """What there is to say of the newest state."""
        return tuple(self._read.diagnostics)

    async def state(self) -> State:
        """The newest good state."""
        if self._may_have_changed():
            async with self._lock:  # whoever waited finds it read
                if self._may_have_changed():
                    await self._again()
        return self._state

    def _may_have_changed(self) -> bool:
        if time.monotonic() < self._next:
            return False
        stamps = self._read.stamps
        changed = self._provisional() or self._gone()
        changed = changed or any(current(path) != known for path, known in stamps.items())
        if not changed and len(stamps) > _FEW:
            self._next = time.monotonic() + len(stamps) / _LOOKS
        return changed

    def _provisional(self) -> bool:
        """Whether what was read must be read again, whatever the stamps say."""
        # A stamp from the future tells of a clock that is wrong, and would be young for ever.
        if abs(self._looked - self._newest) < _TICK_NS:
            return True
        if time.monotonic() >= self._due:
            return True
        return self._read.catalogue is None and time.monotonic() > self._retry

    def _gone(self) -> bool:
        """Whether a pack was cleared away; reading makes it again, or it is lost."""
        return not self._lacking() <= self._lost

    def _lacking(self) -> set[Path]:
        offered = (*self._state.catalogue.blobs.values(), *self._state.catalogue.packs.values())
        kept = (made.source for made in offered if not made.stamp)
        return {source for source in kept if isinstance(source, Path) and not source.exists()}

    async def _again(self) -> None:
        looked, begun = time.time_ns(), time.monotonic()
        read = await asyncio.to_thread(_safely, self._load)
        ended = time.monotonic()
        self._retry = ended + max(_AGAIN, _REST * (ended - begun))
        self._due = _due(read)
        read = _bundled(read, self._state.catalogue)
        before, self._read, self._looked, self._newest = self._read, read, looked, _newest(read)
        problems = _told(read, Severity.ERROR)
        if read.catalogue is None:
            self._state = State(self._state.catalogue, self._state.answers, problems)
        elif read.catalogue != self._state.catalogue or self._state.problems:
            self._state = State(read.catalogue, Answers(read.catalogue.repository))
            self._log("repository changed: its new state is served")
        self._lost = self._lacking()
        if problems and problems != _told(before, Severity.ERROR):
            self._log("repository is broken: its last good state is served")
        if tuple(read.diagnostics) != tuple(before.diagnostics):
            self._tell(_told(read, Severity.ERROR) + _told(read, Severity.WARNING))

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._log(line)


def _safely(load: Callable[[], Read]) -> Read:
    """What `load` reads; a load that fails is a repository that is broken, and looked at again in a while."""
    try:
        return load()
    except Exception as error:  # noqa: BLE001 - whatever it is, the last good state is still good
        found = Diagnostics()
        found.error("unusable-file", f"cannot read the repository: {type(error).__name__}: {error}")
        return Read(None, found, {})


def _bundled(read: Read, before: Catalogue) -> Read:
    """What was read, with the last good bundle where the project is broken and its repository is not."""
    now = read.catalogue
    if now is None or now.bundle is not None or before.bundle is None:
        return read
    kept = structs.replace(now, bundle=before.bundle, packs=before.packs)
    return structs.replace(read, catalogue=kept)


def _told(read: Read, severity: Severity) -> tuple[str, ...]:
    return tuple(str(item) for item in read.diagnostics if item.severity is severity)


def _newest(read: Read) -> int:
    return max((max(known[1:3]) for known in read.stamps.values() if known), default=0)


def _due(read: Read) -> float:
    """When what was read must be read again though no file has changed."""
    return math.inf if read.lasts is None else time.monotonic() + read.lasts
