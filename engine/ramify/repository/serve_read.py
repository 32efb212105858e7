"""What was read to be served, and the stamps that tell when it must be read again."""

from pathlib import Path

from msgspec import Struct

from ramify.model.diagnostics import Diagnostics
from ramify.repository.folders import stamp
from ramify.repository.serve_catalogue import Catalogue

Stamps = dict[Path, tuple[int, ...]]


class Read(Struct, frozen=True):
    """What was read; `catalogue` is None exactly when the diagnostics have an error.

    `stamps` are those of all files that it depends on, from before they were read; empty of those not there.
    It lasts so many seconds, or until a stamp changes: what came from elsewhere has none.
    """

    catalogue: Catalogue | None
    diagnostics: Diagnostics
    stamps: Stamps
    lasts: float | None = None


def current(path: Path) -> tuple[int, ...]:
    """The stamp of a path as it is now."""
    try:
        return stamp(path.stat())
    except OSError:
        return ()
