"""Loading: a project's files become one bundle, or everything that is wrong with them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct, structs

from ramify.documents import project
from ramify.documents.lock import Pin
from ramify.documents.project import ProjectFile
from ramify.model.bundle import Bundle, Runtime, within
from ramify.model.component import Component
from ramify.model.diagnostics import Diagnostics
from ramify.model.inventory import Inventory
from ramify.repository import garbage, inline, seals
from ramify.repository.artifacts import ArtifactError
from ramify.repository.files import Files, reason
from ramify.repository.kinds import UnavailableRuntimeError
from ramify.repository.nested import Around, Domains
from ramify.repository.parts import WEB, Overlay, Parts, Reading, Shop
from ramify.repository.runtime import Runtimes
from ramify.repository.seals import Trusted
from ramify.repository.secrets import Vault
from ramify.repository.store import Store

__all__ = ["CACHE", "PROJECT", "WEB", "Loaded", "Reading", "load"]

PROJECT = "ramify.yml"
CACHE = ".ramify"


class Loaded(Struct, frozen=True):
    """What was read; `bundle` is None exactly when the diagnostics have an error.

    `pins` are what the references led to, as far as a lock wants to know, and `lock` is the lock's file;
    `locks` are those of the project and of its domains, each beside its repository. `files` are the documents
    that were read, `left_out` the URLs of domains that were never fetched, and so not followed.
    Without `trust` nothing needs to be signed.
    """

    bundle: Bundle | None
    diagnostics: Diagnostics
    project: ProjectFile | None
    folder: Path
    store: Store
    pins: dict[str, Pin] = {}
    lock: Path | None = None
    trust: Trusted | None = None
    locks: dict[Path, dict[str, Pin]] = {}
    files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def vault(self) -> Vault:
        """The secrets that it declares, and those that are encrypted in its documents."""
        cache, made = self.folder / CACHE, self.bundle
        if self.project is None:
            return Vault(self.folder, cache, {})
        written = inline.places(made.configurations.values(), made.hierarchy) if made else {}
        return Vault(self.folder, cache, self.project.secrets, self.project.vault, written)


def load(
    folder: Path,
    cache: Path | None = None,
    overlay: Overlay | None = None,
    reading: Reading | None = None,
    *,
    runtimes: bool = True,
    files: Files | None = None,
) -> Loaded:
    """Read a project; `overlay` says of the inventory's hosts what only a running lab knows.

    Without `runtimes` a bundle is for looking at, not for deploying: it saves building them. `files` is who
    reads, for those who want to know what was read.
    """
    cache, bundle, reader = cache or folder / CACHE, None, None
    files = files or Files(folder, Diagnostics())
    found = files.found
    written = _project(folder, files)
    try:
        if written:
            shop = Shop(folder, files, cache, reading or Reading(), overlay or _as_it_is)
            reader = _Project(written, shop)
            bundle = reader.bundle(cache, runtimes=runtimes)
        if written and reader and bundle:
            needs = garbage.needed(bundle, reader.pins(), cache, past(folder, written))
            garbage.keep_within(cache, needs, written.store)
    except OSError as error:
        # What users name is read with diagnostics of its own: this is the cache, or a disk that fails.
        summary = f"cannot use {error.filename or cache}: {reason(error)}"
        found.error("unusable-file", summary, f"What Ramify keeps between commands lies in {cache}.")
    lock = reader.parts.lock if reader else None
    return Loaded(
        bundle=None if found.failed else bundle,
        diagnostics=found,
        project=written,
        folder=folder,
        store=Store(cache / "packs"),
        pins=lock.ledger.seen if lock else {},
        lock=lock.file if lock else None,
        trust=reader.trusted if reader else None,
        locks={file: one.ledger.seen for file, one in reader.shop.locks.items()} if reader else {},
        files=tuple(files.documents),
        left_out=tuple(reader.shop.left_out) if reader else (),
    )


def known(folder: Path) -> Loaded:
    """What a project's own file says, and nothing of what that names: enough to find its directory."""
    files = Files(folder, Diagnostics())
    written = _project(folder, files)
    return Loaded(
        bundle=None,
        diagnostics=files.found,
        project=written,
        folder=folder,
        store=Store(folder / CACHE / "packs"),
    )


