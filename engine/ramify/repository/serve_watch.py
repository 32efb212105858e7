"""Reading with an eye on what was read: whatever of it changes makes the server read again."""

import os
from pathlib import Path

from ramify.model.diagnostics import Diagnostics, Origin
from ramify.repository.files import Files, place
from ramify.repository.folders import MANIFEST, left_out
from ramify.repository.project import CACHE
from ramify.repository.serve_read import Stamps, current


class Watched(Files):
    """Reads files, and keeps the stamps of all that were looked for; `fetches`: some came from elsewhere.

    What the project's cache holds is named by its content, and needs no stamp.
    """

    def __init__(self, folder: Path, found: Diagnostics) -> None:
        super().__init__(folder, found)
        self.stamps: Stamps = {}
        self.fetches = False
        self._cache = f"{folder / CACHE}{os.sep}"

    def see(self, path: Path) -> None:
        """Take the stamp of a path before it is read: a change while it is read is then seen afterwards."""
        if path not in self.stamps and not str(path).startswith(self._cache):
            self.stamps[path] = current(path)

    def see_tree(self, folder: Path) -> None:
        """The same for a folder and all in it that counts."""
        for at, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not left_out(name)]
            for name in (".", *names):
                self.see(Path(at, name))

    def read(self, path: Path, origin: Origin | None) -> bytes | None:
        """A document's bytes, as Files has them."""
        self.see(path)
        if path.name == MANIFEST:  # of a component, or of one that it extends: all of it counts
            self.see_tree(path.parent)
        return super().read(path, origin)

    def existing(self, path: Path, origin: Origin | None) -> Path | None:
        """The path, as Files has it."""
        self.see(path)
        return super().existing(path, origin)

    def source(self, document: Path, name: str) -> str:
        """The text of a file that a document names, as Files has it."""
        self.see(place(document.parent, name))
        return super().source(document, name)


class WatchedTrees(Watched):
    """Takes whatever is named and turns out to be a folder for code, so that all in it counts."""

    def existing(self, path: Path, origin: Origin | None) -> Path | None:
        """The path, as Files has it."""
        found = super().existing(path, origin)
        if found is not None and found.is_dir():
            self.see_tree(found)
        return found
