"""Which paths patterns get: folded, counted, and who uses them."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ramify.cli.folding import fold, shortened
from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.words import counted
from ramify.model.diagnostics import Origin

_PLAIN = Paint()
_LINES = 20


class User(Struct, frozen=True):
    """An entry that has the pattern."""

    list: str
    origin: Origin
    brings: str


class Matched(Struct, frozen=True):
    """A pattern, the paths that it matches, and the entries that have it."""

    pattern: str
    paths: tuple[str, ...]
    used_by: tuple[User, ...]
    hint: str = ""


def text(
    found: Sequence[Matched], together: Sequence[str] | None, paint: Paint = _PLAIN, *, full: bool = False
) -> str:
    """Each pattern by itself, then what they take together."""
    blocks = ["\n".join(_one(one, paint, full=full)) for one in found]
    if together is not None:
        blocks.append(
            "\n".join([f"together  {counted(len(together), 'path')}", *_paths(together, full=full)])
        )
    return "\n\n".join(blocks)


def _one(one: Matched, paint: Paint, *, full: bool) -> Iterator[str]:
    number = counted(len(one.paths), "path") if one.paths else paint("warning", "no path")
    yield f"{paint('bold', one.pattern)}  {number}"
    yield from _paths(one.paths, full=full)
    if one.hint:
        yield f"  {one.hint}"
    rows = [(user.list, str(user.origin), user.brings) for user in one.used_by]
    yield from (f"  used by {line}" for line in table(rows))


def _paths(paths: Sequence[str], *, full: bool) -> Iterator[str]:
    if full:
        yield from (f"  {path}" for path in paths)
        return
    shown, left = shortened(fold(paths), _LINES)
    yield from (f"  {line}" for line in shown)
    if left:
        yield f"  and {left:,} more; -v shows all"
