"""Loading for the server: a project's repository, and what its references lead to, become a catalogue.

Only what references name is offered, and of files only those inside the repository's folder: a reference that
leads out of it, by `..` or by a link, stays a `file:` URL, of use to those who share the file system.
"""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ramify.documents import configuration, project, repository
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.repository import Entry, Repository
from ramify.repository.components import Components
from ramify.repository.files import place, reason
from ramify.repository.folders import stamp
from ramify.repository.project import CACHE, PROJECT, WEB
from ramify.repository.references import COLLECTION, References, is_url
from ramify.repository.remote import unasked
from ramify.repository.serve_bundle import with_bundle
from ramify.repository.serve_catalogue import Catalogue, Content, blob, media_type, target
from ramify.repository.serve_read import Read
from ramify.repository.serve_watch import Watched
from ramify.repository.stamps import Index
from ramify.repository.store import Store
from ramify.repository.targets import Target

# Files up to this size are kept in memory, so that they can be served in their good state after a bad edit.
_KEPT = 1 << 20

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


Good = set[tuple[Path, str]]
"""Configurations that were found good, by their path and digest."""


def load(folder: Path, without: Path | None = None, good: Good | None = None) -> Read:
    """Read what a project in a folder offers; not the component that the folder `without` lies in.

    Whoever reads a project over and over keeps `good`: thousands of documents are not parsed for one change.
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
    return Read(None if found.failed else catalogue, found, files.stamps)


def _project(folder: Path, files: Watched, without: Path | None, good: Good) -> Catalogue | None:
    data = files.read(folder / PROJECT, None)
    written, problems = project.read(data, PROJECT) if data is not None else (None, Diagnostics())
    files.found.extend(problems)
    if written is None:
        return None
    origin = written.origins.get("collections")
    places = [place(folder, name) for name in written.collections]
    found = [path for path in places if files.existing(path, origin)]
    home = place(folder, written.repository).parent
    references = References(files, found, unasked(files, folder / CACHE / WEB), home)
    at = references.resolve(written.repository, folder, written.origins["repository"])
    if at and at.url:
        summary = f"{at.name} is served already, by another server"
        files.found.error(
            "ref-scheme", summary, "Serve files of this machine.", written.origins["repository"]
        )
        return None
    return _Reader(folder, files, references, without, good).catalogue(at.path) if at else None


class _Reader:
    """Follows the references of one repository document."""

    def __init__(
        self, folder: Path, files: Watched, references: References, without: Path | None, good: Good
    ) -> None:
        self._files = files
        self._references = references
        self._home = folder
        self._good = good
        self._without = without.resolve() if without else None
        self._holds_itself = False
        self._store = Store(folder / CACHE / "packs")
        self._index = Index(folder / CACHE / "artifacts.json")
        self._components = Components(files, references, self._store, self._index)
        self._targets: dict[str, str] = {}
        self._offered: dict[str, Content] = {}
        self._blobs: dict[str, Content] = {}

    def catalogue(self, document: Path) -> Catalogue | None:
        """All of it; None with diagnostics when the document cannot be read."""
        self._home = document.parent
        data = self._files.read(document, None)
        if data is None:
            return None
        lists, problems = repository.read(data, self._files.shown(document))
        self._files.found.extend(problems)
        if lists is None:
            return None
        self._offer(document, data)
        self._follow(lists)
        self._index.save()
        return Catalogue(
            repository=lists,
            document=document.name,
            targets=self._targets,
            files=self._offered,
            blobs=self._blobs,
            stores=(self._store.folder, self._store.folder.parent / WEB / "blobs"),
            unbundled="its code would hold this snapshot" if self._holds_itself else "",
        )

    def _follow(self, lists: Repository) -> None:
        for entry in lists.code:
            self._resolved(entry, self._code)
        for entry in (*lists.install, *lists.service):
            self._resolved(entry, self._configuration)

    def _resolved(self, entry: Entry, take: Callable[[Entry, Target], str | None]) -> None:
        """Find where a reference leads; one to another machine stays what it is."""
        scheme = _SCHEME.match(entry.ref)
        if entry.ref in self._targets or (scheme and scheme[1].lower() not in {COLLECTION, "file"}):
            return
        at = self._references.resolve(entry.ref, self._home, entry.origin)
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
            return self._offer(path, None) or self._outside(path, entry.origin)
        if not entry.ref.startswith(COLLECTION) and self._name(path) is None:
            return self._outside(path, entry.origin)
        digest = component.artifact
        self._blobs[digest] = Content(digest, component.size, self._store.path(digest))
        return blob(digest)

    def _configuration(self, entry: Entry, at: Target) -> str | None:
        path = at.path
        data = self._files.read(path, entry.origin)
        if data is None:
            return None
        known = path, hashlib.sha256(data).hexdigest()
        if known not in self._good:
            self._parse(entry, path, data)
            if not self._files.sources and not self._files.found.failed:
                self._good.add(known)
        return self._offer(path, data) or self._outside(path, entry.origin)

    def _parse(self, entry: Entry, path: Path, data: bytes) -> None:
        """Look for problems, and for the files that a configuration names in turn."""
        self._files.sources.clear()
        _, problems = configuration.read(data, self._files.shown(path), entry.ref, self._source(path))
        self._files.found.extend(problems)
        for source in self._files.sources:
            if self._offer(source, None) is None:
                self._outside(source, entry.origin)

    def _source(self, document: Path) -> Callable[[str], str]:
        """Gives the texts of files that a configuration names; those on the web are not asked for."""
        return lambda name: "" if is_url(name) else self._files.source(document, name)

    def _outside(self, path: Path, origin: Origin) -> str:
        summary = f"{self._files.shown(path)} lies outside the repository's folder, so it is not served"
        way_out = "Move it into the folder of the repository document, or into a collection."
        self._files.found.warning("not-served", summary, way_out, origin)
        return path.absolute().as_uri()

    def _offer(self, path: Path, data: bytes | None) -> str | None:
        """Offer a file by its name and by its digest; where that is, or None when it lies outside."""
        name = self._name(path)
        if name is None:
            return None
        content = self._offered.get(name) or _content(path, data)
        self._offered[name] = content
        self._blobs.setdefault(content.digest, content)
        return target(name, content.digest)

    def _name(self, path: Path) -> str | None:
        """The name of a file from the repository's folder on; None when it is not in there."""
        home, real = os.path.realpath(self._home), os.path.realpath(path)
        if not real.startswith(home.rstrip(os.sep) + os.sep):
            return None
        name = os.path.relpath(path, self._home)
        return os.path.relpath(real, home) if name.startswith("..") else name


def _content(path: Path, data: bytes | None) -> Content:
    """The content of a file: small ones are kept, large ones stay where they are for as long as they last."""
    made: dict[str, Any] = {"media": media_type(path.name)}
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        if data is None and found.st_size <= _KEPT:
            data = stream.read()
        if data is not None and len(data) <= _KEPT:
            return Content(hashlib.sha256(data).hexdigest(), len(data), data, **made)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Content(digest, found.st_size, path, **made, stamp=stamp(found))
