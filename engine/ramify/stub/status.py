"""The operations `status` and `verify`: the state of nodes, as it is and not only as it was recorded."""

from __future__ import annotations

import os

from ramify.stub import journal, layout, process, tables
from ramify.stub.wire import MALFORMED, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from ramify.stub.journal import Record
    from ramify.stub.wire import Header

_REPORTED = ("path", "environment", "service", "release", "digest", "environment_digest", "service_digest")


def observe(record: Record) -> bool:
    """Let the machine see that its service has ended by itself; whether it had."""
    running = record["service"] in tables.RUNNING
    if running and not all(process.alive(known) for known in record["pids"].values()):
        journal.advance(record, (tables.SERVICE, tables.EXIT))
        return True
    return False


def describe(record: Record, node: str) -> Dict[str, Any]:
    """A node's state as replies carry it."""
    state = {name: record[name] for name in _REPORTED}
    state["binding"] = record["binding"]
    state["held"] = record["held"]
    state["open"] = record["open"]
    state["pids"] = {name: known[0] for name, known in record["pids"].items() if process.alive(known)}
    state["exits"] = _exits(f"{node}/run")
    pending = record["pending"]
    if pending is not None:
        told = {name: pending[name] for name in ("token", "seconds", "why")}
        state["pending"] = dict(told, release=pending["back"]["release"])
    if record["reverted"] is not None:
        state["reverted"] = record["reverted"]
    if record["service"] == tables.ACTIVE and os.path.exists(f"{node}/run/health"):
        health: Any = __import__("ramify.stub.health", fromlist=["state"])
        state["health"] = health.state(f"{node}/run")
    return state


def _exits(folder: str) -> Dict[str, Any]:
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".exit") and layout.is_word(name[:-5])]
    except OSError:
        return {}
    ends = {name[:-5]: _exit(f"{folder}/{name}") for name in sorted(names)}
    return {name: end for name, end in ends.items() if end is not None}


def _exit(file: str) -> Optional[Dict[str, Any]]:
    """How a process ended; the folder is the service's, which may have files of such names, too."""
    try:
        with open(file, "rb", 0) as stream:
            value = decode(stream.read(1024))
        return {"code": int(value["code"]), "at": float(value["at"])}
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


def status(root: layout.Root, header: Header) -> Header:
    """The operation `status`."""
    return {"nodes": [_look(root, path, node)[1] for path, node in _asked(root, header)]}


def verify(root: layout.Root, header: Header) -> Header:
    """The operation `verify`: status, and what of the current releases is not as it was put there."""
    drift: Any = __import__("ramify.stub.drift", fromlist=["found"])
    nodes = []
    for path, node in _asked(root, header):
        record, state = _look(root, path, node)
        state["drift"] = drift.found(root, node, record)
        nodes.append(state)
    return {"nodes": nodes}


def _asked(root: layout.Root, header: Header) -> List[Tuple[str, str]]:
    """Path and folder of the nodes that a request names, of all if it names none."""
    paths = header.get("paths")
    if paths is None:
        return [("", node) for node in root.node_folders()]
    if not isinstance(paths, list):
        raise StubError(MALFORMED, "paths is neither a list nor null")
    return [(layout.check_path(path), root.node(path)) for path in paths]


def _look(root: layout.Root, path: str, node: str) -> Tuple[Record, Dict[str, Any]]:
    record = journal.read(node) or journal.blank(path)
    if record["pending"] is not None:
        record = __import__("ramify.stub.pending", fromlist=["settled"]).settled(root, record)
    if observe(record):
        held = layout.try_lock(node)  # whoever holds it sees the same, and journals it
        if held is not None:
            record = journal.read(node) or journal.blank(path)
            if observe(record):
                journal.write(node, record)
            os.close(held)
    return record, describe(record, node)
