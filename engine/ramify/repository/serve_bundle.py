"""The bundle that a server offers: its whole project, for those who plan it as a domain (HPL 5.6)."""

from pathlib import Path

from msgspec import structs

from ramify.model import bundle as bundles
from ramify.model.diagnostics import Diagnostics, Severity
from ramify.repository.project import CACHE, Reading, load
from ramify.repository.serve_catalogue import Catalogue, Content, in_memory
from ramify.repository.serve_watch import Watched, WatchedTrees
from ramify.repository.store import Store

# Nobody is asked for anything: whoever plans the domain asks the servers of those in it.
_READING = Reading(ask=False, servers=False)


def with_bundle(catalogue: Catalogue, folder: Path, files: Watched) -> Catalogue:
    """A catalogue with the bundle of the project in a folder; what was read is watched with `files`."""
    if catalogue.unbundled:
        return catalogue
    seen = WatchedTrees(folder, Diagnostics())
    loaded = load(folder, reading=_READING, runtimes=False, files=seen)
    for path, stamp in seen.stamps.items():
        files.stamps.setdefault(path, stamp)
    if loaded.bundle is None:
        wrong = next(item for item in loaded.diagnostics if item.severity is Severity.ERROR)
        files.found.warning("no-bundle", f"the project cannot be planned as a domain: {wrong}")
        return structs.replace(catalogue, unbundled=str(wrong))
    store = Store(folder / CACHE / "packs")
    packs = {
        made.artifact: Content(made.artifact, made.size, store.path(made.artifact))
        for one in bundles.within(loaded.bundle)
        for made in one.components.values()
    }
    # Where hosts are that nobody but this machine has is no business of others.
    data = bundles.encode(structs.replace(loaded.bundle, runtimes=(), pins={}))
    return structs.replace(catalogue, bundle=in_memory(data, "application/json"), packs=packs)
