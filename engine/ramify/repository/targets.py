"""Where references lead."""

from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from msgspec import Struct

# What relative references count from: a folder, or a URL.
Base = Path | str


class Target(Struct, frozen=True):
    """A file or folder, here, that a reference leads to; `url` is where it came from, if it came.

    `name` is what a lock calls it: the same wherever the project lies.
    """

    name: str
    path: Path
    url: str = ""

    @property
    def label(self) -> str:
        """Its own name, without the way to it."""
        if not self.url:
            return self.path.name
        return unquote(urlsplit(self.url).path.rstrip("/").rpartition("/")[2]) or urlsplit(self.url).netloc

    @property
    def beside(self) -> Base:
        """What references in it count from when it is a document."""
        return self.url or self.path.parent

    @property
    def inside(self) -> Base:
        """The same when it is a folder, or an archive that stands for one."""
        return urlsplit(self.url)._replace(query="", fragment="").geturl() + "/" if self.url else self.path


def joined(base: str, ref: str) -> str:
    """The URL that a reference in a document from a URL leads to."""
    return urljoin(base, ref).partition("#")[0]


def public(url: str) -> str:
    """A URL as it may be shown: without a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
