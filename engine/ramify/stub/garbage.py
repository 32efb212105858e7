"""Take away packs and trees that nothing refers to, and the root after its last node."""

from __future__ import annotations

import os

from ramify.stub import files, journal
from ramify.stub.wire import StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Set

    from ramify.stub import layout


def collect(root: layout.Root) -> bool:
    """Remove what is unused; false if other sessions use artifacts now: the last of them will do it."""
    if not os.path.isdir(root.path):
        return True
    held = root.hold_alone()
    try:
        if held:
            _collect(root)
        else:
            files.touch(root.due)
    finally:
        root.let_go()
        if root.used:
            root.hold()
    return held


def _collect(root: layout.Root) -> None:
    root.sweep()
    files.remove_tree(root.due)
    used: Set[str] = set(root.used)
    for node in root.node_folders():
        try:
            record = journal.read(node)
        except StubError:  # what it needs cannot be known
            return
        for digests in record["artifacts"].values() if record else ():
            used.update(digests)
    for place in (root.packs, root.trees):
        _keep(place, used)
    if not root.node_folders() and not used:
        for place in (root.nodes, root.packs, root.trees, root.stub):
            files.remove_tree(place)
        _remove_empty(root.path)


def _keep(place: str, used: Set[str]) -> None:
    """Remove all but `used`, and half-sent and half-unpacked ones too."""
    try:
        names = os.listdir(place)
    except FileNotFoundError:
        return
    for name in names:
        if name.partition(".")[0] not in used:
            files.remove_tree(f"{place}/{name}")


def _remove_empty(folder: str) -> None:
    """The root may be a folder that somebody keeps other things in: those stay, and so does it."""
    try:
        os.rmdir(folder)
    except OSError:
        pass
