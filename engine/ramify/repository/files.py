"""Files that a project names: reading them within bounds, and saying well what is not there."""

import os
import stat
from pathlib import Path

from ramify.documents.text import MAX_SIZE
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean

MAX_LISTED = 10_000

_BLOCK = 1 << 16


class Files:
    """Reads what a project in a folder names; what cannot be read is told where it is named."""

    def __init__(self, folder: Path, found: Diagnostics) -> None:
        self.found = found
        self._folder = folder
        self._inside = _full(folder).rstrip(os.sep) + os.sep
        self._known_as: dict[Path, str] = {}
        self.documents: dict[str, None] = {}
        """The documents that were read, as their users would type them."""

    def known_as(self, path: Path, name: str) -> None:
        """Show a path, and all below it, by another name: that of what it was fetched or unpacked from."""
        self._known_as[path] = name

    def named(self, path: Path, home: Path) -> str:
        """The name of a path in the project or in `home`, as seen from `home`; of others, the full path."""
        full, seen_from = _full(path), _full(home)
        if not (full + os.sep).startswith((self._inside, seen_from.rstrip(os.sep) + os.sep)):
            return full
        return _relative(full, seen_from)

    def shown(self, path: Path) -> str:
        """A path as its user would type it: relative to the project, unless it is far away."""
        for place in (path, *path.parents) if self._known_as else ():
            if place in self._known_as:
                return self._known_as[place] + str(path)[len(str(place)) :]
        full = _full(path)
        relative = _relative(full, self._inside)
        return full if relative.startswith("../..") else relative

    def read(self, path: Path, origin: Origin | None) -> bytes | None:
        """A document's bytes; None with a diagnostic at `origin` when there are none to have."""
        try:
            data = self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            self.missing(path, origin)
        except _UnfitError as error:
            self.found.error(error.code, f"cannot read {self.shown(path)}: {error}", error.way_out, origin)
        except OSError as error:
            self._unreadable(path, error, origin)
        else:
            self.documents[self.shown(path)] = None
            return data
        return None

    def existing(self, path: Path, origin: Origin | None) -> Path | None:
        """The path, if anything is there; else None with a diagnostic at `origin`."""
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self.missing(path, origin)
            return None
        except OSError as error:
            self._unreadable(path, error, origin)
            return None
        return path

    def missing(self, path: Path, origin: Origin | None) -> None:
        """Tell that nothing is at a path."""
        self.found.error("missing-file", f"{self.shown(path)} does not exist", self.likely(path), origin)

    def likely(self, path: Path) -> str:
        """What may have been meant by a path that leads nowhere."""
        above, name = self._first_missing(path)
        hint = did_you_mean(name, listed(above))
        place = "the project's folder" if above == self._folder else self.shown(above)
        if above == path.parent:
            return hint
        return f"There is no folder {name} in {place}. {hint}".rstrip()

    def source(self, document: Path, name: str) -> str:
        """The text of a file that a document names, relative to it.

        Raises:
            OSError, UnicodeError: it cannot be had; the message says why.
        """
        path = place(document.parent, name)
        try:
            return self._read(path).decode()
        except (FileNotFoundError, NotADirectoryError) as error:
            hint = self.likely(path)
            raise FileNotFoundError(error.errno, f"it does not exist. {hint}".rstrip()) from error
        except _UnfitError as error:
            raise OSError(0, str(error)) from error

    def _read(self, path: Path) -> bytes:
        # A pipe would keep whoever opens it waiting for somebody to write.
        found = path.stat()
        mode, size = found.st_mode, found.st_size
        if stat.S_ISDIR(mode):
            raise _UnfitError("unreadable-file", "it is a folder", "Name a file in it.")
        if not stat.S_ISREG(mode):
            raise _UnfitError("unreadable-file", "it is not a plain file", "")
        data = _bytes_of(path, size) if size <= MAX_SIZE else None
        if data is None or len(data) > MAX_SIZE:
            raise _UnfitError("too-large", f"it is larger than {MAX_SIZE >> 20} MiB", "Split it.")
        return data

    def _unreadable(self, path: Path, error: OSError, origin: Origin | None) -> None:
        self.found.error("unreadable-file", f"cannot read {self.shown(path)}: {reason(error)}", "", origin)

    def _first_missing(self, path: Path) -> tuple[Path, str]:
        name, above = path.name, path.parent
        while not above.is_dir() and above != above.parent:
            name, above = above.name, above.parent
        return above, name


def _bytes_of(path: Path, size: int) -> bytes:
    """A file's bytes; hardly more than a document may have, whatever the file says of its size."""
    with path.open("rb", buffering=0) as stream:
        data = stream.read(size + 1) or b""
        while len(data) <= MAX_SIZE and (more := stream.read(_BLOCK)):
            data += more
    return data


class _UnfitError(Exception):
    """A file that is there and is no document."""

    def __init__(self, code: str, message: str, way_out: str) -> None:
        self.code = code
        self.way_out = way_out
        super().__init__(message)


def _full(path: Path) -> str:
    """A path from the root on, without `..`; most are so already, and there are thousands."""
    text = str(path)
    done = text.startswith("/") and "/.." not in text
    return text if done else os.path.abspath(text)  # noqa: PTH100 - links stay as they are


def _relative(full: str, folder: str) -> str:
    """A path as seen from a folder, both in full; most lie in it."""
    inside = folder if folder.endswith(os.sep) else folder + os.sep
    return full[len(inside) :] if full.startswith(inside) else os.path.relpath(full, folder)


def listed(folder: Path) -> list[str]:
    """The names in a folder, or nothing; of a very full one only some."""
    try:
        with os.scandir(folder) as entries:
            names = (entry.name for entry in entries if not entry.name.startswith("."))
            return [name for name, _ in zip(names, range(MAX_LISTED), strict=False)]
    except OSError:
        return []


def place(folder: Path, name: str) -> Path:
    """Where a name that stands in a file of a folder leads to, without `..` steps left in it."""
    # A NUL cannot be in any path; the name without it does not exist either, and can be shown.
    full = os.path.join(folder, name.replace("\0", "\ufffd"))  # noqa: PTH118 - one Path less per file
    return Path(os.path.normpath(full))


def reason(error: OSError) -> str:
    """The system's words for an error, without the path that the message has already."""
    return os.strerror(error.errno) if error.errno else str(error)
