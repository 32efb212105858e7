"""Looking at hosts before a plan is made, or instead of one: what is found against what was recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click
from msgspec import Struct

from ramify.cli import exits, report_view
from ramify.cli.accounts import counts, exit_code
from ramify.cli.carrying import Carried, carry
from ramify.cli.folding import fold, shortened
from ramify.cli.labs import must_be_up
from ramify.cli.paint import Paint
from ramify.cli.project import hosts
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.initiator.operator import Workspace
from ramify.model.plan import Change
from ramify.model.record import NodeRecord, Outcome

_LOST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.OFFLINE)
_TOLD = ("host", "environment", "service", "release", "digest")
_MOST = 20
_PLAIN = Paint()


class Otherwise(Struct, frozen=True):
    """A node that was found otherwise than it was recorded."""

    path: str
    changes: tuple[Change, ...]


def refresh_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of commands that plan: `--refresh` looks first, `--no-refresh` believes the records."""
    told = "Have the initiators look at their children first; without it the records are believed."
    return click.option("--refresh/--no-refresh", default=False, help=told)(command)


def look(session: Session, space: Workspace, selection: tuple[str, ...]) -> int:
    """Have the initiators look, and put the records right; the exit code that this alone would mean."""
    plan = space.plan(selection)
    must_be_up(space, plan)
    carried = carry(session, space, plan, "refresh")
    lost = tuple(result for result in carried.results if result.outcome in _LOST)
    if lost:
        session.note(report_view.problems(lost, hosts(plan), session.paint_notes, full=session.verbose))
    return _code(carried)


def _code(carried: Carried) -> int:
    return exits.INTERRUPTED if carried.interrupted else exit_code(counts(carried.results), refresh=True)


def differences(before: Mapping[str, NodeRecord], after: Mapping[str, NodeRecord]) -> Iterator[Otherwise]:
    """What was found otherwise than it was recorded."""
    for path in dict.fromkeys((*before, *after)):
        was, found = _told(before.get(path)), _told(after.get(path))
        changes = tuple(
            Change(name, was.get(name), found.get(name)) for name in _TOLD if was.get(name) != found.get(name)
        )
        if changes:
            yield Otherwise(path, changes)


def _told(record: NodeRecord | None) -> dict[str, str]:
    found = {name: str(getattr(record, name)) for name in _TOLD} if record else {}
    return {name: text[:12] if name == "digest" else text for name, text in found.items()}


def text(found: Iterable[Otherwise], looked: int, paint: Paint = _PLAIN, *, full: bool = False) -> str:
    """The same differences once, with the nodes that have them; the last line is the totals."""
    alike: dict[tuple[Change, ...], list[str]] = {}
    for one in found:
        alike.setdefault(one.changes, []).append(one.path)
    lines = ["Found otherwise than it was recorded; the records say so now:", ""] if alike else []
    groups = sorted(alike.items(), key=lambda group: -len(group[1]))
    for changes, together in groups if full else groups[:_MOST]:
        names, left = (fold(together), 0) if full else shortened(fold(together), 4)
        lines += [f"{paint('~', '    ~')} {name}" for name in names]
        lines += [f"      … and {left:,} more such paths"] if left else []
        lines += [
            f"        {one.what}: {one.before or 'nothing'} -> {one.after or 'nothing'}" for one in changes
        ]
    if not full and len(groups) > _MOST:
        lines.append(f"    … and {counted(len(groups) - _MOST, 'other difference')}; `-v` shows them")
    number = sum(map(len, alike.values()))
    last = f"Refresh: {counted(looked, 'node')} looked at, {number:,} otherwise than recorded."
    return "\n".join([*lines, *([""] if lines else []), paint("bold" if number else "good", last)])
