"""Loading for the server: a project's repository, and what its references lead to, become a catalogue.

Only what references name is offered, and of files only those inside the repository's folder: a reference that
leads out of it, by `..` or by a link, stays a `file:` URL, of use to those who share the file system.

A repository that is a URL itself is served from here too, as a mirror: fetched under the project's lock, and
asked for again when it may have changed. What it refers to elsewhere stays where it is.
"""

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urljoin

from ramify.documents import configuration, project, repository
from ramify.documents.text import MAX_SIZE
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.repository import Entry, Repository
from ramify.repository import locks
from ramify.repository.artifacts import MAX_TOTAL
from ramify.repository.blobs import Blobs
from ramify.repository.components import Components
from ramify.repository.files import place, reason
from ramify.repository.folders import stamp
from ramify.repository.pins import Locking
from ramify.repository.project import CACHE, PROJECT, WEB
from ramify.repository.references import COLLECTION, References, is_url
from ramify.repository.remote import Remote, unasked
from ramify.repository.serve_bundle import with_bundle
from ramify.repository.serve_catalogue import Catalogue, Content, blob, in_memory, media_type, target
from ramify.repository.serve_read import Read
from ramify.repository.serve_watch import Watched
from ramify.repository.stamps import Index
from ramify.repository.store import Store
from ramify.repository.sums import Sums
from ramify.repository.targets import Base, Target, public
from ramify.repository.transfers import TransferError
from ramify.repository.web import Web

# Files up to this size are kept in memory, so that they can be served in their good state after a bad edit.
_KEPT = 1 << 20

# After so many seconds servers are asked whether what was fetched from them has changed.
ASK_AGAIN = 30.0

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


Good = set[tuple[Path, str]]
"""Configurations that were found good, by their path and digest."""


def load(
    folder: Path, without: Path | None = None, good: Good | None = None, ask_again: float = ASK_AGAIN
) -> Read:
    """Read what a project in a folder offers; not the component that the folder `without` lies in.

    Whoever reads a project over and over keeps `good`: thousands of documents are not parsed for one change.
    What is fetched holds for `ask_again` seconds.
    """
    found = Diagnostics()
    files = Watched(folder, found)
    catalogue = None
    try:
        catalogue = _project(folder, files, without, set() if good is None else good)
        if catalogue is not None:
            catalogue = with_bundle(catalogue, folder, files)
    except OSError as error:
        what = error.filename or folder / CACHE
        found.error("unusable-file", f"cannot use {what}: {reason(error)}", "", None)
    lasts = ask_again if files.fetches else None
    return Read(None if found.failed else catalogue, found, files.stamps, lasts)


def _project(folder: Path, files: Watched, without: Path | None, good: Good) -> Catalogue | None:
    data = files.read(folder / PROJECT, None)
    written, problems = project.read(data, PROJECT) if data is not None else (None, Diagnostics())
    files.found.extend(problems)
    if written is None:
        return None
    origin = written.origins.get("collections")
    places = [place(folder, name) for name in written.collections]
    found = [path for path in places if files.existing(path, origin)]
    away = is_url(written.repository)
    remote = _remote(folder, files) if away else unasked(files, folder / CACHE / WEB)
    home = folder if away else place(folder, written.repository).parent
    references = References(files, found, remote, home)
    at = references.resolve(written.repository, folder, written.origins["repository"])
    return _Reader(folder, files, references, without, good).catalogue(at) if at else None


def _remote(folder: Path, files: Watched) -> Remote:
    """A remote that asks servers, under the lock beside the project file: a changed lock is seen."""
    lock = folder / locks.NAME
    files.see(lock)
    files.fetches = True
    blobs = Blobs(folder / CACHE / WEB, Sums(Index(folder / CACHE / "artifacts.json")))
    return Remote(files, Web(blobs), locks.opened(lock, files, Locking.USE))


