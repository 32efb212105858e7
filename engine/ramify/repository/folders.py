"""What of a folder becomes part of an artifact: a walk that says what it cannot take.

Files only: an artifact has no links, so that no host can be made to follow one. A link to something inside
the folder is taken as a copy of it; one that leads out is refused, as are devices, sockets and pipes.
"""

import os
import stat
from pathlib import Path

from ramify.model.diagnostics import Diagnostics, Origin
from ramify.repository.artifacts import MAX_FILE, MAX_FILES, PLAIN, PROGRAM, ArtifactFile, name_problem

MANIFEST = "component.yml"

_CACHES = frozenset({"__pycache__", ".git", ".hg", ".svn", ".DS_Store", ".ramify"})
_EDITORS = (".swp", ".swo", ".swx", "~")


def stamp(found: os.stat_result) -> tuple[int, ...]:
    """What changes when a file does: written over, replaced, or given other times or rights."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def from_file(path: Path) -> ArtifactFile:
    """A single program: its own name, executable.

    Raises:
        OSError: it cannot be looked at.
    """
    return ArtifactFile(path.name, PROGRAM, path, stamp(path.stat()))


def from_folder(folder: Path, origin: Origin | None = None) -> tuple[list[ArtifactFile], Diagnostics]:
    """All files of a folder but its manifest, caches and what editors leave; problems stand at `origin`."""
    walk = _Walk(folder, origin)
    walk.enter(str(folder), "", frozenset())
    return walk.files, walk.diagnostics


def left_out(name: str) -> bool:
    """Whether an entry never belongs to an artifact."""
    if name in _CACHES or name.endswith((".pyc", *_EDITORS)):
        return True
    return name.startswith(".#") or (name.startswith("#") and name.endswith("#"))


class _Walk:
    def __init__(self, folder: Path, origin: Origin | None) -> None:
        self.files: list[ArtifactFile] = []
        self.diagnostics = Diagnostics()
        self._folder = folder
        self._home = os.path.realpath(folder)
        self._origin = origin
        self._full = False

    def enter(self, path: str, prefix: str, above: frozenset[str]) -> None:
        """Take the entries of one folder; `above` are the folders that a link must not lead back to."""
        above |= {os.path.realpath(path)}
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self._refuse("unreadable-file", prefix.rstrip("/") or ".", _reason(error))
            return
        for entry in entries:
            if self._full:
                return
            if not left_out(entry.name) and not (prefix == "" and entry.name == MANIFEST):
                self._take(entry, prefix + entry.name, above)

    def _take(self, entry: os.DirEntry[str], name: str, above: frozenset[str]) -> None:
        problem = name_problem(name)
        if problem:
            self._refuse("artifact-name", ascii(name).strip("'"), problem)
            return
        if entry.is_symlink() and not self._stays_inside(entry, name, above):
            return
        try:
            found = entry.stat()
        except OSError as error:
            self._refuse("unreadable-file", name, _reason(error))
            return
        if stat.S_ISDIR(found.st_mode):
            self.enter(entry.path, name + "/", above)
        elif stat.S_ISREG(found.st_mode):
            self._add(entry, name, found)
        else:
            self._refuse(
                "artifact-kind", name, "is a device, a socket or a pipe; an artifact holds files only"
            )

    def _add(self, entry: os.DirEntry[str], name: str, found: os.stat_result) -> None:
        if found.st_size > MAX_FILE:
            self._refuse("artifact-size", name, f"is larger than {MAX_FILE >> 30} GiB")
            return
        mode = PROGRAM if found.st_mode & stat.S_IXUSR else PLAIN
        self.files.append(ArtifactFile(name, mode, Path(entry.path), stamp(found)))
        if len(self.files) > MAX_FILES:
            self._refuse("artifact-size", self._folder.name, f"holds more than {MAX_FILES:,} files")
            self._full = True

    def _stays_inside(self, entry: os.DirEntry[str], name: str, above: frozenset[str]) -> bool:
        target = os.path.realpath(entry.path)
        if target in above:
            problem = "is a link to a folder that holds it"
        elif not target.startswith(self._home + os.sep):
            problem = "is a link that leads out of the component's folder"
        elif not Path(target).exists():
            problem = "is a link to nothing"
        else:
            return True
        self._refuse("artifact-link", name, problem)
        return False

    def _refuse(self, code: str, name: str, problem: str) -> None:
        self.diagnostics.error(
            code,
            f'"{name}" {problem}',
            f"It lies in {self._folder}. Remove it, or replace it by a plain file.",
            self._origin,
        )


def _reason(error: OSError) -> str:
    return f"cannot be read: {os.strerror(error.errno or 0)}"
