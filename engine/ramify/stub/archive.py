"""Build the stub's archive, and the command line that starts it. Runs where the stub is sent from.

The archive is what a plain session of the same Python needs, as one marshalled tuple: the magic number of
the sender's Python, the loader's source and code (compressed), the modules' code (one stream for all), and
what else there is. That are parts, which the archive names by their digests, and which a stub asks for in
the session that needs them first: code that few sessions want, and for another Python the sources, of which
it compiles what sessions ask for, once. All is content-addressed, so building it is deterministic.
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
from typing import Dict, List, Mapping, NamedTuple, Union

from ramify.stub import shrink

_HERE = Path(__file__).parent
_CACHE = _HERE / "__pycache__"
_NOT_SENT = ("__init__", "archive", "loader", "shrink")
# Code that few sessions want, by what makes them want it. What a fork of the stub imports must not be here,
# unless the stub itself has imported it before: only a session can ask.
_SELDOM = (
    # Where a policy is pinned.
    ("allowed", "claimed", "claims", "ed25519", "evidence", "keygen", "policies", "signatures", "trust"),
    # Where health is checked, or somebody looks closely.
    ("checker", "drift", "health", "probes", "reading", "strays"),
)
# Format 2 has neither references, which depend on who else holds a value, nor anything newer than any
# Python that may read it.
_FORMAT = 2
NEED = b"need\n"
"""What a stub writes instead of its first frame when it was started without an archive and has none."""
PART = '{"part":"%s"}'
"""The header, to the byte, of the frame whose body is a part of the archive."""

_BOOT = """
import os,sys,marshal,zlib
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
code=zlib.decompress(a[2 if same else 1])
exec(marshal.loads(code) if same else code,dict(__name__="loader",ARCHIVE=a,DATA=data,FRESH=fresh,ROOT=root,
DIGEST=digest,SHA256=sha256))
"""


def _one_line(source: str) -> str:
    """`source` for `-c`, on one line and without single quotes, so that every shell takes it as it is."""
    text = source.strip().replace('"', '\\"').replace("\n", "\\n")
    return f'exec("{text}")'


BOOT = _one_line(_BOOT)


class Archive(NamedTuple):
    """The stub as it travels; `parts` are what it may ask for, by digest."""

    digest: str
    data: bytes
    parts: Dict[str, bytes]


_built: List[Archive] = []  # at most one: building takes a while, and it never changes


def build() -> Archive:
    """The archive of the stub beside this module, for this Python; the same bytes every time."""
    if not _built:
        _built.append(_build())
    return _built[0]


def _build() -> Archive:
    trees = {name: shrink.module(text) for name, text in _sources().items()}
    loader = trees["loader"]
    for name in _NOT_SENT:
        del trees[name]
    codes = {name: _code(name, tree) for name, tree in trees.items()}
    seldom = [_packed({name: codes.pop(name) for name in names}) for names in _SELDOM]
    sources = _packed({name: ast.unparse(tree) for name, tree in trees.items()})
    data = marshal.dumps(
        (
            importlib.util.MAGIC_NUMBER,
            zlib.compress(ast.unparse(loader).encode(), 9),
            zlib.compress(_code("loader", loader), 9),
            _packed(codes),
            tuple((_digest(part), names) for part, names in zip(seldom, _SELDOM)),
            _digest(sources),
        ),
        _FORMAT,
    )
    return _archive(data, *seldom, sources)


def _archive(data: bytes, *parts: bytes) -> Archive:
    return Archive(_digest(data), data, {_digest(part): part for part in parts})


def _packed(modules: Mapping[str, Union[str, bytes]]) -> bytes:
    return zlib.compress(marshal.dumps(dict(modules), _FORMAT), 9)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keep(folder: Path) -> None:
    """Have the archive built once: it is kept beside the stub's own bytecode, or else in `folder`."""
    name = kept_name()
    for place in (_CACHE, folder):
        try:
            _built[:] = [_archive(*marshal.loads((place / name).read_bytes()))]  # noqa: S302 - our own
        except (OSError, ValueError, EOFError, TypeError):
            continue
        return
    data = kept()
    # Folders that cannot be written cost time, and nothing else.
    any(_write(place, name, data) for place in (_CACHE, folder))


def kept() -> bytes:
    """The archive and its parts as a file."""
    stub = build()
    return marshal.dumps((stub.data, *stub.parts.values()), _FORMAT)


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
