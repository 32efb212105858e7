"""Snapshots that components carry: made by themselves, so that what is deployed serves what is planned.

A component in a folder of the repository that extends the repository server has a snapshot of that repository
beside its manifest. It is written again only when the repository changed, or the server itself.
"""

from collections.abc import Iterator
from pathlib import Path

from ramify.documents import component
from ramify.model.diagnostics import DiagnosticsError
from ramify.repository import serve_load, serve_snapshot
from ramify.repository.files import place
from ramify.repository.folders import MANIFEST
from ramify.repository.project import Loaded
from ramify.repository.references import is_url

SERVER = "collection:ramify.core.repository"


def renew(loaded: Loaded) -> bool:
    """Bring the snapshots of a project's components up to date; whether any was not.

    Raises:
        DiagnosticsError: the repository cannot be served.
        SnapshotError: a folder for one holds something else.
    """
    renewed = [_renew(loaded.folder, target) for target in _targets(loaded)]
    return any(renewed)


def _renew(folder: Path, target: Path) -> bool:
    read = serve_load.load(folder, without=target)
    if read.catalogue is None:
        raise DiagnosticsError(read.diagnostics)
    return serve_snapshot.update(read.catalogue, target)


def _targets(loaded: Loaded) -> Iterator[Path]:
    """Where the snapshots belong."""
    if loaded.bundle is None or loaded.project is None or is_url(loaded.project.repository):
        return
    home = place(loaded.folder, loaded.project.repository).parent
    for ref, made in loaded.bundle.components.items():
        folder = place(home, ref)
        named = made.parameters.get("SNAPSHOT")
        if named is not None and named.default and _extends_the_server(folder / MANIFEST):
            yield place(folder, named.default)


def _extends_the_server(manifest: Path) -> bool:
    try:
        read, _ = component.read(manifest.read_bytes(), manifest.name)
    except OSError:
        return False  # of a collection, or of the web: nothing is written there
    return read is not None and read.extends == SERVER
