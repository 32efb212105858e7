"""`ramify repo lock`: what all references of the repository lead to, written down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from ramify.cli import exits, lazy
from ramify.cli.project import loaded, warn
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.documents.lock import Pin, Pins
from ramify.model.diagnostics import DiagnosticsError
from ramify.repository import locks
from ramify.repository.pins import Locking
from ramify.repository.project import Reading


@lazy.command("ramify repo lock", "ramify repo lock --check   # in CI", name="lock")
@click.option("--check", is_flag=True, help="Write nothing; exit with 3 when the lock is not up to date.")
def command(session: Session, check: bool) -> int:
    """Follow every reference, and write what it leads to (sha256, size, type) to repository.lock.

    The file lies beside the repository, those of domains beside theirs. `plan` and `apply` tell what differs
    from them; with --locked they refuse it. Keep them in git.
    """
    project = loaded(session, Reading(locking=Locking.RENEW))
    if project.bundle is None or project.lock is None:
        raise DiagnosticsError(project.diagnostics)
    warn(session, list(project.diagnostics))
    all_locks = [_Lock(file, pins, _changes(file, pins)) for file, pins in project.locks.items()]
    for lock in all_locks:
        if not check and (lock.changes or not lock.file.exists()):
            locks.write(lock.file, lock.pins)
    _tell(session, all_locks)
    return exits.STALE if check and any(lock.changes for lock in all_locks) else exits.DONE


class _Lock(Struct, frozen=True):
    """A lock as it is to be, and how it differs from what is there."""

    file: Path
    pins: Pins
    changes: list[tuple[str, str]]

    @property
    def told(self) -> dict[str, Any]:
        """The same for `--json`."""
        changes = [{"action": _ACTIONS[symbol], "reference": name} for symbol, name in self.changes]
        return {"file": str(self.file), "references": dict(sorted(self.pins.items())), "changes": changes}


def _changes(file: Path, after: Pins) -> list[tuple[str, str]]:
    before = locks.kept(file)
    both = ((name, before.get(name), after.get(name)) for name in sorted({*before, *after}))
    return [(_symbol(old, new), name) for name, old, new in both if old != new]


def _symbol(old: Pin | None, new: Pin | None) -> str:
    return "+" if old is None else "-" if new is None else "~"


def _tell(session: Session, all_locks: Sequence[_Lock]) -> None:
    """The project's lock, which is the first, and those of its domains."""
    if session.json:
        own, *domains = (lock.told for lock in all_locks)
        session.document({**own, "domains": domains})
        return
    for lock in all_locks:
        for symbol, name in lock.changes:
            session.say(f"  {session.paint(symbol, symbol)} {name}")
        news = counted(len(lock.changes), "change") if lock.changes else "nothing changed"
        session.say(f"{lock.file}: {counted(len(lock.pins), 'reference')}, {news}.")


_ACTIONS = {"+": "add", "~": "change", "-": "remove"}
