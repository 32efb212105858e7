"""Values before and after, on one line where they fit it and as a difference of lines where not."""

import json
from collections.abc import Iterator, Sequence

from ramify.cli.paint import Paint
from ramify.cli.words import counted, shortened
from ramify.model.diagnostics import Origin
from ramify.model.profile import LATE

WIDTH = 72
EVERYTHING = 10**9
_CONTEXT = 3


def quoted(value: str, limit: int = WIDTH) -> str:
    """A value between quotes; what is only known on the host stands without."""
    return LATE if value == LATE else shortened(json.dumps(value, ensure_ascii=False), limit)


def change_lines(
    what: str,
    before: str | None,
    after: str | None,
    paint: Paint,
    origins: Sequence[Origin] = (),
    most: int = EVERYTHING,
) -> Iterator[str]:
    """One change: `~ INTERVAL: "5" -> "10"  # hierarchy.yml:4`; of whole files at `most` so many lines."""
    place = places(origins, paint)
    if before is None and after is not None:
        yield from _whole("+", what, after, place, paint, most)
    elif after is None and before is not None:
        yield from _whole("-", what, before, place, paint, most)
    elif before is not None and after is not None:
        yield from _both(what, before, after, place, paint)


def places(origins: Sequence[Origin], paint: Paint) -> str:
    """Where a value was written, as a remark."""
    told = ", ".join(dict.fromkeys(f"{origin.file}:{origin.line}" for origin in origins))
    return "  " + paint("faint", f"# {told}") if told else ""


def _whole(sign: str, what: str, value: str, place: str, paint: Paint, most: int) -> Iterator[str]:
    """A value that comes or goes; what has lines is shown as such."""
    lines = value.splitlines()
    if len(lines) <= 1:
        yield f"{paint(sign, sign)} {what}: {quoted(value)}{place}"
        return
    yield f"{paint(sign, sign)} {what}: {counted(len(lines), 'line')}{place}"
    shown = lines if len(lines) <= most + 1 else lines[:most]
    yield from (f"    {paint(sign, shortened(f'{sign} {line}', WIDTH * 2))}" for line in shown)
    if len(shown) < len(lines):
        yield f"      … {counted(len(lines) - len(shown), 'line')} more; `-v` shows them"


def _both(what: str, before: str, after: str, place: str, paint: Paint) -> Iterator[str]:
    sign = paint("~", "~")
    if "\n" not in before.rstrip("\n") and "\n" not in after.rstrip("\n"):
        shared = _shared(before, after) if max(len(before), len(after)) > WIDTH else 0
        yield f"{sign} {what}: {_tail(before, shared)} -> {_tail(after, shared)}{place}"
        return
    import difflib  # noqa: PLC0415 - only for those whose files changed

    yield f"{sign} {what}:{place}"
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT)
    for line in list(found)[2:]:
        kind = "faint" if line.startswith("@@") else line[:1]
        yield f"    {paint(kind, shortened(line, WIDTH * 2))}".rstrip()


def _shared(before: str, after: str) -> int:
    """How many characters two long values begin with alike, but for a few to recognise the place by."""
    at = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    return max(0, (min(len(before), len(after)) if at is None else at) - 16)


def _tail(value: str, shared: int) -> str:
    return f"…{quoted(value[shared:])}" if shared else quoted(value)