class _Reader:
    """Follows the references of one repository document."""

    def __init__(
        self, folder: Path, files: Watched, references: References, without: Path | None, good: Good
    ) -> None:
        self._files = files
        self._references = references
        self._home: Base = folder
        self._good = good
        self._without = without.resolve() if without else None
        self._holds_itself = False
        self._store = Store(folder / CACHE / "packs")
        self._index = Index(folder / CACHE / "artifacts.json")
        self._components = Components(files, references, self._store, self._index)
        self._targets: dict[str, str] = {}
        self._offered: dict[str, Content] = {}
        self._blobs: dict[str, Content] = {}

    def catalogue(self, at: Target) -> Catalogue | None:
        """All of it; None with diagnostics when the document cannot be read."""
        self._home = at.beside
        data = self._files.read(at.path, None)
        if data is None:
            return None
        lists, problems = repository.read(data, self._files.shown(at.path))
        self._files.found.extend(problems)
        if lists is None:
            return None
        self._offer(at, data)
        self._follow(lists)
        self._index.save()
        return Catalogue(
            repository=lists,
            document=self._name(at) or at.label,
            targets=self._targets,
            files=self._offered,
            blobs=self._blobs,
            stores=(self._store.folder, self._store.folder.parent / WEB / "blobs"),
            unbundled="its code would hold this snapshot" if self._holds_itself else "",
        )

    def _follow(self, lists: Repository) -> None:
        self._resolved(lists.code, self._code, MAX_TOTAL)
        self._resolved((*lists.install, *lists.service), self._configuration, MAX_SIZE)

    def _resolved(
        self, entries: Sequence[Entry], take: Callable[[Entry, Target], str | None], limit: int
    ) -> None:
        """Find where references lead; those to other machines stay what they are."""
        own = [entry for entry in entries if not _is_away(entry.ref)]
        self._references.prefetch((entry.ref for entry in own), self._home, limit)
        for entry in own:
            if entry.ref not in self._targets:
                at = self._references.resolve(entry.ref, self._home, entry.origin, limit)
                made = take(entry, at) if at else None
                if made is not None:
                    self._targets[entry.ref] = made

    def _code(self, entry: Entry, at: Target) -> str | None:
        path = at.path
        if self._without and self._without.is_relative_to(path.resolve()):
            self._holds_itself = True
            return quote(path.name)  # no snapshot can hold itself: nothing is found there
        if path.is_dir():
            self._files.see_tree(path)
        component = self._components.read(entry.ref, at, entry.origin)
        if component is None:
            return None
        if not path.is_dir():
            return self._offer(at, None) or self._outside(at, entry.origin)
        if not entry.ref.startswith(COLLECTION) and self._name(at) is None:
            return self._outside(at, entry.origin)
        digest = component.artifact
        self._blobs[digest] = Content(digest, component.size, self._store.path(digest))
        return blob(digest)

    def _configuration(self, entry: Entry, at: Target) -> str | None:
        data = self._files.read(at.path, entry.origin)
        if data is None:
            return None
        known = at.path, hashlib.sha256(data).hexdigest()
        if known not in self._good and not self._parse(entry, at, data) and not self._files.found.failed:
            self._good.add(known)
        return self._offer(at, data) or self._outside(at, entry.origin)

    def _parse(self, entry: Entry, at: Target, data: bytes) -> list[Target]:
        """Look for problems, and for the files that a configuration names in turn."""
        sources: list[Target] = []
        read = self._source(at, entry.origin, sources)
        _, problems = configuration.read(data, self._files.shown(at.path), entry.ref, read)
        self._files.found.extend(problems)
        for source in sources:
            if self._offer(source, None) is None:
                self._outside(source, entry.origin)
        return sources

    def _source(self, document: Target, origin: Origin, met: list[Target]) -> Callable[[str], str]:
        """Gives the texts of files that a configuration names; those of other servers are not asked for."""

        def text(name: str) -> str:
            if is_url(name):
                return ""
            url = self._references.url(name, document.beside)
            if url:
                try:
                    met.append(self._references.remote.fetch(url, MAX_SIZE, origin))
                except TransferError as error:
                    raise OSError(0, str(error)) from error
                return met[-1].path.read_bytes().decode()
            found = self._files.source(document.path, name)
            met.append(Target(name, place(document.path.parent, name)))
            return found

        return text

    def _outside(self, at: Target, origin: Origin) -> str:
        if at.url:
            return public(at.url)
        summary = f"{self._files.shown(at.path)} lies outside the repository's folder, so it is not served"
        way_out = "Move it into the folder of the repository document, or into a collection."
        self._files.found.warning("not-served", summary, way_out, origin)
        return at.path.absolute().as_uri()

    def _offer(self, at: Target, data: bytes | None) -> str | None:
        """Offer a file by its name and by its digest; where that is, or None when it lies outside."""
        name = self._name(at)
        if not name:
            return None
        content = self._offered.get(name) or _content(at, data, media_type(name))
        self._offered[name] = content
        self._blobs.setdefault(content.digest, content)
        return target(name, content.digest)

    def _name(self, at: Target) -> str | None:
        """The name of a file from the repository's folder on; None when it is not in there."""
        if isinstance(self._home, str):
            above = urljoin(self._home, ".")
            return unquote(at.url[len(above) :]) if at.url.startswith(above) else None
        home, real = os.path.realpath(self._home), os.path.realpath(at.path)
        if not real.startswith(home.rstrip(os.sep) + os.sep):
            return None
        name = os.path.relpath(at.path, self._home)
        return os.path.relpath(real, home) if name.startswith("..") else name


def _is_away(ref: str) -> bool:
    """Whether a reference names another machine by itself."""
    scheme = _SCHEME.match(ref)
    return scheme is not None and scheme[1].lower() not in {COLLECTION, "file"}


def _content(at: Target, data: bytes | None, media: str) -> Content:
    """The content of a file: small ones are kept, large ones stay where they are for as long as they last."""
    with at.path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        if data is None and found.st_size <= _KEPT:
            data = stream.read()
        if data is not None and len(data) <= _KEPT:
            return in_memory(data, media)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    # What was fetched is in the cache by its digest: it may be cleared away, and never changes.
    return Content(digest, found.st_size, at.path, media, () if at.url else stamp(found))
