"""Packs: artifacts as they travel and are kept, read with every name and every byte checked.

A pack is the length of the manifest (4 bytes), the manifest (canonical JSON: [name, mode, size, sha256]
in order of name), and a zlib stream of the files' bytes in that order. Its name is the manifest's sha256.
"""

from __future__ import annotations

import zlib

from ramify.stub import files, layout
from ramify.stub.wire import CORRUPT, MISSING, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Iterator, List, Tuple

    Entry = Tuple[str, int, int, str]

MAX_MANIFEST = 32 << 20
MAX_TOTAL = 16 << 30
MAX_NAME = 1024
_MODES = (0o644, 0o755)


def is_name(name: object) -> bool:
    """Whether `name` is a relative path that cannot leave its folder."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        return False
    if any(character < " " or character == "\x7f" for character in name):
        return False
    try:
        segments = name.encode("utf-8").split(b"/")
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return all(segment not in (b"", b".", b"..") and len(segment) <= 255 for segment in segments)


class Pack:
    """A pack on this host: its manifest, and its files' bytes, once."""

    def __init__(self, root: layout.Root, digest: str, file: str = "") -> None:
        self._digest = digest
        self._total = 0
        try:
            self._stream: BinaryIO = open(file or f"{root.packs}/{digest}", "rb")  # noqa: SIM115 - see close
        except FileNotFoundError:
            raise StubError(MISSING, f"artifact {digest} is not here: send it first", digest) from None
        try:
            self.manifest = self._read_manifest()
        except BaseException:
            self._stream.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._stream.close()

    def corrupt(self, reason: str) -> StubError:
        """What to raise about this pack."""
        return StubError(CORRUPT, f"artifact {self._digest}: {reason}")

    def _read_manifest(self) -> List[Entry]:
        size = int.from_bytes(self._stream.read(4), "big")
        if size > MAX_MANIFEST:
            raise self.corrupt(f"a manifest of {size} bytes")
        data = self._stream.read(size)
        if files.hasher(size)(data).hexdigest() != self._digest:
            raise self.corrupt("the manifest is another one")
        try:
            manifest = decode(data)
        except ValueError as error:
            raise self.corrupt(f"the manifest is not JSON: {error}") from None
        return self._checked(manifest)

    def _checked(self, manifest: object) -> List[Entry]:
        if not isinstance(manifest, list):
            raise self.corrupt("the manifest is not a list")
        entries: List[Entry] = []
        folders = set()
        for row in manifest:
            entry = self._entry(row)
            if entries and entry[0] <= entries[-1][0]:
                raise self.corrupt(f"names out of order at {layout.shorten(entry[0])}")
            entries.append(entry)
            self._total += entry[2]
            folder = entry[0].rpartition("/")[0]
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        if self._total > MAX_TOTAL:
            raise self.corrupt(f"{self._total} bytes unpacked, at most {MAX_TOTAL}")
        for name, _mode, _size, _hash in entries:
            if name in folders:
                raise self.corrupt(f"{layout.shorten(name)} is a file and a folder")
        return entries

    def _entry(self, row: object) -> Entry:
        if not isinstance(row, list) or len(row) != 4:
            raise self.corrupt("a manifest row is not [name, mode, size, sha256]")
        name, mode, size, digest = row
        if not is_name(name):
            raise self.corrupt(f"refused name {layout.shorten(name)}")
        if type(mode) is not int or mode not in _MODES:
            raise self.corrupt(f"refused mode of {layout.shorten(name)}")
        if type(size) is not int or size < 0 or not layout.is_digest(digest):
            raise self.corrupt(f"bad size or digest of {layout.shorten(name)}")
        return name, mode, size, digest

    def contents(self, check: bool = True) -> Iterator[Tuple[Entry, Iterator[bytes]]]:
        """Each manifest entry with its bytes in chunks, in order, each read to its end before the next.

        Raises:
            StubError: the bytes are not what the manifest says.
        """
        stream = _Inflater(self)
        for entry in self.manifest:
            yield entry, self._file(stream, entry, check)
        stream.end()

    def _file(self, stream: _Inflater, entry: Entry, check: bool) -> Iterator[bytes]:
        name, _mode, size, digest = entry
        sha256 = files.hasher(self._total)()
        left = size
        while left:
            chunk = stream.read(min(left, files.CHUNK))
            left -= len(chunk)
            if check:
                sha256.update(chunk)
            yield chunk
        if check and sha256.hexdigest() != digest:
            raise self.corrupt(f"{layout.shorten(name)} is not what its digest says")

    def read(self, size: int) -> bytes:
        """Compressed bytes."""
        return self._stream.read(size)


class _Inflater:
    """The zlib stream of a pack; never holds more than a chunk of its output."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._inflate = zlib.decompressobj()
        self._input = b""

    def read(self, size: int) -> bytes:
        """Some bytes, at least one and at most `size`."""
        while True:
            if not self._input and not self._inflate.eof:
                self._input = self._pack.read(files.CHUNK)
            try:
                data = self._inflate.decompress(self._input, size)
            except zlib.error as error:
                raise self._pack.corrupt(str(error)) from None
            exhausted = not self._input
            self._input = self._inflate.unconsumed_tail
            if data:
                return data
            if exhausted or self._inflate.eof:
                raise self._pack.corrupt("it ends early")

    def end(self) -> None:
        """Check that nothing is left."""
        while not self._inflate.eof:
            if not self._input:
                self._input = self._pack.read(files.CHUNK)
            exhausted = not self._input
            try:
                data = self._inflate.decompress(self._input, 1)
            except zlib.error as error:
                raise self._pack.corrupt(str(error)) from None
            self._input = self._inflate.unconsumed_tail
            if data or exhausted:
                raise self._pack.corrupt("it does not end where its files do")
        if self._inflate.unused_data or self._pack.read(1):
            raise self._pack.corrupt("bytes after its end")
