"""The first module that runs on a host: keeps the archive, and finds the other modules in it.

Executed by `archive.BOOT`, which puts the names below `TYPE_CHECKING` into its globals. It uses nothing
of the package, for there is none before it has run.
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable, Dict, Optional, Tuple

    Codes = Dict[str, bytes]
    # See `archive.build`.
    ARCHIVE: Tuple[bytes, bytes, bytes, bytes, Tuple[Tuple[str, Tuple[str, ...]], ...], str] = NotImplemented
    DATA = b""  # the archive as it is kept
    FRESH = False  # whether it came just now
    ROOT = DIGEST = ""
    SHA256: Callable[[bytes], Any] = NotImplemented

_PACKAGE = "ramify.stub"
_KEPT = 12  # files in the cache: archives, their parts, and code compiled here
_CHUNK = 64 << 10
_AHEAD = 64 << 20

ahead = bytearray()  # what was read beyond the frames that the session has taken


def part(digest: str) -> Any:
    """What a part of the archive holds; it is asked for unless it is kept here.

    Raises:
        ConnectionError: it does not come.
    """
    file = f"{ROOT}/stub/{digest}"
    data = _read(file)
    if SHA256(data).hexdigest() != digest:
        wish = b'{"need":"%s"}' % digest.encode()
        os.write(1, len(wish).to_bytes(4, "big") + bytes(4) + wish)
        data = _await(b'{"part":"%s"}' % digest.encode())
        if SHA256(data).hexdigest() != digest:
            raise ConnectionError("a part of the stub's archive is not what its digest says")
        _keep(file, data)
    return marshal.loads(zlib.decompress(data))  # noqa: S302 - under our digest


def _await(header: bytes) -> bytes:
    """The body of a frame; requests that were sent before it stay where they are."""
    at = 0
    while at < _AHEAD:
        _fill(at + 8)
        begin = at + 8 + int.from_bytes(ahead[at : at + 4], "big")
        end = begin + int.from_bytes(ahead[at + 4 : at + 8], "big")
        _fill(end)
        if ahead[at + 8 : begin] == header:
            body = bytes(ahead[begin:end])
            del ahead[at:end]
            return body
        at = end
    raise ConnectionError("a part of the stub's archive does not come")


def _fill(size: int) -> None:
    while len(ahead) < min(size, _AHEAD):
        chunk = os.read(0, _CHUNK)
        if not chunk:
            raise ConnectionError("the stream ended before a part of the stub's archive")
        ahead.extend(chunk)


def _read(file: str) -> bytes:
    """A file of the cache, or nothing."""
    try:
        with open(file, "rb", 0) as stream:
            return stream.readall()
    except OSError:
        return b""


class Own:
    """Code for this very Python, as it was sent."""

    def __init__(self) -> None:
        self._codes: Codes = marshal.loads(zlib.decompress(ARCHIVE[3]))  # noqa: S302 - under our digest
        self._parts = {name: digest for digest, names in ARCHIVE[4] for name in names}
        self.names = {*self._codes, *self._parts}

    def load(self, name: str) -> CodeType:
        """The code of a module."""
        if name not in self._codes:
            self._codes.update(part(self._parts[name]))
        code: CodeType = marshal.loads(self._codes[name])  # noqa: S302 - as above
        return code

    def keep(self) -> None:
        """It is kept with the archive."""


class Compiled:
    """Code for another Python: kept from an earlier session, or compiled when it is first asked for."""

    def __init__(self) -> None:
        self._file = f"{ROOT}/stub/{DIGEST}.{MAGIC_NUMBER.hex()}"
        self._kept = self._known()
        self._more = False
        self._sources: Dict[str, str] = part(ARCHIVE[5])
        self.names = self._sources

    def _known(self) -> Codes:
        data = _read(self._file)
        try:
            if SHA256(data[32:]).digest() == data[:32]:
                kept: Codes = marshal.loads(data[32:])  # noqa: S302 - written by us
                return kept
        except (ValueError, EOFError, TypeError):
            pass
        return {}

    def load(self, name: str) -> CodeType:
        """The code of a module."""
        if name in self._kept:
            kept: CodeType = marshal.loads(self._kept[name])  # noqa: S302 - written by us
            return kept
        source = self._sources[name]
        code = compile(source, f"{_PACKAGE}.{name}", "exec", dont_inherit=True, optimize=2)
        self._kept[name] = marshal.dumps(code)
        self._more = True
        return code

    def keep(self) -> None:
        """Save what was compiled, unless the folder is gone with the last node."""
        if self._more:
            data = marshal.dumps(self._kept)
            _keep(self._file, SHA256(data).digest() + data)


class Finder:
    """Imports `ramify.stub.*`, each module when it is asked for."""

    def __init__(self, codes: Any) -> None:
        self._codes = codes

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Optional[ModuleSpec]:
        """The spec of one of our modules, or of the packages around them."""
        package, _, module = name.rpartition(".")
        if name in ("ramify", _PACKAGE):
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        if package == _PACKAGE and module in self._codes.names:
            return ModuleSpec(name, self)  # type: ignore[arg-type]
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave that to Python."""

    def exec_module(self, module: Any) -> None:
        """Run a module's code; the packages have none."""
        package, _, name = module.__name__.rpartition(".")
        if package == _PACKAGE:
            exec(self._codes.load(name), module.__dict__)  # noqa: S102 - that is what importing is


def _keep(file: str, data: bytes) -> None:
    """Write a file of the cache, if it is there, at once; a host without room works without one."""
    folder = os.path.dirname(file)
    temporary = f"{file}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
        os.rename(temporary, file)
        old = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime)[:-_KEPT]
        for entry in old:
            os.unlink(entry.path)
    except OSError:
        pass


def _keep_archive() -> None:
    mask = os.umask(0o077)  # of the root, too, which is made here
    try:
        os.makedirs(f"{ROOT}/stub", 0o700, exist_ok=True)
    except OSError:
        pass
    _keep(f"{ROOT}/stub/{DIGEST}", DATA)
    os.umask(mask)


def main() -> None:
    """Serve a session."""
    __import__("gc").set_threshold(10000)  # what is loaded stays: to look through it again and again is idle
    if FRESH:
        _keep_archive()
    codes: Any = Own() if ARCHIVE[0] == MAGIC_NUMBER else Compiled()
    sys.meta_path.insert(0, Finder(codes))
    __import__("ramify.stub.session", fromlist=["main"]).main(ROOT, DIGEST, ahead)
    codes.keep()
    os._exit(0)  # all is written: taking the interpreter down in order costs 1 ms and is of use to nobody


main()
