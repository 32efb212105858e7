"""`ramify repo gc`: what is kept and not needed any more."""

import click

from ramify.cli import lazy
from ramify.cli.project import loaded
from ramify.cli.session import Session
from ramify.cli.tables import table
from ramify.cli.words import counted
from ramify.model.diagnostics import DiagnosticsError
from ramify.repository import garbage, locks
from ramify.repository.pins import Locking
from ramify.repository.project import CACHE, Reading, past


@lazy.command("ramify repo gc --dry-run", name="gc")
@click.option("--dry-run", is_flag=True, help="Show what would be taken away, and leave it.")
def command(session: Session, dry_run: bool) -> None:
    """Take away packs, fetched files and runtimes that neither the project, its lock nor its history need.

    What was used within the last hour stays. Without this command the store keeps to the size that
    ramify.yml says (`store: {size: 4 GiB}`).
    """
    project = loaded(session, Reading(locking=Locking.RENEW, ask=False))
    if project.bundle is None:
        raise DiagnosticsError(project.diagnostics)
    cache = session.folder / CACHE
    pins = [
        pin for file, seen in project.locks.items() for pin in (*seen.values(), *locks.kept(file).values())
    ]
    kept = past(session.folder, project.project) if project.project else None
    found = garbage.waste(cache, garbage.needed(project.bundle, pins, cache, kept))
    if not dry_run:
        garbage.remove(cache, found)
    _tell(session, found, dry_run=dry_run)


def _tell(session: Session, found: list[garbage.Waste], *, dry_run: bool) -> None:
    total = sum(item.size for item in found)
    if session.json:
        told = [{"folder": item.folder, "name": item.name, "size": item.size} for item in found]
        session.document({"removed": [] if dry_run else told, "unneeded": told, "size": total})
        return
    rows = [(item.folder, item.name[:12], f"{item.size / 1e6:.1f} MB") for item in found]
    if rows:
        session.say("\n".join(table(rows, ("FOLDER", "NAME", "SIZE"))))
    done = "would be taken away" if dry_run else "taken away"
    session.say(f"{counted(len(found), 'item')}, {total / 1e6:.1f} MB {done}.")
