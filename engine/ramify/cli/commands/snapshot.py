"""`ramify repo snapshot`: the repository as a folder that a small server elsewhere serves."""

from pathlib import Path

import click

from ramify.cli import lazy
from ramify.cli.failures import failure
from ramify.cli.project import warn
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.model.diagnostics import DiagnosticsError


@lazy.command("ramify repo snapshot repositories/acme/server/snapshot", name="snapshot")
@click.argument("folder", type=click.Path(path_type=Path))
def command(session: Session, folder: Path) -> None:
    """Write to FOLDER all that `repo serve` would serve, and the server itself.

    A component that extends collection:ramify.core.repository gets its own when it is planned; this is for
    those who serve one by other means: it needs nothing but a python3 of this machine's kind.
    """
    from ramify.repository.serve_load import load  # noqa: PLC0415 - `--help` needs none of it
    from ramify.repository.serve_snapshot import SnapshotError, write  # noqa: PLC0415

    read = load(session.folder, without=folder)
    if read.catalogue is None:
        raise DiagnosticsError(read.diagnostics)
    warn(session, tuple(read.diagnostics))
    try:
        write(read.catalogue, folder)
    except SnapshotError as error:
        raise failure("not-empty", str(error), "FOLDER is a new folder, or an earlier snapshot.") from error
    files, blobs = len(read.catalogue.files), len(read.catalogue.blobs)
    if session.json:
        session.document({"folder": str(folder), "files": files, "blobs": blobs})
    else:
        session.say(f"{folder} holds {counted(files, 'file')} and {counted(blobs, 'blob')}.")
