"""One node under its lock while commands are carried out on it."""

from __future__ import annotations

import os

from ramify.stub import journal, layout, releases, stopping
from ramify.stub.wire import INTERNAL, MALFORMED, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from ramify.stub import orders, tables


class Work:
    """A node, its record, and the order that came with the commands."""

    def __init__(self, root: layout.Root, path: str, order: Optional[orders.Order]) -> None:
        self.root = root
        self.path = path
        self.node = root.node(path)
        self.order = order
        self.command = ""
        self._take()

    def _take(self) -> None:
        self._lock = layout.lock(self.node, stopped=lambda: stopping.asked(self.root))
        self._buried = False
        try:
            self.reread()
        except StubError:
            os.close(self._lock)
            raise

    def reread(self) -> None:
        """Take the journal's word, not memory's."""
        self.record = journal.read(self.node) or journal.blank(self.path)

    def open(self, command: str) -> None:
        """Begin a command. After an uninstall the node's folder, and with it the lock, is a new one."""
        self.command = command
        if self._buried:
            os.close(self._lock)
            self._take()

    def close(self) -> None:
        """Unlock, and leave no folder of a node of which nothing exists."""
        try:
            os.rmdir(self.node)
            os.rmdir(self.root.nodes)
        except OSError:  # not empty, or buried
            pass
        os.close(self._lock)

    def write(self) -> None:
        """Journal the record as it is now."""
        if not self._buried:
            journal.write(self.node, self.record)

    def begin(self, step: tables.Step) -> None:
        """Journal that a step is open; the same write says that the one before it has ended."""
        self.record["open"] = {"command": self.command, "step": step[1]}
        self.write()

    def end(self) -> None:
        """Journal that no step is open."""
        if self.record["open"] is not None:
            self.record["open"] = None
            self.write()

    def bury(self) -> None:
        """Take the node's folder away; nothing is journalled about it any more."""
        self.root.bury(self.node)
        self.record = journal.blank(self.path)
        self._buried = True

    def release(self) -> str:
        """The folder of the release that the environment is at."""
        found = releases.at(self.node, self.record)
        if found is None:
            raise StubError(INTERNAL, f"{self.path} has no release")
        return found

    def needed_order(self) -> orders.Order:
        """The order that was sent."""
        if self.order is None:
            raise StubError(MALFORMED, f"{self.command} for {self.path} without an order")
        return self.order
