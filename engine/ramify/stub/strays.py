"""The operation `strays`: nodes that lie on this host and are not known to whoever asks. None is touched."""

from __future__ import annotations

import os

from ramify.stub import journal, layout, process, tables
from ramify.stub.wire import MALFORMED, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator

    from ramify.stub.wire import Header

MOST = 100


def strays(root: layout.Root, header: Header) -> Header:
    """Tell of the nodes but those whose paths are `known`; of so many, and whether there are more."""
    known = header.get("known")
    if not isinstance(known, list):
        raise StubError(MALFORMED, "known is not a list of paths")
    folders = {layout.key(layout.check_path(path)) for path in known}
    found = list(_others(root, folders))
    return {"nodes": found[:MOST], "more": len(found) > MOST}


def _others(root: layout.Root, known: Any) -> Iterator[Dict[str, Any]]:
    for node in root.node_folders():
        if os.path.basename(node) in known:
            continue
        try:
            record = journal.read(node)
        except StubError:  # whoever it belongs to is told by his own session
            continue
        if record is not None and journal.state(record) != tables.INITIAL:
            yield _told(record)


def _told(record: journal.Record) -> Dict[str, Any]:
    """As its journal has it, unless a process is gone: nothing of that is written."""
    pids = {name: known[0] for name, known in record["pids"].items() if process.alive(known)}
    state = {name: record[name] for name in ("path", "environment", "service", "release", "held")}
    if record["service"] in tables.RUNNING and len(pids) < len(record["pids"]):
        state["service"] = tables.CONFIGURED
    return dict(state, pids=pids)
