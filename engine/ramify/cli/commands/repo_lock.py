"""`ramify repo lock`: what all references of the repository lead to, written down."""

from collections.abc import Iterator

import click

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

    The file lies beside the repository. `plan` and `apply` tell what differs from it; with --locked they
    refuse it. Keep it in git.
    """
    project = loaded(session, Reading(locking=Locking.RENEW))
    if project.bundle is None or project.lock is None:
        raise DiagnosticsError(project.diagnostics)
    warn(session, list(project.diagnostics))
    before = locks.kept(project.lock)
    changes = list(_changes(before, project.pins))
    if not check and (changes or not project.lock.exists()):
        locks.write(project.lock, project.pins)
    _tell(session, str(project.lock), project.pins, changes)
    return exits.STALE if check and changes else exits.DONE


def _changes(before: Pins, after: Pins) -> Iterator[tuple[str, str]]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield _symbol(old, new), name


def _symbol(old: Pin | None, new: Pin | None) -> str:
    return "+" if old is None else "-" if new is None else "~"


def _tell(session: Session, file: str, pins: Pins, changes: list[tuple[str, str]]) -> None:
    if session.json:
        told = [{"action": _ACTIONS[symbol], "reference": name} for symbol, name in changes]
        session.document({"file": file, "references": dict(sorted(pins.items())), "changes": told})
        return
    for symbol, name in changes:
        session.say(f"  {session.paint(symbol, symbol)} {name}")
    news = counted(len(changes), "change") if changes else "nothing changed"
    session.say(f"{file}: {counted(len(pins), 'reference')}, {news}.")


_ACTIONS = {"+": "add", "~": "change", "-": "remove"}
