"""Compressed streams, read within bounds: little that stands for very much is refused while it is read."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import BinaryIO, Protocol

from ramify.repository.artifacts import BLOCK, MAX_TOTAL, ArtifactError
from ramify.repository.packaging import BrokenArchiveError

# Text and sparse logs reach a hundred to one; only what is made to burst reaches more over so many bytes.
MAX_RATIO = 200
FREE = 64 << 20

# What xz and zstd may allocate to read a stream: their strongest ordinary settings need half of it.
MAX_MEMORY = 128 << 20


class Source(Protocol):
    """Anything that bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; nothing at the end."""


class Bounds:
    """Counts what is unpacked from an archive of a given size."""

    def __init__(self, packed: int) -> None:
        self._most = min(MAX_TOTAL, max(FREE, packed * MAX_RATIO))
        self._total = 0

    def count(self, size: int) -> None:
        """So many bytes more.

        Raises:
            ArtifactError: that is too much.
        """
        self._total += size
        if self._total > self._most:
            raise ArtifactError("artifact-size", f"unpacks to more than {self._most >> 20} MiB")


class Unpacked:
    """A stream of unpacked bytes."""

    def __init__(self, source: Source, bounds: Bounds) -> None:
        self._source = source
        self._bounds = bounds

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self._source.read(size)
        self._bounds.count(len(data))
        return data

    def drain(self) -> None:
        """Read all that is left: the end of a stream holds its checksum."""
        while self.read(BLOCK):
            pass


def opened(kind: str, stream: BinaryIO) -> Source:
    """The plain bytes of a stream that is compressed in a way known by name."""
    if kind not in _OPEN:
        raise BrokenArchiveError("its first bytes are no archive's")
    return _OPEN[kind](stream)


class _Xz:
    """xz within bounds of memory: Python's own reader allocates what the stream asks for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begin()
        self._input = b""

    def _begin(self) -> None:
        self._inflate = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_MEMORY)

    def read(self, size: int) -> bytes:
        """The next bytes."""
        while True:
            if self._inflate.eof and not self._next_stream():
                return b""
            if self._inflate.needs_input and not self._input:
                self._input = self._stream.read(BLOCK)
                if not self._input:
                    raise EOFError("it ends early")
            data = self._inflate.decompress(self._input, size)
            self._input = b""
            if data:
                return data

    def _next_stream(self) -> bool:
        """Streams may stand one after the other, padded with zeros."""
        left = self._inflate.unused_data
        while not left.strip(b"\0"):
            left = self._stream.read(BLOCK)
            if not left:
                return False
        self._input = left.lstrip(b"\0")
        self._begin()
        return True


def _zstd(stream: BinaryIO) -> Source:
    import zstandard  # noqa: PLC0415 - only for those who have such archives

    made = zstandard.ZstdDecompressor(max_window_size=MAX_MEMORY)
    return made.stream_reader(stream, read_across_frames=True)


def _gzip(stream: BinaryIO) -> Source:
    return gzip.GzipFile(fileobj=stream, mode="rb")


_OPEN: dict[str, Callable[[BinaryIO], Source]] = {
    "tar": lambda stream: stream,
    "gz": _gzip,
    "bz2": bz2.BZ2File,
    "xz": _Xz,
    "zst": _zstd,
}
