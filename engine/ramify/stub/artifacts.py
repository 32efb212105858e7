"""Artifacts: packs as they arrive, checked before they are believed, and unpacked into fresh folders.

A pack is the length of the manifest (4 bytes), the manifest (canonical JSON: [name, mode, size, sha256]
in order of name), and a zlib stream of the files' bytes in that order. Its name is the manifest's sha256.
"""

from __future__ import annotations

import os
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
_SUSPECT = ".suspect"
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


def verify(root: layout.Root, digest: str, file: str = "") -> None:
    """Check all bytes of a pack, in bounded memory.

    Raises:
        StubError: they are not what the digest says, or a name is refused.
    """
    pack = Pack(root, digest, file)
    try:
        for _entry, chunks in pack.contents():
            for _chunk in chunks:
                pass
    finally:
        pack.close()
    root.verified.add(digest)


def unpack(root: layout.Root, digest: str, folder: str) -> None:
    """Write an artifact's files into `folder`, which is made and must not exist.

    Raises:
        StubError: the pack is missing or corrupt; a corrupt one is removed, so that it is sent again.
    """
    os.mkdir(folder, 0o700)
    made = {folder}
    pack = Pack(root, digest)
    try:
        for (name, mode, _size, _digest), chunks in pack.contents(check=digest not in root.verified):
            file = f"{folder}/{name}"
            parent = os.path.dirname(file)
            if parent not in made:
                os.makedirs(parent, 0o700, exist_ok=True)
                made.add(parent)
            _write(file, mode, chunks)
    except StubError as error:
        if error.code == CORRUPT:
            os.unlink(f"{root.packs}/{digest}")
        raise
    finally:
        pack.close()
    root.verified.add(digest)


def _write(file: str, mode: int, chunks: Iterator[bytes]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        for chunk in chunks:
            os.write(descriptor, chunk)
        os.fchmod(descriptor, mode)  # whatever the umask
    finally:
        os.close(descriptor)


def place_tree(root: layout.Root, digest: str) -> str:
    """The folder of a shared artifact, unpacked once on this host."""
    tree = f"{root.trees}/{digest}"
    suspect = os.path.exists(f"{tree}{_SUSPECT}")
    if os.path.isdir(tree) and not suspect:
        return tree
    files.make_folder(root.trees)
    temporary = f"{tree}.{os.getpid()}.tmp"
    files.remove_tree(temporary)
    unpack(root, digest, temporary)
    if suspect:
        aside = f"{tree}.{os.getpid()}.old"
        os.rename(tree, aside)
        os.rename(temporary, tree)
        os.unlink(f"{tree}{_SUSPECT}")
        files.remove_tree(aside)
        return tree
    try:
        os.rename(temporary, tree)
    except OSError:  # another session was quicker
        files.remove_tree(temporary)
    return tree


def damaged(root: layout.Root, digest: str, folder: str) -> List[str]:
    """Names of an artifact's files that are not in `folder` as the manifest says."""
    pack = Pack(root, digest)
    pack.close()
    return [
        name for name, _mode, _size, wanted in pack.manifest if files.hash_file(f"{folder}/{name}") != wanted
    ]


def damaged_tree(root: layout.Root, digest: str) -> List[str]:
    """The same for a shared artifact; one that is damaged is unpacked anew for the next release."""
    tree = f"{root.trees}/{digest}"
    found = damaged(root, digest, tree)
    if found and os.path.isdir(tree):
        os.close(os.open(f"{tree}{_SUSPECT}", os.O_WRONLY | os.O_CREAT, 0o600))
    return found
