"""References: what the entries of a repository name, and the places that they lead to.

A reference is a path relative to the file that it stands in, a `file:` URL, or
`collection:NAMESPACE.COLLECTION.COMPONENT`, a folder that is looked for in the project's collections first
and then in those that are shipped with Ramify.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import ramify
from ramify.model.diagnostics import Origin, did_you_mean
from ramify.repository.files import Files, listed, place

COLLECTION = "collection"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_COMPONENT = re.compile(r"([A-Za-z0-9_][\w-]*)\.([A-Za-z0-9_][\w-]*)\.([A-Za-z0-9_][\w-]*)\Z", re.ASCII)


def shipped() -> Path:
    """The collections that come with Ramify: inside the package, or beside the sources of a checkout."""
    package = Path(ramify.__file__).parent
    inside = package / "collections"
    return inside if inside.is_dir() else package.parent.parent / "collections"


class References:
    """Resolves references; what leads nowhere is told where it is written."""

    def __init__(self, files: Files, collections: Sequence[Path]) -> None:
        self._files = files
        self._collections = (*collections, shipped())

    def resolve(self, ref: str, base: Path, origin: Origin | None) -> Path | None:
        """The file or folder that a reference in a file of `base` leads to; None with a diagnostic."""
        scheme = _SCHEME.match(ref)
        if scheme is None:
            return self._files.existing(place(base, ref), origin)
        rest = ref[scheme.end() :]
        if scheme[1] == COLLECTION:
            return self._component(rest, origin)
        if scheme[1].lower() == "file":
            path = _file_url(rest)
            if path:
                return self._files.existing(place(base, path), origin)
        self._unknown_scheme(ref, scheme[1], origin)
        return None

    def _component(self, name: str, origin: Origin | None) -> Path | None:
        words = _COMPONENT.match(name)
        if words:
            for folder in self._collections:
                path = folder.joinpath(*words.groups())
                if path.is_dir():
                    return path
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

    def _unknown_scheme(self, ref: str, scheme: str, origin: Origin | None) -> None:
        if scheme.lower() in {"http", "https"}:
            summary = f"cannot fetch {ref}: references to other machines are not supported yet"
            detail = "Download it into the project, and refer to it by its path."
        elif scheme.lower() == "file":
            summary = f"cannot reach {ref}: it names another machine"
            detail = "Write file:///PATH, or the path alone."
        else:
            summary = f'no kind of reference "{scheme}:"'
            detail = f'Known: a path, file:, {COLLECTION}:. A path with a colon in it begins with "./".'
        self._files.found.error("ref-scheme", summary, detail, origin)


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
