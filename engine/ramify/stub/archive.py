"""Build the stub's archive, and the command line that starts it. Runs where the stub is sent from.

The archive is one marshalled tuple: the magic number of the sender's Python, the loader's source and
code, all modules' sources (compressed), and each module's code (compressed). A host with the same Python
compiles nothing; another one compiles what sessions ask for, once. It is content-addressed, so building it
is deterministic.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import marshal
import os
import shlex
import zlib
from pathlib import Path
from typing import Dict, List, NamedTuple

from ramify.stub import shrink

_HERE = Path(__file__).parent
_CACHE = _HERE / "__pycache__"
_NOT_SENT = ("__init__", "archive", "loader", "shrink")
# Format 2 has neither references, which depend on who else holds a value, nor anything newer than any
# Python that may read it.
_FORMAT = 2
NEED = b"need\n"
"""What a stub writes instead of its first frame when it was started without an archive and has none."""

_BOOT = """
import os,sys,marshal
if sys.version_info<(3,8):sys.exit("ramify: needs python 3.8 or later, found "+sys.version.split()[0])
root,digest,size=sys.argv[1:4]
root=os.path.abspath(os.path.expanduser(root))
try:sha256=__import__("_sha2" if sys.version_info>=(3,12) else "_sha256").sha256
except ImportError:from hashlib import sha256
def take(n):
 b=b""
 while len(b)<n:
  c=os.read(0,min(n-len(b),1<<16))
  if not c:sys.exit("ramify: the stub archive ended early")
  b+=c
 return b
def good():return sha256(data).hexdigest()==digest
data=b""
fresh=True
if int(size):data=take(int(size))
else:
 try:
  with open(root+"/stub/"+digest,"rb") as f:data=f.read()
  fresh=False
 except OSError:pass
 if not good():
  os.write(1,b"need"+bytes([10]))
  data=take(int.from_bytes(take(8),"big"))
  fresh=True
if not good():sys.exit("ramify: the stub archive is not what its digest says")
a=marshal.loads(data)
same=a[0]==__import__("_frozen_importlib_external").MAGIC_NUMBER
exec(marshal.loads(a[2]) if same else a[1],dict(__name__="loader",ARCHIVE=a,DATA=data,FRESH=fresh,ROOT=root,
DIGEST=digest,SHA256=sha256))
"""


def _one_line(source: str) -> str:
    """`source` for `-c`, on one line and without single quotes, so that every shell takes it as it is."""
    text = source.strip().replace('"', '\\"').replace("\n", "\\n")
    return f'exec("{text}")'


BOOT = _one_line(_BOOT)


class Archive(NamedTuple):
    """The stub as it travels."""

    digest: str
    data: bytes


_built: List[Archive] = []  # at most one: building takes a while, and it never changes


def build() -> Archive:
    """The archive of the stub beside this module, for this Python; the same bytes every time."""
    if not _built:
        _built.append(_build())
    return _built[0]


def _build() -> Archive:
    trees = {name: shrink.module(text) for name, text in _sources().items()}
    loader = ast.unparse(trees["loader"])
    loader_code = _code("loader", trees["loader"])
    for name in _NOT_SENT:
        del trees[name]
    sources = {name: ast.unparse(tree) for name, tree in trees.items()}
    codes = {name: zlib.compress(_code(name, tree), 9) for name, tree in trees.items()}
    data = marshal.dumps(
        (
            importlib.util.MAGIC_NUMBER,
            loader,
            loader_code,
            zlib.compress(marshal.dumps(sources, _FORMAT), 9),
            codes,
        ),
        _FORMAT,
    )
    return Archive(hashlib.sha256(data).hexdigest(), data)


def keep(folder: Path) -> None:
    """Have the archive built once: it is kept beside the stub's own bytecode, or else in `folder`."""
    name = kept_name()
    for place in (_CACHE, folder):
        try:
            data = (place / name).read_bytes()
        except OSError:
            continue
        _built[:] = [Archive(hashlib.sha256(data).hexdigest(), data)]
        return
    # Folders that cannot be written cost time, and nothing else.
    any(_write(place, name, build().data) for place in (_CACHE, folder))


def kept_name() -> str:
    """The file that keeps the archive: another one for each state of the stub's sources, and each Python."""
    state = hashlib.sha256(importlib.util.MAGIC_NUMBER)
    for name, text in _sources().items():
        state.update(f"{name} {len(text)} {text}".encode())
    return f"{state.hexdigest()[:32]}.stub"


def _write(folder: Path, name: str, data: bytes) -> bool:
    partial = folder / f"{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.stub"):
            old.unlink()
        partial.write_bytes(data)
        partial.replace(folder / name)
    except OSError:
        return False
    return True


def _sources() -> Dict[str, str]:
    return {file.stem: file.read_text("utf-8") for file in sorted(_HERE.glob("*.py"))}


def _code(name: str, tree: ast.Module) -> bytes:
    code = shrink.code(compile(tree, f"ramify.stub.{name}", "exec", dont_inherit=True, optimize=2))
    try:
        return marshal.dumps(code, _FORMAT)
    except ValueError:  # constants that only newer formats know
        return marshal.dumps(code)


def command(python: str, root: str, digest: str, size: int) -> str:
    """The shell command line that starts the stub.

    Args:
        python: the interpreter on the host, 3.8 or later.
        root: the stub's folder there; `~` is the home folder of whoever logs in.
        digest: of the archive.
        size: of the archive when its bytes are the first thing on standard input, for a host that has
            never been seen; 0 to use what the host has kept (it writes NEED if it has not, and wants the
            length in 8 bytes and the archive).
    """
    return f"{shlex.quote(python)} -I -S -c '{BOOT}' {shlex.quote(root)} {digest} {size}"


def arguments(python: str, root: str, digest: str, size: int) -> list[str]:
    """The same as an argument vector, for a stub on this host."""
    return [python, "-I", "-S", "-c", BOOT, root, digest, str(size)]
