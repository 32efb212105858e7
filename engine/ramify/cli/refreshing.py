"""Looking at hosts before a plan is made, or instead of one: what is found against what was recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct, structs

from ramify.cli import exits
from ramify.cli.accounts import counts, exit_code
from ramify.cli.folding import fold, shortened
from ramify.cli.paint import Paint
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.initiator.operator import Workspace
from ramify.model.drift import summed
from ramify.model.plan import Change
from ramify.model.record import NodeRecord, Outcome

if TYPE_CHECKING:
    from ramify.cli.carrying import Carried

_LOST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.OFFLINE)
_TOLD = ("host", "environment", "service", "release", "digest", "drift")
SCREEN = 60
_DETAILS = ((20, 4), (12, 3), (8, 2), (4, 2))
"""So many groups, and names in each, until it fits a screen."""
_PLAIN = Paint()


class Otherwise(Struct, frozen=True):
    """A node that was found otherwise than it was recorded."""

    path: str
    changes: tuple[Change, ...]


def refresh_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of commands that plan: `--refresh` looks first, `--no-refresh` believes the records."""
    told = "Have the initiators look at their children first; without it the records are believed."
    return click.option("--refresh/--no-refresh", default=False, help=told)(command)


def fix_drift_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of commands that plan to put drift right, whatever `on_drift` says."""
    told = "Put right what was changed on hosts by hand, also where `on_drift` is report or stop."
    return click.option("--fix-drift", is_flag=True, help=told)(command)


class Lying(Struct, frozen=True):
    """A node that lies on a host and that nobody here knows, with the processes of its service."""

    path: str
    host: str
    environment: str
    service: str
    pids: tuple[int, ...]


class Looked(Struct, frozen=True):
    """What came of a look: the exit code that it alone would mean, and what nobody here knows."""

    code: int
    strays: tuple[Lying, ...] = ()


def look(session: Session, space: Workspace, selection: tuple[str, ...]) -> Looked:
    """Have the initiators look, and put the records right."""
    # Whoever only plans starts faster without all that carries anything out.
    from ramify.cli import report_view, strays_view  # noqa: PLC0415
    from ramify.cli.carrying import carry  # noqa: PLC0415
    from ramify.cli.labs import must_be_up  # noqa: PLC0415
    from ramify.cli.project import hosts  # noqa: PLC0415

    plan = space.plan(selection)
    must_be_up(space, plan)
    carried = carry(session, space, plan, "refresh")
    lost = tuple(result for result in carried.results if result.outcome in _LOST)
    if lost:
        session.note(report_view.problems(lost, hosts(plan), session.paint_notes, full=session.verbose))
    if carried.strays and not session.json:
        session.note(strays_view.text(carried.strays, session.paint_notes, full=session.verbose))
    return Looked(_code(carried), tuple(Lying(**structs.asdict(stray)) for stray in carried.strays))


def _code(carried: "Carried") -> int:
    return exits.INTERRUPTED if carried.interrupted else exit_code(counts(carried.results), refresh=True)


def differences(before: Mapping[str, NodeRecord], after: Mapping[str, NodeRecord]) -> Iterator[Otherwise]:
    """What was found otherwise than it was recorded."""
    for path in dict.fromkeys((*before, *after)):
        was, found = _told(before.get(path)), _told(after.get(path))
        changes = tuple(
            Change(name, was.get(name), found.get(name))
            for name in (_TOLD if was and found else _TOLD[:1])
            if was.get(name) != found.get(name)
        )
        if changes:
            yield Otherwise(path, changes)


def _told(record: NodeRecord | None) -> dict[str, str]:
    found = {name: str(getattr(record, name)) for name in _TOLD[:-1]} if record else {}
    if record:
        found["drift"] = summed(record.drift) or "none"
    return {name: text[:12] if name == "digest" else text for name, text in found.items()}


def text(found: Iterable[Otherwise], looked: int, paint: Paint = _PLAIN, *, full: bool = False) -> str:
    """The same differences once, with the nodes that have them; the last line is the totals."""
    alike: dict[tuple[Change, ...], list[str]] = {}
    for one in found:
        alike.setdefault(one.changes, []).append(one.path)
    groups = sorted(alike.items(), key=lambda group: -len(group[1]))
    lines: list[str] = []
    for most, names in ((len(groups), 10**9),) if full else _DETAILS:
        lines = list(_groups(groups, most, names, paint))
        if len(lines) <= SCREEN - 4:
            break
    number = sum(map(len, alike.values()))
    last = f"Refresh: {counted(looked, 'node')} looked at, {number:,} otherwise than recorded."
    head = ["Found otherwise than it was recorded; the records say so now:", "", *lines, ""] if lines else []
    return "\n".join([*head, paint("bold" if number else "good", last)])


def _groups(
    groups: list[tuple[tuple[Change, ...], list[str]]], most: int, names: int, paint: Paint
) -> Iterator[str]:
    for changes, together in groups[:most]:
        sign = "-" if changes[0].after is None else "+" if changes[0].before is None else "~"
        folded, left = shortened(fold(together), names)
        yield from (f"{paint(sign, f'{sign:>5}')} {name}" for name in folded)
        if left:
            yield f"      … and {left:,} more such paths"
        yield from (f"        {_change(change)}" for change in changes)
    if len(groups) > most:
        yield f"    … and {counted(len(groups) - most, 'other difference')}; `-v` shows them"


def _change(change: Change) -> str:
    if change.after is None:
        return f"nothing is left of it on {change.before}"
    if change.before is None:
        return f"found on {change.after}"
    return f"{change.what}: {change.before} -> {change.after}"