def past(folder: Path, written: ProjectFile) -> Path:
    """Where the bundles of a project's earlier runs are: beside its directory."""
    return (folder / written.directory.removeprefix("sqlite:")).parent / "bundles"


def resumed(folder: Path, bundle: Bundle | None) -> Loaded:
    """A project with a bundle that was made from it earlier; its own file and its trust file are read."""
    cache, files = folder / CACHE, Files(folder, Diagnostics())
    written, trusted, reader = _project(folder, files), None, None
    if written:
        reader = _Project(written, Shop(folder, files, cache, Reading(ask=False), _as_it_is))
        trusted = seals.read(written, folder, files)
    return Loaded(
        bundle=None if files.found.failed else bundle,
        diagnostics=files.found,
        project=written,
        folder=folder,
        store=Store(cache / "packs"),
        lock=reader.parts.lock.file if reader else None,
        # It stands for what was signed when it was made, whatever is signed by now.
        trust=structs.replace(trusted, seal=bundle.seal) if trusted and bundle else None,
    )


def _as_it_is(inventory: Inventory) -> Inventory:
    return inventory


def _project(folder: Path, files: Files) -> ProjectFile | None:
    """What `ramify.yml` says."""
    path = folder / PROJECT
    if not path.exists():
        above = next((up for up in folder.absolute().parents if (up / PROJECT).is_file()), None)
        files.found.error(
            "no-project",
            f"there is no {PROJECT} in {folder.absolute()}",
            "`ramify init DIR` makes a project; `ramify -C DIR` works in another folder."
            + (f" There is one in {above}." if above else ""),
        )
        return None
    data = files.read(path, None)
    if data is None:
        return None
    written, problems = project.read(data, PROJECT)
    files.found.extend(problems)
    return written


class _Project:
    """A project file's parts, put together with the domains that they name."""

    def __init__(self, written: ProjectFile, shop: Shop) -> None:
        self.shop = shop
        self.parts = Parts(shop, written, shop.folder)
        self.trusted: Trusted | None = None
        self._written = written
        self._found = shop.files.found

    def bundle(self, cache: Path, *, runtimes: bool) -> Bundle | None:
        """Read everything, so that all problems are told; then put it together."""
        grown, hosts, content = self.parts.hierarchy(), self.parts.inventory(), self.parts.led_to()
        self.trusted = seals.read(self._written, self.shop.folder, self.shop.files)
        domains: dict[str, Bundle] = {}
        if grown:
            tree, base = grown
            reader = Domains(self.shop, self._written.project, sealed=self.trusted is not None)
            domains = reader.below(tree, Around(base, self.parts.lock))
        self.shop.index.save()
        if grown is None or hosts is None or content is None or self._found.failed:
            return None
        written = inline.places(content.configurations.values(), grown[0])
        deployed = [*content.components.values(), *_components(domains.values())]
        return Bundle(
            project=self._written.project,
            hierarchy=grown[0],
            repository=content.lists,
            inventory=hosts,
            configurations=content.configurations,
            components=content.components,
            seal=self.trusted.seal if self.trusted else None,
            policy=self.trusted.policy if self.trusted else None,
            runtimes=self._runtimes(deployed, cache) if runtimes else (),
            domains=domains,
            secrets=dict.fromkeys((*self._written.secrets, *written), ""),
        )

    def pins(self) -> Iterator[Pin]:
        """What references led to, and what is locked."""
        for lock in self.shop.locks.values():
            yield from lock.ledger.seen.values()
            yield from lock.ledger.locked.values()

    def _runtimes(self, components: Iterable[Component], cache: Path) -> tuple[Runtime, ...]:
        """Ramify itself, where any component is an initiator."""
        initiator = next((component for component in components if component.deploys), None)
        if initiator is None:
            return ()
        try:
            return Runtimes(self.shop.store, cache, watcher=self.shop.reading.watcher).known()
        except (UnavailableRuntimeError, ArtifactError) as error:
            self._found.error("no-runtime", str(error), "", initiator.origin)
            return ()


def _components(bundles: Iterable[Bundle]) -> Iterator[Component]:
    for bundle in bundles:
        for one in within(bundle):
            yield from one.components.values()
