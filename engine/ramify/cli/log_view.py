"""Logs as they are read: as they come while somebody follows, else node by node, those alike together."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from msgspec import structs

from ramify.cli.folding import fold, natural
from ramify.cli.paint import Paint
from ramify.cli.session import Session
from ramify.initiator.messages import Over, Said

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_RESET = "\x1b[0m"
LOST = "… lines are gone that were here: their host keeps the last 3 MiB"


class _View:
    """What both ways have in common."""

    def __init__(self, session: Session, nodes: tuple[str, ...]) -> None:
        self._session = session
        self._alone = len(nodes) == 1
        self._problems: dict[str, str] = {}

    def _note(self, over: Over) -> None:
        if over.problem:
            self._problems[over.path] = over.problem

    def end(self) -> bool:
        """Tell of whom nothing could be read; whether there was anybody."""
        alike: dict[str, list[str]] = {}
        for path, problem in self._problems.items():
            alike.setdefault(problem, []).append(path)
        for problem, nodes in alike.items():
            self._session.note(f"{', '.join(fold(nodes))}: {problem}")
        return bool(self._problems)


class Followed(_View):
    """Line by line, as they come; with --json a document on each line.

    Where somebody else shows them, beside other text, `show` has them; each tells then whose it is.
    """

    def __init__(
        self,
        session: Session,
        nodes: tuple[str, ...],
        show: Callable[[str], None] | None = None,
        paint: Paint | None = None,
    ) -> None:
        super().__init__(session, nodes)
        self._paint = paint or session.paint
        self._show = show or partial(session.say, flush=True)
        self._documents = session.json and show is None
        self._beside = show is not None
        self._alone = self._alone and not self._beside
        self._width = max((len(path) for path in nodes), default=0)
        self._processes: dict[str, set[str]] = {}

    async def hear(self, message: Said | Over) -> None:
        """Print what came."""
        if isinstance(message, Over):
            self._note(message)
            return
        if message.process:
            self._processes.setdefault(message.path, set()).add(message.process)
        if self._documents:
            if message.text:
                self._session.document(structs.replace(message, at=None))
            return
        head = self._head(message)
        lines = ([LOST] if message.lost else []) + message.text.splitlines()
        if lines:
            self._show("\n".join(f"{head}{printable(line)}" for line in lines))

    def _head(self, message: Said) -> str:
        several = self._beside or len(self._processes.get(message.path, ())) > 1
        process = f" {message.process}" if several else ""
        if self._alone:
            return f"{process.strip()} | " if process else ""
        return self._paint("faint", f"{message.path:{self._width}}{process} |") + " "


class Gathered(_View):
    """Each node's lines together, when all have come."""

    def __init__(self, session: Session, nodes: tuple[str, ...]) -> None:
        super().__init__(session, nodes)
        self._said: dict[str, dict[str, list[str]]] = {path: {} for path in nodes}

    async def hear(self, message: Said | Over) -> None:
        """Keep what came."""
        if isinstance(message, Over):
            self._note(message)
        elif message.process:
            pieces = self._said[message.path].setdefault(message.process, [])
            pieces += [f"{LOST}\n"] if message.lost else []
            pieces.append(message.text)

    def end(self) -> bool:
        """Print it all."""
        if self._session.json:
            self._session.document({"logs": list(self._documents()), "problems": self._problems})
            return bool(self._problems)
        if self._alone:
            for line in self._block(next(iter(self._said.values()))):
                self._session.say(line)
        else:
            for text, nodes in sorted(self._alike().items(), key=lambda item: natural(item[1][0])):
                for name in fold(nodes):
                    self._session.say(self._session.paint("bold", f"==> {name} <=="))
                self._session.say("\n".join(text) + "\n")
        return super().end()

    def _alike(self) -> dict[tuple[str, ...], list[str]]:
        """The nodes that said the very same, by that; those that said nothing are left out."""
        found: dict[tuple[str, ...], list[str]] = {}
        for path, processes in self._said.items():
            lines = tuple(self._block(processes))
            if lines:
                found.setdefault(lines, []).append(path)
        return found

    def _block(self, processes: dict[str, list[str]]) -> Iterable[str]:
        several = len(processes) > 1
        for name, pieces in processes.items():
            for line in "".join(pieces).splitlines():
                yield f"{name} | {printable(line)}" if several else printable(line)

    def _documents(self) -> Iterable[dict[str, Any]]:
        for path, processes in self._said.items():
            for process, pieces in processes.items():
                yield {"path": path, "process": process, "text": "".join(pieces)}


def printable(line: str) -> str:
    """A line with its colours, which end with it, and without all else that does something to a terminal."""
    parts = _COLOUR.split(line)
    parts[::2] = [_CONTROL.sub("\N{REPLACEMENT CHARACTER}", part) for part in parts[::2]]
    return "".join(parts) + (_RESET if len(parts) > 1 and parts[-2:] != [_RESET, ""] else "")
