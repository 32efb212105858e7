"""Loading: a project's files become one bundle, or everything that is wrong with them."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from ramify.documents import configuration, hierarchy, inventory, project, repository
from ramify.documents.project import ProjectFile
from ramify.model.bundle import Bundle, Runtime
from ramify.model.component import Component
from ramify.model.configuration import Configuration
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.inventory import Inventory
from ramify.model.repository import Entry
from ramify.repository.artifacts import ArtifactError
from ramify.repository.components import Components
from ramify.repository.files import Files, place, reason
from ramify.repository.kinds import UnavailableRuntimeError
from ramify.repository.references import References
from ramify.repository.runtime import Runtimes
from ramify.repository.stamps import Index
from ramify.repository.store import Store

PROJECT = "ramify.yml"
CACHE = ".ramify"

T = TypeVar("T")
Overlay = Callable[[Inventory], Inventory]
Read = tuple[T | None, Diagnostics]


class Loaded(Struct, frozen=True):
    """What was read; `bundle` is None exactly when the diagnostics have an error."""

    bundle: Bundle | None
    diagnostics: Diagnostics
    project: ProjectFile | None
    folder: Path
    store: Store


def load(
    folder: Path, cache: Path | None = None, overlay: Overlay | None = None, *, runtimes: bool = True
) -> Loaded:
    """Read a project; `overlay` says of the inventory's hosts what only a running lab knows.

    Without `runtimes` a bundle is for looking at, not for deploying: it saves building them.
    """
    found, cache = Diagnostics(), cache or folder / CACHE
    store, bundle, files = Store(cache / "packs"), None, Files(folder, found)
    written = _project(folder, files)
    try:
        if written:
            bundle = _Parts(written, folder, files).bundle(store, cache, overlay, runtimes=runtimes)
    except OSError as error:
        # What users name is read with diagnostics of its own: this is the cache, or a disk that fails.
        summary = f"cannot use {error.filename or cache}: {reason(error)}"
        found.error("unusable-file", summary, f"What Ramify keeps between commands lies in {cache}.")
    return Loaded(None if found.failed else bundle, found, written, folder, store)


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

    def __init__(self, written: ProjectFile, folder: Path, files: Files) -> None:
        self._written = written
        self._folder = folder
        self._files = files
        self._found = files.found
        self._references = References(files, self._collections())

    def bundle(self, store: Store, cache: Path, overlay: Overlay | None, *, runtimes: bool) -> Bundle | None:
        """Read all of them, so that all their problems are told; then put them together."""
        tree = self._document("hierarchy", lambda data, path: hierarchy.read(data, self._files.shown(path)))
        hosts = self._document("inventory", self._inventory)
        lists = self._document(
            "repository", lambda data, path: repository.read(data, self._files.shown(path))
        )
        configurations: dict[str, Configuration] = {}
        components: dict[str, Component] = {}
        if lists:
            configurations = self._each((*lists.install, *lists.service), self._configuration)
            index = Index(cache / "artifacts.json")
            reader = Components(self._files, self._references, store, index)
            components = self._each(lists.code, reader.read)
            index.save()
        if tree is None or hosts is None or lists is None or self._found.failed:
            return None
        return Bundle(
            project=self._written.project,
            hierarchy=tree,
            repository=lists,
            inventory=overlay(hosts) if overlay else hosts,
            configurations=configurations,
            components=components,
            runtimes=self._runtimes(components.values(), store, cache) if runtimes else (),
        )

    def _collections(self) -> list[Path]:
        origin = self._written.origins.get("collections")
        places = [place(self._folder, name) for name in self._written.collections]
        return [path for path in places if self._files.existing(path, origin)]

    def _document(self, key: str, read: Callable[[bytes, Path], Read[T]]) -> T | None:
        """The value of the document that a key of the project file names."""
        origin = self._written.origins[key]
        path = self._references.resolve(getattr(self._written, key), self._folder, origin)
        data = self._files.read(path, origin) if path else None
        if path is None or data is None:
            return None
        value, problems = read(data, path)
        self._found.extend(problems)
        return value

    def _inventory(self, data: bytes, path: Path) -> Read[Inventory]:
        return inventory.read(data, self._files.shown(path), partial(self._files.source, path))

    def _each(self, entries: Iterable[Entry], read: Callable[[str, Path, Origin], T | None]) -> dict[str, T]:
        """What the references of entries lead to; each is read once, and followed wherever it is written."""
        values: dict[str, T | None] = {}
        base = place(self._folder, self._written.repository).parent
        for entry in entries:
            path = self._references.resolve(entry.ref, base, entry.origin)
            if path is not None and entry.ref not in values:
                values[entry.ref] = read(entry.ref, path, entry.origin)
        return {ref: value for ref, value in values.items() if value is not None}

    def _configuration(self, ref: str, path: Path, origin: Origin) -> Configuration | None:
        data = self._files.read(path, origin)
        if data is None:
            return None
        source = partial(self._files.source, path)
        value, problems = configuration.read(data, self._files.shown(path), ref, source)
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
