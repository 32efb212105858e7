"""Components: what a code reference leads to becomes a manifest and an artifact in the store."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import structs

from ramify.documents import component as documents
from ramify.documents.manifest import Manifest
from ramify.model.component import Component
from ramify.model.diagnostics import Origin, Severity
from ramify.repository.artifacts import MAX_TOTAL, PROGRAM, Artifact, ArtifactError, ArtifactFile, build
from ramify.repository.files import Files, reason
from ramify.repository.folders import MANIFEST, from_file, from_folder
from ramify.repository.packaging import BrokenArchiveError, is_archive, plain_name
from ramify.repository.programs import check_format, check_programs
from ramify.repository.references import References
from ramify.repository.stamps import Index, fingerprint, rested
from ramify.repository.store import Store, Stored
from ramify.repository.sums import Sums
from ramify.repository.targets import Target
from ramify.repository.transfers import Unwatched, Watcher

MAX_CHAIN = 16
TREES = "trees"

# In a folder without a manifest, executables of these names do what the names say (HPL 4.3).
INSTALL, START, UNINSTALL = "install", "start", "uninstall"

Tree = dict[str, ArtifactFile]


class Components:
    """Reads components, and keeps their files in the store as artifacts."""

    def __init__(
        self,
        files: Files,
        references: References,
        store: Store,
        index: Index,
        clock: Callable[[], int] = time.time_ns,
        watcher: Watcher | None = None,
    ) -> None:
        self._files = files
        self._references = references
        self._store = store
        self._index = index
        self._clock = clock
        self._watcher = watcher or Unwatched()
        self._ledger = references.remote.ledger
        self._sums = Sums(index, clock)

    def read(self, ref: str, target: Target, origin: Origin) -> Component | None:
        """The component that a reference written at `origin` leads to; None when it has errors."""
        looked, before = self._clock(), self._errors()
        folder = self._opened(target, origin)
        if self._errors() > before:
            return None
        if folder:
            manifest, tree = self._folder(target, folder, origin)
        else:
            manifest, tree = self._program(target, origin)
        if manifest is None or self._errors() > before:
            return None
        stored = self._stored(folder or target.path, tree.values(), looked, origin)
        if stored is None:
            return None
        label = target.label if target.path == folder else plain_name(target.label)
        named = manifest if manifest.name else structs.replace(manifest, name=label)
        return named.component(ref, stored.digest, stored.size)

    def _errors(self) -> int:
        return sum(item.severity is Severity.ERROR for item in self._files.found)

    def _opened(self, target: Target, origin: Origin) -> Path | None:
        """The folder that a reference stands for, archives unpacked; None when it is one file, or unfit."""
        path, found = target.path, self._files.found
        try:
            pin = None if target.url or not self._ledger.wants_all else self._sums.any(path)
            if pin is not None:
                self._ledger.note(target.name, pin, origin)
            if path.is_dir() or not is_archive(path, target.label):
                return path if path.is_dir() else None
            return self._unpacked(path)
        except BrokenArchiveError as error:
            found.error("bad-archive", f"cannot unpack {self._files.shown(path)}: {error}", "", origin)
        except ArtifactError as error:
            found.error(
                error.code, f"cannot take the files of {self._files.shown(path)}: {error}", "", origin
            )
        except OSError as error:
            found.error(
                "unreadable-file", f"cannot read {self._files.shown(path)}: {reason(error)}", "", origin
            )
        return None

    def _unpacked(self, path: Path) -> Path:
        from ramify.repository.archives import Trees  # noqa: PLC0415 - only for those who have archives

        trees = Trees(self._store.folder.with_name(TREES), self._sums)
        tree = trees.unpacked(path, self._sums.file(path).sha256)
        self._files.known_as(tree, self._files.shown(path))
        return tree

    def _program(self, target: Target, origin: Origin) -> tuple[Manifest | None, Tree]:
        """A single file: the program of the service."""
        path = target.path
        try:
            file = structs.replace(from_file(path), name=target.label)
        except OSError:
            self._files.missing(path, origin)
            return None, {}
        check_format(file, self._files, origin)
        return Manifest(origin=self._start_of(path), start_from="format"), {file.name: file}

    def _folder(self, target: Target, path: Path, origin: Origin) -> tuple[Manifest | None, Tree]:
        """A folder and all that its manifest extends, the farthest first: nearer files and words win."""
        merged, tree = None, Tree()
        for folder, manifest in reversed(self._chain(target, path, origin)):
            files, problems = from_folder(folder, origin)
            self._files.found.extend(problems)
            tree |= {file.name: file for file in files}
            merged = manifest if merged is None else manifest.onto(merged)
        if merged is None:
            return None, tree
        if not (path / MANIFEST).is_file():
            return self._conventional(path, tree, origin), tree
        if merged.start is None and merged.start_from is None and START in tree:
            merged = structs.replace(merged, start={"service": (START,)})
        check_programs(merged, tree, self._files.found)
        return merged, tree

    def _chain(self, target: Target, path: Path, origin: Origin) -> list[tuple[Path, Manifest]]:
        """The manifests of a folder and of all it extends, nearest first; nothing when one has errors."""
        chain: list[tuple[Path, Manifest]] = []
        at: tuple[Target, Path] | None = (target, path)
        while at is not None:
            manifest = self._manifest(at[1])
            if manifest is None:
                return []
            chain.append((at[1], manifest))
            place = manifest.origins.get("extends", origin)
            at = self._extended(at[0], manifest.extends, place) if manifest.extends else None
            if manifest.extends and (at is None or self._runs_in_a_circle(at[1], chain, place)):
                return []
        return chain

    def _extended(self, base: Target, ref: str, origin: Origin) -> tuple[Target, Path] | None:
        before = self._errors()
        at = self._references.resolve(ref, base.inside, origin, MAX_TOTAL)
        folder = self._opened(at, origin) if at else None
        if at and folder is None and self._errors() == before:
            summary = f"a component extends a folder, and {self._files.shown(at.path)} is a file"
            self._files.found.error("bad-extends", summary, "Name the folder of a component.", origin)
        return (at, folder) if at and folder else None

    def _runs_in_a_circle(self, at: Path, chain: list[tuple[Path, Manifest]], origin: Origin) -> bool:
        folders = [folder.resolve() for folder, _ in chain]
        if at.resolve() in folders:
            around = " -> ".join(self._files.shown(folder) for folder in [*(f for f, _ in chain), at])
            self._files.found.error("extends-cycle", f"components extend each other: {around}", "", origin)
            return True
        if len(chain) == MAX_CHAIN:
            summary = f"more than {MAX_CHAIN} components extend one another"
            self._files.found.error("too-deep", summary, "Shorten the chain.", origin)
            return True
        return False

    def _manifest(self, folder: Path) -> Manifest | None:
        path = folder / MANIFEST
        if not path.is_file():
            return Manifest(origin=self._start_of(path))
        data = self._files.read(path, self._start_of(path))
        if data is None:
            return None
        manifest, problems = documents.read(data, self._files.shown(path))
        self._files.found.extend(problems)
        return manifest

    def _conventional(self, path: Path, tree: Tree, origin: Origin) -> Manifest | None:
        """What a folder without a manifest says by the names of its files."""
        programs = {name: (name,) for name in (INSTALL, START, UNINSTALL) if name in tree}
        tree |= {name: structs.replace(tree[name], mode=PROGRAM) for name in programs}
        manifest = Manifest(
            origin=self._start_of(path), install=programs.get(INSTALL), uninstall=programs.get(UNINSTALL)
        )
        if START in programs:
            return structs.replace(manifest, start={"service": programs[START]}, start_from="manifest")
        if INSTALL in programs:
            return structs.replace(manifest, start_from="installer")
        if len(tree) == 1:
            check_format(next(iter(tree.values())), self._files, origin)
            return structs.replace(manifest, start_from="format")
        self._files.found.error(
            "no-start",
            f"nothing in {self._files.shown(path)} says how its service starts",
            f"Add {MANIFEST}, or an executable called {START} or {INSTALL}.",
            origin,
        )
        return None

    def _start_of(self, path: Path) -> Origin:
        return Origin(self._files.shown(path), 1, 1)

    def _stored(
        self, path: Path, files: Iterable[ArtifactFile], looked: int, origin: Origin
    ) -> Stored | None:
        """The files as a pack in the store: the one of last time, as long as nothing changed."""
        taken = list(files)
        label, word = str(path.absolute()), fingerprint(taken)
        known = self._index.find(label, word)
        stored = self._store.find(known) if known else None
        if stored:
            return stored
        try:
            stored = self._packed(build(taken), self._files.shown(path))
        except ArtifactError as error:
            summary = f"cannot take the files of {self._files.shown(path)}: {error}"
            self._files.found.error(error.code, summary, "", origin)
            return None
        if rested(taken, looked):
            self._index.remember(label, word, stored.digest)
        return stored

    def _packed(self, artifact: Artifact, name: str) -> Stored:
        try:
            return self._store.add(artifact, lambda done: self._watcher.moved(name, done, None))
        finally:
            self._watcher.ended(name)
