"""Enter while a run goes on: read from the terminal without echo, and without ever waiting for it.

Rule 1: only a terminal is read, and only by whoever has it: a run in the background leaves it alone.
Rule 2: the terminal is as before at the end, however that comes; Ctrl-C is still a signal.
"""

import asyncio
import os
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINE_FLAGS = 3
"""Where termios keeps echo and line by line reading."""


@contextmanager
def on_enter(pressed: Callable[[], None]) -> Iterator[None]:
    """Call `pressed` for each Enter while the block lasts; nothing where stdin is no terminal."""
    terminal = _terminal()
    if terminal is None:
        yield
        return
    before = termios.tcgetattr(terminal)
    quiet = list(before)
    quiet[_LINE_FLAGS] &= ~(termios.ECHO | termios.ICANON)
    loop = asyncio.get_running_loop()

    def read() -> None:
        typed = os.read(terminal, 1024) if _terminal() is not None else b""
        if not typed:
            loop.remove_reader(terminal)
        elif b"\n" in typed:
            pressed()

    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        if _terminal() is not None:
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _terminal() -> int | None:
    """The terminal on stdin, if it is ours to read: a job in the background would be stopped by asking."""
    try:
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp():
            return descriptor
    except (OSError, ValueError, AttributeError):  # closed, replaced, or no terminal of this session
        pass
    return None
