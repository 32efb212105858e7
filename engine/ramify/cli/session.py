"""The session: how this one command line was called, and where what it says goes.

With `--json` stdout carries the JSON document and nothing else; all text goes to stderr.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from ramify.cli.paint import Paint, wanted


@dataclass
class Session:
    """Settings of the global options, and the two streams.

    How long a run waits for another, and hosts for the confirmation of a change (with None as long as ever),
    some commands have options for.
    """

    folder: Path = Path()
    json: bool = False
    verbose: bool = False
    wait: float | None = 0
    confirm: float | None = None
    follow: tuple[str, ...] = ()
    no_color: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def paint(self) -> Paint:
        """Colours for what `say` prints."""
        return self._paint(sys.stderr if self.json else sys.stdout)

    @property
    def paint_notes(self) -> Paint:
        """Colours for what `note` prints."""
        return self._paint(sys.stderr)

    def _paint(self, stream: TextIO) -> Paint:
        return Paint(wanted(self.environ, terminal=stream.isatty(), refused=self.no_color))

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def live(self) -> bool:
        """Whether progress may move on the screen."""
        return sys.stderr.isatty() and self.environ.get("TERM") != "dumb"

    def say(self, text: str, *, flush: bool = False) -> None:
        """Text that the command was called for."""
        print(text, file=sys.stderr if self.json else sys.stdout, flush=flush)

    def note(self, text: str) -> None:
        """Text beside it."""
        sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)

    def ask(self, question: str) -> str:
        """Ask whoever sits there; empty when they leave."""
        sys.stdout.flush()
        print(question, end="", file=sys.stderr, flush=True)
        return sys.stdin.readline()

    def document(self, value: Any) -> None:
        """The JSON document of `--json`."""
        import msgspec  # noqa: PLC0415 - `--help` and `--version` can do without

        print(msgspec.json.encode(value).decode(), file=sys.stdout)
