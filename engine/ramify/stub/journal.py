"""The journal of one node: `node.json`, the one truth about what has been done to it.

It is written before and after every transition. What a transition makes lies beside what is there until
the journal names it, so a stub killed between two writes leaves the older state and an open step, and
that step can simply be run again.
"""

from __future__ import annotations

from ramify.stub import files, tables
from ramify.stub.wire import INTERNAL, StubError, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Record = Dict[str, Any]
    """The members of `blank`."""

FORMAT = 1
_FILE = "/node.json"


def blank(path: str) -> Record:
    """The record of a node of which nothing exists."""
    return {
        "format": FORMAT,
        "path": path,
        "environment": tables.NON_EXISTENT,
        "service": tables.NON_EXISTENT,
        "digest": "",
        "environment_digest": "",
        "service_digest": "",
        "binding": "",
        "open": None,  # the step that has begun and not ended: {command, step}
        "release": 0,  # the one that `current` names
        "building": 0,  # the one that the environment's steps work on, until it is installed
        "attempted": 0,  # the last one whose installer has been started
        "order": "",  # the sum of the order that was written last
        "serial": 0,  # the highest release number ever used
        "code": None,  # {artifact, share, shared} of the release that the environment is at
        "installed": {},  # release number -> its installer's last line; in the order of their use
        "artifacts": {},  # release number -> digests that it needs
        "line": "",  # the last line that the installer printed
        "supervisor": None,  # [pid, stamp]
        "pids": {},  # process -> [pid, stamp], written before the process may run
        "held": "",  # "stopped" or "paused" on purpose: it is not to run until somebody asks for that
        "worker": None,  # [pid, stamp] of a running installer
        "pending": None,  # a change that nobody has confirmed yet: {token, seconds, back, watchdog, why}
        "confirmed": "",  # the token of the last one that somebody has
        "reverted": None,  # how the last change was taken back: {token, release, at, why, problem}
    }


def read(folder: str) -> Optional[Record]:
    """The record in a node's folder, or None if there is none.

    Raises:
        StubError: it cannot be understood.
    """
    try:
        data = files.read(folder + _FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        record = decode(data)
        path, found = record["path"], record["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise StubError(INTERNAL, f"cannot read the journal {folder}{_FILE}: {error}") from None
    if found != FORMAT:
        raise StubError(INTERNAL, f"the journal {folder}{_FILE} has format {found}, this stub reads {FORMAT}")
    return dict(blank(path), **record)


def write(folder: str, record: Record) -> None:
    """Make `record` the journal, on the disk, before anything else happens."""
    files.replace(folder + _FILE, encode(record))


def state(record: Record) -> tables.State:
    """What the two machines are in."""
    return record["environment"], record["service"]


def advance(record: Record, step: tables.Step) -> None:
    """Move the machines by one transition that has been carried out."""
    record["environment"], record["service"] = tables.next_state(state(record), step)
    forget_digests(record)


def forget_digests(record: Record) -> None:
    """A digest is stated only for what rests complete."""
    if record["environment"] != tables.INSTALLED:
        record["environment_digest"] = ""
    if record["service"] in (tables.NON_EXISTENT, tables.DEPLOYED):
        record["digest"] = record["service_digest"] = record["binding"] = ""
