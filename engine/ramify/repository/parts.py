"""The parts of one repository: what a project names in `ramify.yml`, or a domain at its node."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from ramify.documents import configuration, hierarchy, inventory, repository
from ramify.documents.text import MAX_SIZE
from ramify.model.component import Component
from ramify.model.configuration import Configuration
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.hierarchy import Hierarchy
from ramify.model.inventory import Inventory
from ramify.model.repository import Entry, Repository
from ramify.repository import locks
from ramify.repository.artifacts import MAX_TOTAL
from ramify.repository.blobs import Blobs
from ramify.repository.components import Components
from ramify.repository.files import Files, place
from ramify.repository.pins import Ledger, Locking
from ramify.repository.references import References
from ramify.repository.remote import Remote
from ramify.repository.stamps import Index
from ramify.repository.store import Store
from ramify.repository.sums import Sums
from ramify.repository.targets import Base, Target
from ramify.repository.transfers import Limits, Watcher
from ramify.repository.web import Web

WEB = "http"

T = TypeVar("T")
Overlay = Callable[[Inventory], Inventory]
Read = tuple[T | None, Diagnostics]


class Reading(Struct, frozen=True):
    """How a project is read: what its lock is there for, whether servers are asked, who watches transfers.

    Without `servers` those that plan domains here are not asked for them: whoever reads the bundle does.
    """

    locking: Locking = Locking.USE
    ask: bool = True
    skip: bool = False  # what entries refer to and was never fetched, instead of an error
    servers: bool = True
    watcher: Watcher | None = None
    limits: Limits | None = None


class Named(Protocol):
    """What names the parts: nothing for those that there are not. `origins` has the place of each."""

    @property
    def repository(self) -> str: ...

    @property
    def hierarchy(self) -> str: ...

    @property
    def inventory(self) -> str: ...

    @property
    def collections(self) -> tuple[str, ...]: ...

    @property
    def origins(self) -> Mapping[str, Origin]: ...


class Lock(Struct, frozen=True):
    """A lock: its file, the folder that names of local files count from in it, and what was noted."""

    file: Path
    home: Path
    ledger: Ledger


class Content(Struct, frozen=True):
    """What a repository holds."""

    lists: Repository
    configurations: dict[str, Configuration]
    components: dict[str, Component]


class Shop:
    """What the reading of a project and of all its domains has in common."""

    def __init__(self, folder: Path, files: Files, cache: Path, reading: Reading, overlay: Overlay) -> None:
        self.folder = folder
        self.files = files
        self.store = Store(cache / "packs")
        self.reading = reading
        self.overlay = overlay
        self.index = Index(cache / "artifacts.json")
        self.locks: dict[Path, Lock] = {}
        self.left_out: dict[str, None] = {}
        self._web = Web(
            Blobs(cache / WEB, Sums(self.index)),
            ask=reading.ask,
            strict=reading.locking is Locking.REQUIRE,
            limits=reading.limits,
            watcher=reading.watcher,
        )

    def lock(self, file: Path, home: Path) -> Lock:
        """The lock in a file; several repositories may have one together."""
        if file not in self.locks:
            ledger = locks.opened(file, self.files, self.reading.locking)
            self.locks[file] = Lock(file, home, ledger)
        return self.locks[file]

    def references(self, lock: Lock, collections: Sequence[Path] = ()) -> References:
        """References that are held against a lock."""
        remote = Remote(self.files, self._web, lock.ledger)
        return References(self.files, collections, remote, lock.home)


class Parts:
    """The parts of one repository; what is wrong with them is told.

    `base` is what their names count from. `lock` is beside a local repository; one from the web is held
    against that of whoever names it: its URLs mean the same there.
    """

    def __init__(self, shop: Shop, named: Named, base: Base, around: Lock | None = None) -> None:
        self._shop = shop
        self._named = named
        self._base = base
        self._files = shop.files
        self._found = shop.files.found
        self.at = None if References.url(named.repository, base) else place(Path(base), named.repository)
        if self.at is not None:
            self.lock = shop.lock(self.at.with_suffix(".lock"), self.at.parent)
        else:
            self.lock = around or shop.lock(shop.folder / locks.NAME, shop.folder)
        self._references = shop.references(self.lock, self._collections())

    def hierarchy(self) -> tuple[Hierarchy, Base] | None:
        """The hierarchy, and what names in it count from."""
        return self._document("hierarchy", self._hierarchy)

    def inventory(self) -> Inventory | None:
        """Hosts and placements."""
        made = self._document("inventory", self._inventory)
        return self._shop.overlay(made) if made else None

    def led_to(self) -> Content | None:
        """The lists, and what their references lead to."""
        found = self._document("repository", self._repository)
        if found is None:
            return None
        lists, at = found
        shop, files = self._shop, self._files
        reader = Components(files, self._references, shop.store, shop.index, watcher=shop.reading.watcher)
        return Content(
            lists,
            self._each((*lists.install, *lists.service), at.beside, MAX_SIZE, self._configuration),
            self._each(lists.code, at.beside, MAX_TOTAL, reader.read),
        )

    def at_hand(self) -> bool:
        """Whether its documents can be read without asking anybody for the first time."""
        named = (self._named.repository, self._named.hierarchy, self._named.inventory)
        away = [ref for ref in named if ref and not self._references.at_hand(ref, self._base, MAX_SIZE)]
        self._shop.left_out |= dict.fromkeys(References.url(ref, self._base) for ref in away)
        return not away

    def _collections(self) -> list[Path]:
        origin = self._named.origins.get("collections")
        places = [place(self._shop.folder, name) for name in self._named.collections]
        return [path for path in places if self._files.existing(path, origin)]

    def _document(self, key: str, read: Callable[[bytes, Target], Read[T]]) -> T | None:
        """The value of a document that a key names."""
        origin = self._named.origins[key]
        at = self._references.resolve(getattr(self._named, key), self._base, origin)
        data = self._files.read(at.path, origin) if at else None
        if at is None or data is None:
            return None
        value, problems = read(data, at)
        self._found.extend(problems)
        return value

    def _shown(self, at: Target) -> str:
        return self._files.shown(at.path)

    def _hierarchy(self, data: bytes, at: Target) -> Read[tuple[Hierarchy, Base]]:
        tree, problems = hierarchy.read(data, self._shown(at))
        return (tree, at.url or self._base) if tree else None, problems

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
            if self._shop.reading.skip and not self._references.at_hand(entry.ref, base, limit):
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
