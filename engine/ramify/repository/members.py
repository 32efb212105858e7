"""Members of tar and zip archives, one after the other, as plain values; all other kinds are refused."""

import lzma
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tarfile import HeaderError, ReadError
from typing import Any, BinaryIO, Self, cast

from msgspec import Struct

from ramify.repository.artifacts import ArtifactError
from ramify.repository.inflate import Bounds, Source, Unpacked, opened
from ramify.repository.packaging import BrokenArchiveError

# A name of a kilobyte needs no more; tarfile reads these headers whole.
MAX_HEADER = 1 << 20
# zipfile reads the table of a zip whole.
MAX_TABLE = 64 << 20
MAX_LINK = 4096

FILE, FOLDER, LINK, SAME = "file", "folder", "link", "same"


class Member(Struct, frozen=True):
    """One member; `target` is what a link leads to, or which earlier file a hard link is the same as."""

    name: str
    kind: str
    program: bool = False
    target: str = ""


# RuntimeError: a zip that is encrypted, says zipfile. ValueError and OverflowError: numbers that are none.
_KINDS = (
    OSError, EOFError, zlib.error, lzma.LZMAError, MemoryError, tarfile.TarError, zipfile.BadZipFile,
    RuntimeError, ValueError, OverflowError, struct.error,
)  # fmt: skip

Members = Iterator[tuple[Member, Source | None]]


def of_tar(stream: BinaryIO, kind: str, bounds: Bounds) -> Members:
    """The members of a tar, compressed in a way known by name; each is read before the next is asked for."""
    plain = Unpacked(opened(kind, stream), bounds)
    with tarfile.open(fileobj=cast("Any", _Raw(plain)), mode="r|", tarinfo=_Info) as archive:
        for info in archive:
            vars(archive)["members"] = []  # else it remembers them all
            yield _tar_member(info), archive.extractfile(info) if info.isreg() else None
    plain.drain()


# tarfile's own, and not in its types: two blocks of zeros.
_END: type[Exception] = vars(tarfile)["EOFHeaderError"]


class _Raw:
    """What tarfile reads from; it wants nothing but this."""

    def __init__(self, source: Unpacked) -> None:
        self._source = source

    def read(self, size: int) -> bytes:
        # tarfile takes a short answer for the end.
        data = b""
        while len(data) < size and (more := self._source.read(size - len(data))):
            data += more
        return data


class _Info(tarfile.TarInfo):
    """A header; of those that tarfile reads into memory at once, only small ones."""

    _whole = (
        tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    )  # fmt: skip

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """The next header; tarfile itself takes one that is damaged for the end."""
        try:
            return super().fromtarfile(tarfile)
        except _END:
            raise
        except HeaderError as error:
            raise ReadError(f"it is damaged, or ends early: {error}") from error

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in self._whole and not 0 <= self.size <= MAX_HEADER:
            raise ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


def _tar_member(info: tarfile.TarInfo) -> Member:
    if info.issparse():
        raise ArtifactError(
            "artifact-kind", f'"{_short(info.name)}" is a sparse file; store it as a plain one'
        )
    if info.isdir():
        return Member(info.name, FOLDER)
    if info.issym():
        return Member(info.name, LINK, target=info.linkname)
    if info.islnk():
        return Member(info.name, SAME, target=info.linkname)
    if info.isreg():
        return Member(info.name, FILE, program=bool(info.mode & stat.S_IXUSR))
    raise ArtifactError(
        "artifact-kind", f'"{_short(info.name)}" is a device or a pipe; an artifact holds files only'
    )


def of_zip(path: Path, bounds: Bounds) -> Members:
    """The members of a zip; each is read before the next is asked for."""
    _check_table(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield from _zip_member(archive, info, bounds)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, bounds: Bounds) -> Members:
    mode = info.external_attr >> 16 if info.create_system == 3 else 0
    if info.is_dir():
        yield Member(info.filename, FOLDER), None
        return
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFLNK}:
        raise ArtifactError("artifact-kind", f'"{_short(info.filename)}" is no plain file')
    with closing(archive.open(info)) as stream:
        source = Unpacked(stream, bounds)
        if stat.S_ISLNK(mode):
            yield Member(info.filename, LINK, target=source.read(MAX_LINK).decode()), None
        else:
            yield Member(info.filename, FILE, program=bool(mode & stat.S_IXUSR)), source


def _check_table(path: Path) -> None:
    """Refuse a zip whose table of contents would fill the memory."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - (1 << 16) - 22))
        end = stream.read()
    at = end.rfind(b"PK\5\6")
    table = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    if table == 0xFFFFFFFF:
        at = end.rfind(b"PK\6\6")
        table = int.from_bytes(end[at + 40 : at + 48], "little") if at >= 0 else size
    if table > MAX_TABLE:
        raise BrokenArchiveError(f"a table of contents of {table:,} bytes")


def _short(name: str) -> str:
    return ascii(name[:200]).strip("'")


def failures() -> tuple[type[Exception], ...]:
    """What reading a damaged archive raises, be it for a member's name or its bytes."""
    loaded = sys.modules.get("zstandard")
    return (*_KINDS, loaded.ZstdError) if loaded else _KINDS
