"""The lock's file: where it is, reading it, writing it."""

import os
from pathlib import Path

from ramify.documents import lock as documents
from ramify.documents.lock import Pin, Pins
from ramify.model.diagnostics import Origin
from ramify.repository.files import Files
from ramify.repository.pins import Ledger, Locking

NAME = "repository.lock"


def opened(path: Path, files: Files, locking: Locking) -> Ledger:
    """The lock in a file, if there is one; what is wrong with it is told."""
    pins: dict[str, Pin] | None = None
    if locking is not Locking.RENEW:
        if path.exists():
            pins = _read(path, files)
            if pins is None and locking is Locking.REQUIRE:
                pins = {}  # nothing is locked, and nothing else may be followed
        elif locking is Locking.REQUIRE:
            files.found.error(
                "not-locked",
                f"there is no {files.shown(path)}",
                "`ramify repo lock` writes it. Keep it in git.",
            )
            locking = Locking.USE  # that there is none is told once
    return Ledger(pins, locking, files.found, files.shown(path))


def write(path: Path, pins: Pins) -> None:
    """Put a lock in its place, whole.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.write_text(documents.write(pins), encoding="utf-8")
    partial.replace(path)


def kept(path: Path) -> Pins:
    """The pins of the lock that was there before; nothing if there was none that could be read."""
    try:
        return documents.read(path.read_bytes(), path.name)[0] or {}
    except OSError:
        return {}


def _read(path: Path, files: Files) -> dict[str, Pin] | None:
    """What is locked; None with a diagnostic: to hold anything against a broken lock would only add noise."""
    data = files.read(path, Origin(files.shown(path), 1, 1))
    if data is None:
        return None
    pins, problems = documents.read(data, files.shown(path))
    files.found.extend(problems)
    return pins
