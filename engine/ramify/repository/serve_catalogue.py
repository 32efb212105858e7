"""The catalogue: one good state of a repository as a server offers it. A value: it does not change.

A reference leads to a file of the repository, by its name, or to a blob, by its digest, or to a place of its
own that clients reach without this server. Nothing is offered that no reference names.
"""

import hashlib
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from ramify.model.repository import Repository

BLOBS = "blobs"
PACKS = "packs"
BUNDLE = "bundle"
HEALTH = "healthz"

# What a URL may have besides letters, digits and `-._~`; `%` is there since what is quoted stays so.
_URL = "%!#$&'()*+,/:;=?@[]"

_MEDIA = {
    "xml": "application/xml",
    "yml": "application/yaml",
    "yaml": "application/yaml",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "sh": "text/x-shellscript",
}
BYTES = "application/octet-stream"


class Content(Struct, frozen=True):
    """Bytes that can be had: in memory, or in a file for as long as that has the stamp (no stamp: for ever).

    `digest` is what the bytes are named by: their own sha256, or for a pack that of the artifact in it.
    """

    digest: str
    size: int
    source: bytes | Path
    media: str = BYTES
    stamp: tuple[int, ...] = ()


class Catalogue(Struct, frozen=True):
    """What is offered; `targets` are the places of references, relative to the server's root or absolute.

    `bundle` is the whole project, for those who plan it as a domain, and `packs` the code that it names;
    without one, `unbundled` says why.
    """

    repository: Repository
    document: str
    targets: dict[str, str]
    files: dict[str, Content]
    blobs: dict[str, Content]
    stores: tuple[Path, ...] = ()
    bundle: Content | None = None
    packs: dict[str, Content] = {}
    unbundled: str = ""


def locate(catalogue: Catalogue, ref: str, base: str) -> str:
    """The absolute URL of a reference; `base` is that of the server's root, with a slash at its end."""
    target = catalogue.targets.get(ref, ref)
    return quote(target, safe=_URL) if ":" in target.partition("/")[0] else base + target


def target(name: str, digest: str) -> str:
    """Where a file of the repository is, relative to the server's root; one called as a route is a blob."""
    if name in {HEALTH, BUNDLE} or name.partition("/")[0] in {BLOBS, PACKS} or ":" in name.partition("/")[0]:
        return blob(digest)
    return quote(name)


def blob(digest: str) -> str:
    """Where a blob is, relative to the server's root."""
    return f"{BLOBS}/{digest}"


def in_memory(data: bytes, media: str = BYTES) -> Content:
    """Bytes that are at hand."""
    return Content(hashlib.sha256(data).hexdigest(), len(data), data, media)


def media_type(name: str) -> str:
    """The media type of a file, by its name."""
    return _MEDIA.get(name.rpartition(".")[2].lower(), BYTES)
