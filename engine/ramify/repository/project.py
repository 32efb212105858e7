"""Loading: a project's files become one bundle, or everything that is wrong with them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from ramify.documents import configuration, hierarchy, inventory, project, repository
from ramify.documents.lock import Pin
from ramify.documents.project import ProjectFile
from ramify.documents.text import MAX_SIZE
from ramify.model.bundle import Bundle, Runtime
from ramify.model.component import Component
from ramify.model.configuration import Configuration
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.inventory import Inventory
from ramify.model.repository import Entry, Repository
from ramify.repository import garbage, locks, seals
from ramify.repository.artifacts import MAX_TOTAL, ArtifactError
from ramify.repository.blobs import Blobs
from ramify.repository.components import Components
from ramify.repository.files import Files, place, reason
from ramify.repository.kinds import UnavailableRuntimeError
from ramify.repository.pins import Locking
from ramify.repository.references import References, is_url
from ramify.repository.remote import Remote
from ramify.repository.runtime import Runtimes
from ramify.repository.seals import Trusted
from ramify.repository.stamps import Index
from ramify.repository.store import Store
from ramify.repository.sums import Sums
from ramify.repository.targets import Base, Target
from ramify.repository.transfers import Limits, Watcher
from ramify.repository.web import Web

PROJECT = "ramify.yml"
CACHE = ".ramify"
WEB = "http"

T = TypeVar("T")
Overlay = Callable[[Inventory], Inventory]
Read = tuple[T | None, Diagnostics]


class Reading(Struct, frozen=True):
    """How a project is read: what its lock is there for, whether servers are asked, who watches transfers."""

    locking: Locking = Locking.USE
    ask: bool = True
    skip: bool = False  # what entries refer to and was never fetched, instead of an error
    watcher: Watcher | None = None
    limits: Limits | None = None


class Loaded(Struct, frozen=True):
    """What was read; `bundle` is None exactly when the diagnostics have an error.

    `pins` are what the references led to, as far as a lock wants to know, and `lock` is the lock's file.
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


def load(
    folder: Path,
    cache: Path | None = None,
    overlay: Overlay | None = None,
    reading: Reading | None = None,
    *,
    runtimes: bool = True,
) -> Loaded:
    """Read a project; `overlay` says of the inventory's hosts what only a running lab knows.

    Without `runtimes` a bundle is for looking at, not for deploying: it saves building them.
    """
    found, cache = Diagnostics(), cache or folder / CACHE
    store, bundle, files = Store(cache / "packs"), None, Files(folder, found)
    written, parts = _project(folder, files), None
    try:
        if written:
            parts = _Parts(written, folder, files, cache, reading or Reading())
            bundle = parts.bundle(store, cache, overlay, runtimes=runtimes)
        if written and parts and bundle:
            pins = (*parts.ledger.seen.values(), *parts.ledger.locked.values())
            garbage.keep_within(cache, garbage.needed(bundle, pins, cache), written.store)
    except OSError as error:
        # What users name is read with diagnostics of its own: this is the cache, or a disk that fails.
        summary = f"cannot use {error.filename or cache}: {reason(error)}"
        found.error("unusable-file", summary, f"What Ramify keeps between commands lies in {cache}.")
    return Loaded(
        bundle=None if found.failed else bundle,
        diagnostics=found,
        project=written,
        folder=folder,
        store=store,
        pins=parts.ledger.seen if parts else {},
        lock=parts.lock if parts else None,
        trust=parts.trusted if parts else None,
    )


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


