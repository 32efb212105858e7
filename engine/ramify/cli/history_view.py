"""History as people read it: a line for each run, and below it what it did to nodes, folded."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from ramify.cli.folding import fold, shortened
from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.words import counted
from ramify.model.history import NodeChange, Ran
from ramify.model.record import Outcome

_HEADING = ("RUN", "STARTED (UTC)", "WHO", "WHAT", "BUNDLE", "OUTCOME")
_SIGNED = "SIGNED BY"
"""A column of its own after WHO, where anybody signed anything."""
_PLAIN = Paint()
_NAMES, _GROUPS, _PATHS, _WHAT = 3, 12, 3, 48
_QUIET = Outcome.UNCHANGED.value


class Past(Struct, frozen=True):
    """A run, what it did to the nodes that are looked at, and whether it goes on."""

    run: Ran
    changes: tuple[NodeChange, ...] = ()
    running: bool = False


def text(found: Sequence[Past], paint: Paint = _PLAIN, *, full: bool = False, detailed: bool = False) -> str:
    """The runs, newest first; `detailed` with what each did to nodes."""
    if not found:
        return "No run is remembered that changed these nodes."
    signed = any(past.run.signers for past in found)
    heading = (*_HEADING[:3], _SIGNED, *_HEADING[3:]) if signed else _HEADING
    head, *lines = table([_row(past, full=full, signed=signed) for past in found], heading)
    told = [paint("bold", head)]
    for past, line in zip(found, lines, strict=True):
        told.append(paint("bad", line) if went_wrong(past.run) else line)
        told += [f"    {one}" for one in _changed(past.changes, full=full)] if detailed else []
    return "\n".join(told)


def _row(past: Past, *, full: bool, signed: bool) -> tuple[str, ...]:
    run = past.run
    bundle = run.bundle if full else run.bundle[:12]
    when = run.started[:19].replace("T", " ")
    by = (", ".join(run.signers) or "-",) if signed else ()
    return run.run, when, run.who or "-", *by, _what(run, full=full), bundle, _end(past)


def _what(run: Ran, *, full: bool) -> str:
    back = f" to {run.back_to}" if run.back_to else ""
    words = f"{run.kind} {' '.join(run.selection)}".strip()
    return f"{words if full or len(words) <= _WHAT else f'{words[: _WHAT - 1]}…'}{back}"


def _end(past: Past) -> str:
    if past.running:
        return "going on"
    if not past.run.finished:
        return "not finished"
    return outcome(past.run)


def outcome(run: Ran) -> str:
    """How many nodes came to what."""
    counts = {name: number for name, number in run.counts.items() if number and name != _QUIET}
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "nothing changed"


def went_wrong(run: Ran) -> bool:
    """Whether a run failed on some nodes, or nobody knows."""
    return any(run.counts.get(bad.value) for bad in (Outcome.FAILED, Outcome.UNKNOWN))


def _changed(changes: Iterable[NodeChange], *, full: bool) -> Iterable[str]:
    alike: dict[str, list[NodeChange]] = {}
    for change in changes:
        alike.setdefault(_word(change), []).append(change)
    groups = list(alike.items())
    for word, together in groups if full else groups[:_GROUPS]:
        folded = fold(change.path for change in together)
        names, left = (folded, 0) if full else shortened(folded, _PATHS)
        more = f" and {left:,} more" if left else ""
        only = f"  {_digests(together[0])}" if len(together) == 1 else ""
        yield f"{word}  {', '.join(names)}{more}{only}"
    if not full and len(groups) > _GROUPS:
        yield f"… and {counted(len(groups) - _GROUPS, 'other group')}; `-v` shows them"


def _word(change: NodeChange) -> str:
    if change.outcome is not Outcome.DONE:
        message = change.message.splitlines()[0] if change.message else ""
        return f"{change.outcome.value}: {message}" if message else change.outcome.value
    if not change.digest and not change.release:
        return "removed"
    before = f"release {change.before_release} -> " if change.before_release else "new: release "
    if change.before_release == change.release:
        return f"release {change.release} as before"
    return f"{before}{change.release}"


def _digests(change: NodeChange) -> str:
    before, after = change.before_digest[:12] or "nothing", change.digest[:12] or "nothing"
    return after if before == after else f"{before} -> {after}"


def selected(changes: Iterable[NodeChange], chosen: Collection[str] | None) -> tuple[NodeChange, ...]:
    """Those of the nodes that are looked at."""
    return tuple(change for change in changes if chosen is None or change.path in chosen)
