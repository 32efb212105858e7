"""Where things lie under the root on a managed host, and the locks that sessions hold on it.

stub/<digest>     packs/<digest>     trees/<digest>/     nodes/<key>/     trust.json
"""

from __future__ import annotations

import os

from ramify.stub import files
from ramify.stub.wire import LOCKED, MALFORMED, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Set

_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_WORD = _ALPHANUMERIC | frozenset("._-")
_HEX = frozenset("0123456789abcdef")
MAX_DEPTH = 32
MAX_SEGMENT = 64
_MAX_KEY = 120
_GONE = ".gone-"  # no key starts with a dot
TRUST = "trust.json"
LOCK_WAIT = 60.0
_LOCK_POLL = 0.02


def is_word(text: object) -> bool:
    """Whether `text` may be one step of a path, or the name of a process."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= MAX_SEGMENT
        and text[0] in _ALPHANUMERIC
        and _WORD.issuperset(text)
    )


def is_digest(text: object) -> bool:
    """Whether `text` is a sha256 in lower-case hexadecimal."""
    return isinstance(text, str) and len(text) == 64 and _HEX.issuperset(text)


def check_path(path: object) -> str:
    """`path` itself, when it is one.

    Raises:
        StubError: it is not a path of a node.
    """
    if isinstance(path, str) and path.startswith("/"):
        segments = path[1:].split("/")
        if len(segments) <= MAX_DEPTH and all(is_word(segment) for segment in segments):
            return path
    raise StubError(MALFORMED, f"not the path of a node: {shorten(path)}")


def shorten(value: object) -> str:
    """A value from the network, fit for a message."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def key(path: str) -> str:
    """The folder name of a node."""
    name = path[1:].replace("/", "+")
    if len(name) <= _MAX_KEY:
        return name
    digest: str = files.hasher()(path.encode()).hexdigest()
    return f"{name[:80]}+{digest[:16]}"


def trusted(root: str) -> str:
    """The sha256 of the policy that is pinned under a root; empty if none is."""
    try:
        data = files.read(f"{root}/{TRUST}")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:  # nobody's policy: whoever looks at it is told more
        return "unreadable"
    return str(files.hasher()(data).hexdigest())


class Root:
    """The folder that the stub keeps on a host.

    A session that uses packs holds the root shared until it ends; packs and trees are collected only
    under an exclusive hold, so that nothing is taken away between its arrival and its use.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.nodes = path + "/nodes"
        self.packs = path + "/packs"
        self.trees = path + "/trees"
        self.stub = path + "/stub"
        self.trust = path + "/" + TRUST  # the pinned policy
        self.due = path + "/garbage"  # a file that says: to be collected by the last session that ends
        self.umask = 0o022  # for installers and services: what the session had
        self.used: Set[str] = set()  # artifacts that this session asked for or sent
        self.verified: Set[str] = set()  # packs whose bytes this session has checked
        self.collect_at_end = False
        self.reader: Optional[Any] = None  # where requests of the session come from: see `stopping`
        self.stopped = False  # the peer asked to stop
        self.deaf = False  # nothing more is looked for before its turn
        self._descriptor: Optional[int] = None

    def node(self, path: str) -> str:
        """The folder of a node."""
        return f"{self.nodes}/{key(path)}"

    def node_folders(self) -> List[str]:
        """The folders of all nodes."""
        try:
            return [
                f"{self.nodes}/{name}" for name in sorted(os.listdir(self.nodes)) if not name.startswith(".")
            ]
        except FileNotFoundError:
            return []

    def hold(self) -> None:
        """Keep artifacts from being collected until the session ends."""
        while self._descriptor is None:
            files.make_folder(self.path)
            descriptor = os.open(self.path, os.O_RDONLY)
            flock(descriptor, "LOCK_SH")
            if _same(descriptor, self.path):  # else its last node was uninstalled while we waited
                self._descriptor = descriptor
            else:
                os.close(descriptor)

    def hold_alone(self) -> bool:
        """Take the exclusive hold if no other session uses packs; `let_go` ends it."""
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:
                return False
        return flock(self._descriptor, "LOCK_EX", wait=False)

    def let_go(self) -> None:
        """Give the hold up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def bury(self, folder: str) -> None:
        """Take a node's folder away: gone by one rename, removed after it."""
        grave = f"{self.nodes}/{_GONE}{os.getpid()}-{os.path.basename(folder)}"
        files.remove_tree(grave)
        os.rename(folder, grave)
        files.sync_folder(self.nodes)
        self.sweep()

    def sweep(self) -> None:
        """Remove what a stub that was killed had buried."""
        try:
            names = os.listdir(self.nodes)
        except FileNotFoundError:
            return
        for name in names:
            if name.startswith(_GONE):
                files.remove_tree(f"{self.nodes}/{name}")


def flock(descriptor: int, kind: str, wait: bool = True) -> bool:
    """Take a lock on an open file or folder; whether it was given."""
    fcntl: Any = __import__("fcntl")
    try:
        fcntl.flock(descriptor, getattr(fcntl, kind) | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def lock(folder: str, patience: float = LOCK_WAIT, stopped: Callable[[], bool] = bool) -> int:
    """Lock a node's folder, making it if need be; closing the descriptor returned unlocks it.

    Raises:
        StubError: another session held it for longer than `patience` seconds, or until we were `stopped`.
    """
    time: Any = __import__("time")
    deadline = time.monotonic() + patience
    while True:
        files.make_folder(folder)
        descriptor = try_lock(folder)
        if descriptor is not None:
            return descriptor
        if time.monotonic() >= deadline or stopped():
            raise StubError(LOCKED, f"another session works on {os.path.basename(folder)}: try again later")
        # A blocking flock can be given no deadline without a signal handler: this short wait is one.
        time.sleep(_LOCK_POLL)


def try_lock(folder: str) -> Optional[int]:
    """Lock a node's folder at once, or None if it is held elsewhere or gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if flock(descriptor, "LOCK_EX", wait=False) and _same(descriptor, folder):
        return descriptor
    os.close(descriptor)
    return None


def _same(descriptor: int, folder: str) -> bool:
    """Whether the folder that was locked still lies there: an uninstall may have moved it away."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(folder))
    except FileNotFoundError:
        return False