class _Parts:
    """The parts that a project file names."""

    def __init__(
        self, written: ProjectFile, folder: Path, files: Files, cache: Path, reading: Reading
    ) -> None:
        self._written = written
        self._folder = folder
        self._files = files
        self._found = files.found
        self._watcher = reading.watcher
        self._skip = reading.skip
        self._index = Index(cache / "artifacts.json")
        named = place(folder, written.repository)
        away = is_url(written.repository)
        self.lock = folder / locks.NAME if away else named.with_suffix(".lock")
        self.ledger = locks.opened(self.lock, files, reading.locking)
        web = Web(
            Blobs(cache / WEB, Sums(self._index)),
            ask=reading.ask,
            strict=self.ledger.strict,
            limits=reading.limits,
            watcher=reading.watcher,
        )
        remote = Remote(files, web, self.ledger)
        self.trusted: Trusted | None = None
        self._references = References(files, self._collections(), remote, folder if away else named.parent)

    def bundle(self, store: Store, cache: Path, overlay: Overlay | None, *, runtimes: bool) -> Bundle | None:
        """Read all of them, so that all their problems are told; then put them together."""
        tree = self._document("hierarchy", lambda data, at: hierarchy.read(data, self._shown(at)))
        hosts = self._document("inventory", self._inventory)
        lists = self._document("repository", self._repository)
        self.trusted = seals.read(self._written, self._folder, self._files)
        configurations: dict[str, Configuration] = {}
        components: dict[str, Component] = {}
        if lists:
            configurations, components = self._led_to(*lists, store)
        self._index.save()
        if tree is None or hosts is None or lists is None or self._found.failed:
            return None
        return Bundle(
            project=self._written.project,
            hierarchy=tree,
            repository=lists[0],
            inventory=overlay(hosts) if overlay else hosts,
            configurations=configurations,
            components=components,
            seal=self.trusted.seal if self.trusted else None,
            policy=self.trusted.policy if self.trusted else None,
            runtimes=self._runtimes(components.values(), store, cache) if runtimes else (),
        )

    def _led_to(
        self, lists: Repository, at: Target, store: Store
    ) -> tuple[dict[str, Configuration], dict[str, Component]]:
        """What the references of a repository lead to."""
        configurations = self._each(
            (*lists.install, *lists.service), at.beside, MAX_SIZE, self._configuration
        )
        reader = Components(self._files, self._references, store, self._index, watcher=self._watcher)
        return configurations, self._each(lists.code, at.beside, MAX_TOTAL, reader.read)

    def _collections(self) -> list[Path]:
        origin = self._written.origins.get("collections")
        places = [place(self._folder, name) for name in self._written.collections]
        return [path for path in places if self._files.existing(path, origin)]

    def _document(self, key: str, read: Callable[[bytes, Target], Read[T]]) -> T | None:
        """The value of the document that a key of the project file names."""
        origin = self._written.origins[key]
        at = self._references.resolve(getattr(self._written, key), self._folder, origin)
        data = self._files.read(at.path, origin) if at else None
        if at is None or data is None:
            return None
        value, problems = read(data, at)
        self._found.extend(problems)
        return value

    def _shown(self, at: Target) -> str:
        return self._files.shown(at.path)

    def _repository(self, data: bytes, at: Target) -> Read[tuple[Repository, Target]]:
        lists, problems = repository.read(data, self._shown(at))
        return (lists, at) if lists else None, problems

    def _inventory(self, data: bytes, at: Target) -> Read[Inventory]:
        return inventory.read(data, self._shown(at), partial(self._files.source, at.path))

    def _each(
        self,
        entries: Sequence[Entry],
        base: Base,
        limit: int,
        read: Callable[[str, Target, Origin], T | None],
    ) -> dict[str, T]:
        """What the references of entries lead to; each is read once, and followed wherever it is written."""
        values: dict[str, T | None] = {}
        self._references.prefetch((entry.ref for entry in entries), base, limit)
        for entry in entries:
            if self._skip and not self._references.at_hand(entry.ref, base, limit):
                continue
            target = self._references.resolve(entry.ref, base, entry.origin, limit)
            if target is not None and entry.ref not in values:
                values[entry.ref] = read(entry.ref, target, entry.origin)
        return {ref: value for ref, value in values.items() if value is not None}

    def _configuration(self, ref: str, at: Target, origin: Origin) -> Configuration | None:
        data = self._references.read(at, origin)
        if data is None:
            return None
        source = self._references.source(at, origin)
        value, problems = configuration.read(data, self._shown(at), ref, source)
        self._found.extend(problems)
        return value

    def _runtimes(self, components: Iterable[Component], store: Store, cache: Path) -> tuple[Runtime, ...]:
        """Ramify itself, where any component is an initiator."""
        initiator = next((component for component in components if component.deploys), None)
        if initiator is None:
            return ()
        try:
            return Runtimes(store, cache).known()
        except (UnavailableRuntimeError, ArtifactError) as error:
            self._found.error("no-runtime", str(error), "", initiator.origin)
            return ()
