"""A plan as people read it: level by level, the same change once, on one screen however large the fleet."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ramify.cli.folding import fold, fold_words, shortened
from ramify.cli.paint import Paint
from ramify.cli.plan_groups import Describe, Group, Level, ValueChange, levels
from ramify.cli.value_view import change_lines
from ramify.cli.words import counted, listed
from ramify.model import paths
from ramify.model.plan import Action, Plan, Summary

NOTHING = "No changes. Your fleet matches the hierarchy."
SCREEN = 60
FEW = 12
"""So many changed nodes are shown in full, whatever it takes."""

_WORDS = {
    Action.CREATE: "create",
    Action.UPDATE: "update in place",
    Action.REPLACE: "remove, then create on another host",
    Action.DESTROY: "destroy",
}
_TO_DO = {
    Action.CREATE: "to add",
    Action.UPDATE: "to change",
    Action.REPLACE: "to replace",
    Action.DESTROY: "to destroy",
}
_PLAIN = Paint()


class Detail(Struct, frozen=True):
    """How much is shown: groups in a level, folded names in a group, lines of values in a group."""

    groups: int
    names: int
    values: int


FULL = Detail(10**9, 10**9, 10**9)
_DETAILS = (Detail(40, 8, 60), Detail(20, 4, 20), Detail(8, 3, 6), Detail(4, 2, 3), Detail(2, 1, 1))


def text(plan: Plan, describe: Describe, paint: Paint = _PLAIN, *, full: bool = False) -> str:
    """The whole plan; the last line is the totals."""
    if not plan.anything:
        return paint("good", NOTHING)
    touched = sum(node.action is not Action.UNCHANGED for node in plan.nodes)
    details = (FULL,) if full or touched <= FEW else _DETAILS
    body: list[str] = []
    for detail in details:
        body = list(_levels(levels(plan.nodes, describe, detail.groups), detail, paint))
        if len(body) <= SCREEN - 6:
            break
    last = summary_line(plan.summary, len(plan.open))
    return "\n".join([*_legend(plan, paint), *body, *_open(plan, paint), "", paint("bold", last)])


def summary_line(summary: Summary, unknown: int = 0) -> str:
    """The totals; `unknown` nodes have more below, of which nobody knows here."""
    told = f"Plan: {summary.add} to add, {summary.change} to change, {summary.destroy} to destroy"
    return f"{told}; more may be below {counted(unknown, 'node')}." if unknown else f"{told}."


def _open(plan: Plan, paint: Paint) -> Iterator[str]:
    """The nodes whose initiators plan what is below them, and have not told; once for each reason."""
    by_reason: dict[str, list[str]] = {}
    for one in plan.open:
        by_reason.setdefault(one.why, []).append(one.path)
    if by_reason:
        yield ""
        yield paint("bold", "Planned by their own initiators:")
    for why, together in by_reason.items():
        for name in fold(together):
            words = f"cannot be planned now: {why}" if why else "planned there once its initiator runs"
            yield f"    ? below {name}: {words}"


def _legend(plan: Plan, paint: Paint) -> Iterator[str]:
    yield "Ramify will do the following:"
    summary = plan.summary
    replaced = any(node.action is Action.REPLACE for node in plan.nodes) if summary.change else False
    updated = any(node.action is Action.UPDATE for node in plan.nodes) if summary.change else False
    there = (bool(summary.add), updated, replaced, bool(summary.destroy))
    for (action, words), is_there in zip(_WORDS.items(), there, strict=True):
        if is_there:
            yield f"{paint(action.symbol, f'{action.symbol:>5}')} {words}"


def _levels(found: Iterable[Level], detail: Detail, paint: Paint) -> Iterator[str]:
    for level in found:
        if not level.groups:
            continue
        yield ""
        yield paint("bold", f"Level {level.depth}: {_counts(level)}")
        for group in level.groups[: detail.groups]:
            yield from _group(group, detail, paint)
        left = sum(len(group.nodes) for group in level.groups[detail.groups :])
        if left:
            yield f"    … and {counted(left, 'node')} more; `ramify plan PATH` shows a part, `-v` everything"


def _counts(level: Level) -> str:
    found = dict.fromkeys(_TO_DO, 0)
    for group in level.groups:
        found[group.first.action] += len(group.nodes)
    told = [f"{number:,} {_TO_DO[action]}" for action, number in found.items() if number]
    return ", ".join([*told, f"{level.unchanged:,} unchanged"] if level.unchanged else told)


def _group(group: Group, detail: Detail, paint: Paint) -> Iterator[str]:
    symbol = group.first.action.symbol
    names, left = shortened(fold(node.path for node in group.nodes), detail.names)
    for name in names:
        yield f"{paint(symbol, f'{symbol:>5}')} {name}"
    if left:
        yield f"      … and {left:,} more such paths"
    yield f"        {_what(group)}"
    lines = [line for change in group.changes for line in _change(change, paint)]
    hidden = len(lines) - detail.values
    yield from (f"          {line}" for line in (lines if hidden <= 1 else lines[: detail.values]))
    if hidden > 1:
        yield f"          … and {counted(hidden, 'line')} more"


def _change(change: ValueChange, paint: Paint) -> Iterator[str]:
    if change.differs:
        yield f"{paint('~', '~')} {change.what}: {change.differs:,} different changes"
    else:
        yield from change_lines(change.what, change.before, change.after, paint)


def _what(group: Group) -> str:
    first = group.first
    subject = _subject(group)
    reason = f" ({first.reason})" if len(group.nodes) == 1 and first.reason else _shared_reason(group)
    steps = f": {listed(list(first.steps))}" if first.steps else ""
    return f"{subject}{steps}{reason}"


def _subject(group: Group) -> str:
    first, many = group.first, len(group.nodes) > 1
    what = " of ".join(filter(None, (counted(len(group.nodes), "node") if many else "", group.component)))
    hosts = {node.host: None for node in group.nodes}
    place = f"on {fold_words(hosts, 2) or counted(len(hosts), 'host')}"
    above = "" if many else f", by {_initiator(first.initiator)}"
    return f"{what} {place}{above}".lstrip()


def _shared_reason(group: Group) -> str:
    reasons = {node.reason for node in group.nodes}
    reason = reasons.pop() if len(reasons) == 1 else "each moves from another host"
    return f" ({reason})" if reason else ""


def _initiator(path: str) -> str:
    return "the operator" if path == paths.ROOT else f"the initiator of {path}"
