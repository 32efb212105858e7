"""A plan as people read it: level by level, the same change once, on one screen however large the fleet."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ramify.cli import held_view
from ramify.cli.folding import fold, fold_words, shortened
from ramify.cli.goal_words import WORDS
from ramify.cli.paint import Paint
from ramify.cli.plan_groups import Describe, Group, Level, ValueChange, levels
from ramify.cli.value_view import change_lines, places
from ramify.cli.words import counted, listed
from ramify.compile.certainty import INTERRUPTED
from ramify.compile.changes import with_values
from ramify.compile.fleet import Fleet
from ramify.model import paths
from ramify.model.plan import Action, Goal, Mark, Plan
from ramify.stub.tables import UNINSTALL

SCREEN = 60
MOST_INITIATORS = 2
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
    """How much is shown: groups in a level, names and lines of values in a group, lines of a whole file."""

    groups: int
    names: int
    values: int
    lines: int


_MORE = "`ramify plan PATH` shows a part, `-v` everything"
_ALL = 10**9
FULL = Detail(_ALL, _ALL, _ALL, _ALL)
_ENOUGH = Detail(_ALL, _ALL, _ALL, 10)
_DETAILS = (
    Detail(40, 8, 60, 10), Detail(20, 4, 20, 5), Detail(8, 3, 6, 3), Detail(4, 2, 3, 1), Detail(2, 1, 1, 1),
    Detail(1, 1, 0, 0), Detail(0, 0, 0, 0),
)  # fmt: skip


def detailed(fleet: Fleet, plan: Plan, *, full: bool = False) -> Plan:
    """The plan with all that is to be shown of it: the values of new nodes where these are few."""
    return with_values(fleet, plan) if full or _touched(plan) <= FEW else plan


def _touched(plan: Plan) -> int:
    return sum(node.action.acts for node in plan.nodes)


def text(plan: Plan, describe: Describe, paint: Paint = _PLAIN, *, full: bool = False, how: str = "") -> str:
    """The whole plan, and how it is rolled out; the last line is the totals."""
    held = list(held_view.lines(plan.nodes, paint))
    if not plan.anything:
        other = (plan.held and plan.goal != "apply") or any(node.drift for node in plan.nodes)
        reached = "" if other else f" {WORDS[plan.goal].reached}"
        return "\n".join([paint("good", f"No changes.{reached}"), *held])
    details = (FULL,) if full else (_ENOUGH,) if _touched(plan) <= FEW else _DETAILS
    head, body = list(_legend(plan, paint)), list[str]()
    last = paint("bold", summary_line(plan))
    tail = [*held, *_open(plan, paint), *(("", *how.splitlines()) if how else ()), "", last]
    for detail in details:
        body = list(_levels(levels(plan.nodes, describe, detail.groups), plan.goal, detail, paint))
        if len(head) + len(body) + len(tail) <= SCREEN:
            break
    return "\n".join([*head, *(body if not body or not body[0] else ["", *body]), *tail])


def summary_line(plan: Plan) -> str:
    """The totals; more may be below nodes of which nobody knows here."""
    summary, unknown = plan.summary, len(plan.open)
    if plan.goal == "apply":
        told = f"Plan: {summary.add} to add, {summary.change} to change, {summary.destroy} to destroy"
    else:
        told = f"Plan: {summary.change + summary.destroy} to {WORDS[plan.goal].does}"
    told += f", {plan.held} held" if plan.held else ""
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
    changed = [node for node in plan.nodes if node.action.acts]
    there = {(id(node.action), bool(node.conditional)) for node in changed}
    for action, words in _words(plan.goal).items():
        if (id(action), False) in there:
            yield f"{_sign(action.symbol, paint)} {words}"
        if (id(action), True) in there:
            yield f"{_sign(f'?{action.symbol}', paint)} {words}, as what is found on the host decides"
    if plan.goal == "uninstall":
        yield "      Their data, logs and earlier releases are lost; the next apply deploys them anew."
    if any(node.opaque for node in changed):
        yield f"{_sign('!', paint)} runs a program of the component: nobody knows what that does"


def _sign(symbol: str, paint: Paint) -> str:
    return paint(symbol.removeprefix("?"), f"{symbol:>5}")


def _words(goal: Goal) -> dict[Action, str]:
    if goal == "apply":
        return _WORDS
    return {Action.DESTROY if goal == "uninstall" else Action.UPDATE: WORDS[goal].does}


def _levels(found: Iterable[Level], goal: Goal, detail: Detail, paint: Paint) -> Iterator[str]:
    for level in found:
        if not level.groups:
            continue
        if detail.groups:
            yield ""
        yield paint("bold", f"Level {level.depth}: {_counts(level, goal)}")
        for group in level.groups[: detail.groups]:
            yield from _group(group, detail, paint)
        left = sum(len(group.nodes) for group in level.groups[detail.groups :])
        if left and detail.groups:
            yield f"    … and {counted(left, 'node')} more; {_MORE}"
    if not detail.groups:
        yield f"    {_MORE}"


def _counts(level: Level, goal: Goal) -> str:
    if goal != "apply":
        return f"{sum(len(group.nodes) for group in level.groups):,} to {WORDS[goal].does}"
    found = dict.fromkeys(_TO_DO, 0)
    for group in level.groups:
        found[group.first.action] += len(group.nodes)
    told = [f"{number:,} {_TO_DO[action]}" for action, number in found.items() if number]
    return ", ".join([*told, f"{level.unchanged:,} unchanged"] if level.unchanged else told)


def _group(group: Group, detail: Detail, paint: Paint) -> Iterator[str]:
    symbol = f"?{group.first.action.symbol}" if group.first.conditional else group.first.action.symbol
    names, left = shortened(fold(node.path for node in group.nodes), detail.names)
    for name in names:
        yield f"{_sign(symbol, paint)} {name}"
    if left:
        yield f"      … and {left:,} more such paths"
    yield f"        {_what(group)}"
    yield f"        {_where(group)}"
    lines = [line for change in group.changes for line in _change(change, paint, detail)]
    hidden = len(lines) - detail.values
    yield from (f"          {line}" for line in (lines if hidden <= 1 else lines[: detail.values]))
    if hidden > 1:
        yield f"          … and {counted(hidden, 'line')} more"


def _change(change: ValueChange, paint: Paint, detail: Detail) -> Iterator[str]:
    if change.differs:
        place = places(change.origins, paint)
        sign, noun = ("+", "values") if change.new else ("~", "changes")
        yield f"{paint(sign, sign)} {change.what}: {change.differs:,} different {noun}{place}"
        return
    yield from change_lines(change.what, change.before, change.after, paint, change.origins, detail.lines)


def _what(group: Group) -> str:
    """What is done, and why: `4 nodes of acme.probe: shutdown, configure and start`."""
    first, number = group.first, len(group.nodes)
    steps = [f"!{step}" if first.mark(step) is Mark.OPAQUE else step for step in first.steps]
    # What is found decides on the steps: that says why as well.
    why = "" if first.conditional == INTERRUPTED else _reason(group)
    # On the host that it leaves: no step of its own.
    leaving = "its !uninstall runs there" if first.previous_host and UNINSTALL in first.opaque else ""
    reason = "; ".join(filter(None, (why, leaving, first.conditional)))
    subject = " of ".join(filter(None, (counted(number, "node") if number > 1 else "", group.component)))
    told = ": ".join(filter(None, (subject, listed(steps))))
    return f"{told}{f' ({reason})' if reason else ''}".lstrip()


def _where(group: Group) -> str:
    """Where, and by whom: `on leaf[1-4], by the initiators of /region1/zone[1-2]`."""
    hosts = {node.host: None for node in group.nodes}
    above = dict.fromkeys(node.initiator for node in group.nodes)
    return f"on {fold_words(hosts, 2) or counted(len(hosts), 'host')}, by {_initiators(above)}"


def _reason(group: Group) -> str:
    reasons = {node.reason for node in group.nodes}
    if len(reasons) == 1:
        return reasons.pop()
    return "; ".join(filter(None, ("each moves from another host", group.first.reason.partition("; ")[2])))


def _initiators(above: dict[str, None]) -> str:
    """Who acts: the initiators by name, if that is few words."""
    if paths.ROOT in above:
        return "the operator"
    names = fold(above)
    noun = "the initiator of" if len(above) == 1 else "the initiators of"
    return (
        f"{noun} {' and '.join(names)}" if len(names) <= MOST_INITIATORS else counted(len(above), "initiator")
    )
