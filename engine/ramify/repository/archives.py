"""Archives unpacked into folders, once each: complete under the name of their bytes, or not at all.

A folder is used again only while it holds what was unpacked: else the archive is unpacked anew.

Nothing is written through a link: links are made when all files are there, and only if they stay inside. A
single folder at the top, as releases have it, is taken off.
"""

import os
import posixpath
import shutil
from contextlib import suppress
from pathlib import Path

from ramify.repository.artifacts import (
    BLOCK,
    MAX_FILE,
    MAX_FILES,
    PLAIN,
    PROGRAM,
    ArtifactError,
    name_problem,
)
from ramify.repository.inflate import Bounds, Source
from ramify.repository.members import FILE, FOLDER, LINK, Member, Members, failures, of_tar, of_zip
from ramify.repository.packaging import BrokenArchiveError, kind_of
from ramify.repository.store import use
from ramify.repository.sums import Sums

# What the Finder adds to a zip.
_CLUTTER = "__MACOSX"


class Trees:
    """Unpacked archives: `trees/<sha256 of the archive>/`."""

    def __init__(self, folder: Path, sums: Sums) -> None:
        self.folder = folder
        self._sums = sums

    def unpacked(self, path: Path, digest: str) -> Path:
        """The folder that an archive stands for.

        Raises:
            ArtifactError: it holds what no artifact may; BrokenArchiveError: it cannot be read.
            OSError: the folder cannot be written.
        """
        tree = self.folder / digest
        if tree.is_dir() and self._sums.is_as_made(tree):
            use(tree)
            return tree
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / f"{digest}.{os.urandom(4).hex()}.tmp"
        fresh.mkdir(mode=0o700)
        try:
            _unpack(path, fresh)
            self._settle(_top(fresh), tree)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return tree

    def _settle(self, made: Path, tree: Path) -> None:
        """Give a fresh folder its name, in place of one that holds something else."""
        self._sums.made(tree, made)
        if tree.is_dir() and self._sums.is_as_made(tree):
            return  # somebody else was quicker, with the same bytes; or nobody knew any more what it held
        aside = tree.with_name(f"{tree.name}.{os.urandom(4).hex()}.tmp")
        with suppress(FileNotFoundError):
            tree.rename(aside)
        try:
            made.rename(tree)
        except OSError:
            if not self._sums.is_as_made(tree):
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _unpack(path: Path, folder: Path) -> None:
    kind = kind_of(path)
    with path.open("rb") as stream:
        bounds = Bounds(path.stat().st_size)
        members = of_zip(path, bounds) if kind == "zip" else of_tar(stream, kind, bounds)
        writer = _Writer(folder)
        try:
            _take(members, writer)
        except failures() as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise  # of the disk, not of the archive
            raise BrokenArchiveError(str(error) or type(error).__name__) from error
    writer.link()


def _take(members: Members, writer: "_Writer") -> None:
    for member, source in members:
        if member.name.partition("/")[0] != _CLUTTER:
            writer.take(member, source)


def _top(folder: Path) -> Path:
    """The folder, or the only one in it."""
    entries = list(os.scandir(folder))
    if len(entries) == 1 and entries[0].is_dir(follow_symlinks=False):
        return Path(entries[0].path)
    return folder


class _Writer:
    """Writes members below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds: dict[str, str] = {}
        self._files = 0
        self._links: list[Member] = []

    def take(self, member: Member, source: Source | None) -> None:
        """Write one member; links wait.

        Raises:
            ArtifactError: it may not be written.
        """
        name = _checked_name(member.name)
        if name == "":
            return  # the top itself
        self._claim(name, member)
        if member.kind == FOLDER:
            self._folder.joinpath(name).mkdir(exist_ok=True)
        elif member.kind == LINK:
            self._links.append(member)
        elif source is None:
            self._again(name, member)
        else:
            self._write(name, member, source)

    def link(self) -> None:
        """Make the links.

        Raises:
            ArtifactError: one leads out, or nowhere.
        """
        for member in self._links:
            name = _checked_name(member.name)
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.target))
            if member.target.startswith("/") or inside.split("/")[0] == ".." or "\0" in member.target:
                raise _leads_out(member)
            (self._folder / name).symlink_to(member.target)
        home = os.path.realpath(_top(self._folder))
        for member in self._links:
            # One link after another may lead where none of them seems to.
            if not os.path.realpath(self._folder / _checked_name(member.name)).startswith(home + os.sep):
                raise _leads_out(member)

    def _claim(self, name: str, member: Member) -> None:
        self._enter(posixpath.dirname(name), name)
        if name in self._kinds and not member.kind == self._kinds[name] == FOLDER:
            raise ArtifactError("artifact-name", f'two members are called "{name}"')
        self._kinds[name] = member.kind
        self._files += member.kind != FOLDER
        if self._files > MAX_FILES or len(self._kinds) > 2 * MAX_FILES:
            raise ArtifactError("artifact-size", f"holds more than {MAX_FILES:,} files")

    def _enter(self, folder: str, name: str) -> None:
        """Make the folders above a name, once each."""
        if not folder:
            return
        kind = self._kinds.get(folder)
        if kind is None:
            self._enter(posixpath.dirname(folder), name)
            self._kinds[folder] = FOLDER
            (self._folder / folder).mkdir()
        elif kind != FOLDER:
            summary = f'"{name}" lies below "{folder}", which is a {kind}'
            raise ArtifactError("artifact-name", summary)

    def _again(self, name: str, member: Member) -> None:
        """A hard link: another name of a file that has been written."""
        first = _checked_name(member.target)
        if self._kinds.get(first) not in {FILE, "same"}:
            raise ArtifactError("artifact-link", f'"{name}" is the same as "{first}", which is not there')
        os.link(self._folder / first, self._folder / name)

    def _write(self, name: str, member: Member, source: Source) -> None:
        size = 0
        with (self._folder / name).open("xb") as stream:
            while block := source.read(BLOCK):
                size += len(block)
                if size > MAX_FILE:
                    raise ArtifactError("artifact-size", f'"{name}" is larger than {MAX_FILE >> 30} GiB')
                stream.write(block)
            os.fchmod(stream.fileno(), PROGRAM if member.program else PLAIN)


def _checked_name(name: str) -> str:
    """A member's name as a plain relative one; empty for the top."""
    short = name.removeprefix("./").rstrip("/")
    if short in {"", "."} and not name.startswith("/"):
        return ""
    problem = "is absolute" if name.startswith("/") else name_problem(short)
    if "\\" in short:
        problem = problem or "holds a backslash"
    if problem:
        raise ArtifactError("artifact-name", f'the name "{ascii(name[:200])[1:-1]}" {problem}')
    return short


def _leads_out(member: Member) -> ArtifactError:
    names = f'"{ascii(member.name[:200])[1:-1]}" is a link to "{ascii(member.target[:200])[1:-1]}"'
    return ArtifactError("artifact-link", f"{names}, which leads out of the archive")
