"""Values before and after, on one line where they fit it and as a difference of lines where not."""

import json
from collections.abc import Iterator

from ramify.cli.paint import Paint
from ramify.cli.words import shortened
from ramify.model.profile import LATE

WIDTH = 72


def quoted(value: str, limit: int = WIDTH) -> str:
    """A value between quotes; what is only known on the host stands without."""
    return LATE if value == LATE else shortened(json.dumps(value, ensure_ascii=False), limit)


def change_lines(what: str, before: str | None, after: str | None, paint: Paint) -> Iterator[str]:
    """One change: `~ INTERVAL: "5" -> "10"`."""
    if before is None and after is not None:
        yield f"{paint('+', '+')} {what}: {quoted(after)}"
    elif after is None and before is not None:
        yield f"{paint('-', '-')} {what}: {quoted(before)}"
    elif before is not None and after is not None:
        yield from _both(what, before, after, paint)


def _both(what: str, before: str, after: str, paint: Paint) -> Iterator[str]:
    sign = paint("~", "~")
    if "\n" not in before.rstrip("\n") and "\n" not in after.rstrip("\n"):
        shared = _shared(before, after) if max(len(before), len(after)) > WIDTH else 0
        yield f"{sign} {what}: {_tail(before, shared)} -> {_tail(after, shared)}"
        return
    import difflib  # noqa: PLC0415 - only for those whose files changed

    yield f"{sign} {what}:"
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    for line in list(found)[2:]:
        if not line.startswith("@@"):
            yield f"  {paint(line[:1], shortened(line, WIDTH * 2))}"


def _shared(before: str, after: str) -> int:
    """How many characters two long values begin with alike, but for a few to recognise the place by."""
    at = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    return max(0, (min(len(before), len(after)) if at is None else at) - 16)


def _tail(value: str, shared: int) -> str:
    return f"…{quoted(value[shared:])}" if shared else quoted(value)
