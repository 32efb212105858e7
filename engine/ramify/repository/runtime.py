"""Runtimes: Ramify itself as an artifact, for hosts that have nothing but sshd and python3.

What an initiator needs to run: the engine without what only an operator uses, and the packages it imports.
`{python} -I -S {runtime}/run.py ARGS` starts it from that tree alone, whatever else the host has installed.
Compiled bytecode lies beside the sources, so that the first start on a host compiles nothing.

A runtime fits hosts of one *kind*, such as `cp311-linux-x86_64-glibc`. That of the operator's own kind is
built from what is installed; those of others from wheels, which are kept: a newer engine is packed again with
the wheels of each kind, without being asked to.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

import ramify
from ramify.model.bundle import Runtime
from ramify.repository.artifacts import PLAIN, ArtifactFile, build
from ramify.repository.folders import from_folder, stamp
from ramify.repository.kinds import UnavailableRuntimeError, own_kind
from ramify.repository.stamps import fingerprint, rested
from ramify.repository.store import Store
from ramify.repository.transfers import Unwatched, Watcher
from ramify.stub import archive

ENTRY = "run.py"
BUILDING = "Building Ramify's runtime for initiators; this is done once"

# An initiator plans from a bundle: it reads no YAML or XML, and prints nothing.
_OPERATORS_OWN = ("cli/", "web/", "documents/", "collections/", "__main__.py")

_RUN = b'''\
"""Start Ramify's initiator from this folder alone."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])

from ramify.initiator.service import main  # noqa: E402 - the line above is what finds it

sys.exit(main(sys.argv[1:]))
'''

Parts = tuple[list[ArtifactFile], tuple[str, ...]]


class _Record(Struct, frozen=True):
    """What a runtime was built from; `sources` are the files that tell the versions of its packages."""

    artifact: str
    engine: str
    word: str | None
    sources: tuple[str, ...]


class Runtimes:
    """The runtimes that a project can hand to its initiators.

    `cache` keeps what they were built from: `runtimes/KIND.json` and `wheels/KIND/`. `package` and `clock`
    are arguments for the tests.
    """

    def __init__(
        self,
        store: Store,
        cache: Path,
        package: Path = Path(ramify.__file__).parent,
        clock: Callable[[], int] = time.time_ns,
        watcher: Watcher | None = None,
    ) -> None:
        self._store = store
        self._watcher = watcher or Unwatched()
        self._records = cache / "runtimes"
        self._wheels = cache / "wheels"
        self._package = package
        self._clock = clock

    def known(self) -> tuple[Runtime, ...]:
        """All that can be had without asking: one's own kind, and those whose wheels were given.

        Raises:
            UnavailableRuntimeError: one of them cannot be built.
        """
        folder = self._wheels
        kinds = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        others = [kind for kind in kinds if kind != own_kind() and not kind.endswith(".tmp")]
        return (self.own(), *map(self._from_wheels, others))

    def own(self) -> Runtime:
        """That of the operator's own kind; built again only when the engine or a package changed.

        Raises:
            UnavailableRuntimeError: a package is not installed, or not in a way that lists its files.
        """
        return self._built(own_kind(), _installed)

    def add(self, kind: str, folder: Path) -> Runtime:
        """Build that of another kind from a folder of wheels, and keep the wheels.

        Raises:
            UnavailableRuntimeError: a wheel is missing or unusable; the message says how to fetch all.
        """
        import shutil  # noqa: PLC0415 - slow to import, and so is zipfile

        from ramify.repository.wheels import choose  # noqa: PLC0415

        chosen, kept = choose(folder, kind), self._wheels / kind
        fresh = kept.with_name(f"{kind}.{os.getpid()}.tmp")
        fresh.mkdir(parents=True)
        for wheel in chosen:
            shutil.copyfile(wheel, fresh / wheel.name)
        shutil.rmtree(kept, ignore_errors=True)
        fresh.rename(kept)
        return self._from_wheels(kind)

    def _from_wheels(self, kind: str) -> Runtime:
        return self._built(kind, lambda: _unpacked(self._wheels / kind, kind))

    def _built(self, kind: str, parts: Callable[[], Parts]) -> Runtime:
        looked, own = self._clock(), engine(self._package)
        file = self._records / f"{kind}.json"
        record = _read(file)
        if record and record.word and record.word == _word(own, record.sources):
            stored = self._store.find(record.artifact)
            if stored:
                return Runtime(kind, stored.digest, stored.size, record.engine)
        self._watcher.begun(BUILDING)
        try:
            packages, sources = parts()
            stored, identity = self._store.add(build(_tree(kind, own + packages))), build(own).digest
        finally:
            self._watcher.ended(BUILDING)
        if rested(own, looked):
            _write(file, _Record(stored.digest, identity, _word(own, sources), sources))
        return Runtime(kind, stored.digest, stored.size, identity)


def engine(package: Path) -> list[ArtifactFile]:
    """The engine's files that an initiator runs; an editable installation is read where its sources are."""
    files, _ = from_folder(package)
    wanted = (file for file in files if not file.name.startswith(_OPERATORS_OWN))
    return [ArtifactFile(f"ramify/{file.name}", PLAIN, file.source, file.stamp) for file in wanted]


def _tree(kind: str, files: list[ArtifactFile]) -> list[ArtifactFile]:
    tree = [*files, ArtifactFile(ENTRY, PLAIN, _RUN)]
    if kind.partition("-")[0] == own_kind().partition("-")[0]:
        from ramify.repository.bytecode import compiled  # noqa: PLC0415 - only where something is built

        kept = f"ramify/stub/__pycache__/{archive.kept_name()}"
        tree += [*compiled(files), ArtifactFile(kept, PLAIN, archive.kept())]
    return tree


def _installed() -> Parts:
    from ramify.repository.distributions import installed  # noqa: PLC0415 - costs 40 ms, only to build

    files, sources, missing = installed()
    if missing:
        raise UnavailableRuntimeError(
            f"cannot build the runtime of this machine: {', '.join(missing)} is not installed in a way that "
            "lists its files; install ramify with pip, uv or pipx in an environment of its own"
        )
    return files, sources


def _unpacked(folder: Path, kind: str) -> Parts:
    from ramify.repository.wheels import choose, unpack  # noqa: PLC0415 - as in `add`

    chosen = choose(folder, kind)
    return [file for wheel in chosen for file in unpack(wheel)], tuple(map(str, chosen))


def _word(own: list[ArtifactFile], sources: Sequence[str]) -> str | None:
    """What a runtime is built from, as one word; None when a package is no longer there."""
    running = ArtifactFile("", PLAIN, f"{sys.version} {sys.prefix}".encode())
    try:
        packages = [
            ArtifactFile(source, PLAIN, Path(source), stamp(Path(source).stat())) for source in sources
        ]
    except FileNotFoundError:
        return None
    return fingerprint([*own, *packages, running])


def _read(file: Path) -> _Record | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(file: Path, record: _Record) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    partial.write_bytes(msgspec.json.encode(record))
    partial.replace(file)
