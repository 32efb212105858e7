"""References: what the entries of a repository name, and the places that they lead to.

A reference is a path or URL relative to the document that it stands in, a `file:`, `http:` or `https:` URL,
or `collection:NAMESPACE.COLLECTION.COMPONENT`, a folder that is looked for in the project's collections first
and then in those that are shipped with Ramify. What comes from the web cannot refer to files of this machine.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import ramify
from ramify.documents.text import MAX_SIZE, Source
from ramify.model.diagnostics import Origin, did_you_mean
from ramify.repository.files import Files, listed, place
from ramify.repository.remote import Remote
from ramify.repository.sums import pin_of
from ramify.repository.targets import Base, Target, joined
from ramify.repository.transfers import TransferError

COLLECTION = "collection"
WEB = ("http", "https")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_COMPONENT = re.compile(r"([A-Za-z0-9_][\w-]*)\.([A-Za-z0-9_][\w-]*)\.([A-Za-z0-9_][\w-]*)\Z", re.ASCII)


def shipped() -> Path:
    """The collections that come with Ramify: inside the package, or beside the sources of a checkout."""
    package = Path(ramify.__file__).parent
    inside = package / "collections"
    return inside if inside.is_dir() else package.parent.parent / "collections"


class References:
    """Resolves references; what leads nowhere is told where it is written."""

    def __init__(self, files: Files, collections: Sequence[Path], remote: Remote, home: Path) -> None:
        """References are named in a lock as they would be written in a repository in `home`."""
        self._files = files
        self._collections = (*collections, shipped())
        self._home = home
        self.remote = remote

    def resolve(self, ref: str, base: Base, origin: Origin | None, limit: int = MAX_SIZE) -> Target | None:
        """What a reference leads to that counts from `base`; None with a diagnostic."""
        url = self.url(ref, base)
        if url:
            return self.remote.target(url, limit, origin)
        scheme = _SCHEME.match(ref)
        if scheme and scheme[1] == COLLECTION:
            return self._component(ref[scheme.end() :], origin)
        path = ref if scheme is None else _file_url(ref[scheme.end() :]) if _is_file(scheme[1]) else None
        if path is None or isinstance(base, str):
            self._unfit_scheme(ref, scheme[1] if scheme else "", base, origin)
            return None
        found = self._files.existing(place(base, path), origin)
        return Target(self.name(found), found) if found else None

    @staticmethod
    def url(ref: str, base: Base) -> str:
        """The URL that a reference stands for; nothing when it leads to something local."""
        if _SCHEME.match(ref):
            return joined(ref, "") if is_url(ref) else ""
        return joined(base, ref) if isinstance(base, str) else ""

    def prefetch(self, refs: Iterable[str], base: Base, limit: int) -> None:
        """Fetch those of several references that lead to the web, at once."""
        self.remote.prefetch(filter(None, (self.url(ref, base) for ref in refs)), limit)

    def at_hand(self, ref: str, base: Base, limit: int) -> bool:
        """Whether a reference can be followed, or refused, without asking anybody for the first time."""
        url = self.url(ref, base)
        return not url or self.remote.has(url, limit)

    def read(self, target: Target, origin: Origin | None) -> bytes | None:
        """The bytes of a document; None with a diagnostic."""
        data = self._files.read(target.path, origin)
        if data is not None and not target.url:
            self.remote.ledger.note(target.name, pin_of(data), origin)
        return data

    def source(self, document: Target, origin: Origin | None) -> Source:
        """Gives the texts of files that a document names, relative to itself."""

        def text(name: str) -> str:
            url = self.url(name, document.beside)
            if not url:
                return self._local_text(document, name, origin)
            try:
                return self.remote.fetch(url, MAX_SIZE, origin).path.read_bytes().decode()
            except TransferError as error:
                raise OSError(0, str(error)) from error

        return text

    def name(self, path: Path) -> str:
        """What a lock calls a local file: the same on every machine, if it belongs to the project."""
        text = str(path)
        for folder in self._collections:
            # Thousands of files are in none: the quick look comes first.
            if (
                text.startswith(str(folder))
                and path.is_relative_to(folder)
                and len(path.relative_to(folder).parts) == 3
            ):
                return f"{COLLECTION}:{'.'.join(path.relative_to(folder).parts)}"
        return self._files.named(path, self._home)

    def _local_text(self, document: Target, name: str, origin: Origin | None) -> str:
        text = self._files.source(document.path, name)
        place_of = self.name(place(document.path.parent, name))
        self.remote.ledger.note(place_of, pin_of(text.encode()), origin)
        return text

    def _component(self, name: str, origin: Origin | None) -> Target | None:
        words = _COMPONENT.match(name)
        if words:
            for folder in self._collections:
                path = folder.joinpath(*words.groups())
                if path.is_dir():
                    return Target(f"{COLLECTION}:{name}", path)
        detail = did_you_mean(name, self._components())
        if not words:
            detail = f"Write {COLLECTION}:NAMESPACE.COLLECTION.COMPONENT. {detail}".rstrip()
        self._files.found.error(
            "unknown-component", f'no component "{name}" in any collection', detail, origin
        )
        return None

    def _components(self) -> Iterable[str]:
        for folder in self._collections:
            for namespace in listed(folder):
                for collection in listed(folder / namespace):
                    for component in listed(folder / namespace / collection):
                        yield f"{namespace}.{collection}.{component}"

    def _unfit_scheme(self, ref: str, scheme: str, base: Base, origin: Origin | None) -> None:
        if not _is_file(scheme):
            summary = f'no kind of reference "{scheme}:"'
            kinds = f"a path, file:, http:, https:, {COLLECTION}:"
            detail = f'Known: {kinds}. A path with a colon in it begins with "./".'
        elif isinstance(base, str):
            summary = f"cannot follow {ref}: what comes from the web cannot refer to files of this machine"
            detail = "Put it beside the document, and refer to it by a relative path."
        else:
            summary = f"cannot reach {ref}: it names another machine"
            detail = "Write file:///PATH, or the path alone."
        self._files.found.error("ref-scheme", summary, detail, origin)


def is_url(ref: str) -> bool:
    """Whether a reference leads to the web by itself."""
    scheme = _SCHEME.match(ref)
    return scheme is not None and scheme[1].lower() in WEB


def _is_file(scheme: str) -> bool:
    return scheme.lower() == "file"


def _file_url(rest: str) -> str | None:
    """The path in a `file:` URL after its scheme; None when it names another machine."""
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in {"", "localhost"} or not slash:
            return None
        rest = "/" + path
    if "%" in rest:
        from urllib.parse import unquote  # noqa: PLC0415 - costs more than all of this

        return unquote(rest)
    return rest or None
