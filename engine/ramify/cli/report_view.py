"""What a run came to: problems grouped by their message, failures last, then exact accounts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import indent

from msgspec import Struct

from ramify.cli.accounts import Counts, counts
from ramify.cli.alike import normalised
from ramify.cli.folding import fold, shortened
from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.words import counted
from ramify.model import paths
from ramify.model.record import NodeResult, Outcome

SHOWN = (Outcome.SKIPPED, Outcome.OFFLINE, Outcome.UNKNOWN, Outcome.FAILED)
SCREEN = 60
_PLAIN = Paint()


class Detail(Struct, frozen=True):
    """How much is shown: groups of an outcome, folded names in a group, lines of what a program printed."""

    groups: int
    names: int
    lines: int


_ALL = 10**9
FULL = Detail(_ALL, _ALL, _ALL)
_DETAILS = (Detail(8, 4, 12), Detail(6, 3, 6), Detail(4, 2, 4), Detail(2, 2, 2), Detail(1, 1, 1))


class Alike(Struct, frozen=True):
    """Results that say the same: `message` with `<node>` and the like where they differ."""

    outcome: Outcome
    message: str
    results: tuple[NodeResult, ...]


def text(
    results: Sequence[NodeResult],
    hosts: Mapping[str, str],
    paint: Paint = _PLAIN,
    *,
    full: bool = False,
    run: str = "Apply",
) -> str:
    """Problems, a table by level, and the totals in the last line; `hosts` tells the host of each path."""
    last = [*_table(results), "", last_line(counts(results), paint, run)]
    told = problems(results, hosts, paint, full=full, room=SCREEN - len(last) - 2)
    return "\n".join([*([told, ""] if told else []), *last])


def problems(
    results: Sequence[NodeResult],
    hosts: Mapping[str, str],
    paint: Paint = _PLAIN,
    *,
    full: bool = False,
    room: int = SCREEN,
) -> str:
    """What did not go well, failures last, in so many lines; empty when everything did."""
    grouped = {
        outcome: alike((result for result in results if result.outcome is outcome), hosts)
        for outcome in SHOWN
    }
    # What went well and was not what was planned comes first.
    otherwise = (result for result in results if result.outcome is Outcome.DONE and result.message)
    grouped = {Outcome.DONE: alike(otherwise, hosts), **grouped}
    told = ""
    for detail in (FULL,) if full else _DETAILS:
        parts = (_problems(groups, paint, detail) for groups in grouped.values() if groups)
        told = "\n\n".join("\n".join(lines) for lines in parts)
        if told.count("\n") < room:
            break
    return told


def last_line(found: Counts, paint: Paint = _PLAIN, run: str = "Apply") -> str:
    """The totals: what was planned is the sum of what follows."""
    well = not (found["failed"] or found["unknown"] or found["offline"] or found["skipped"])
    head = f"{run} complete!" if well else f"{run} incomplete."
    each = ", ".join(f"{number} {name}" for name, number in found.items())
    return f"{paint('good' if well else 'bad', head)} {counted(sum(found.values()), 'node')} planned: {each}."


def alike(results: Iterable[NodeResult], hosts: Mapping[str, str]) -> list[Alike]:
    """Results by outcome and message; the largest group last."""
    found: dict[tuple[Outcome, str], list[NodeResult]] = {}
    for result in results:
        found.setdefault((result.outcome, normalised(_general(result, hosts))), []).append(result)
    groups = [_alike(outcome, message, together, hosts) for (outcome, message), together in found.items()]
    return sorted(groups, key=lambda group: len(group.results))


def _alike(outcome: Outcome, message: str, together: list[NodeResult], hosts: Mapping[str, str]) -> Alike:
    """A group; of its message only that is left out of sight which differs in it."""
    for messages in ({one.message for one in together}, {_general(one, hosts) for one in together}):
        if len(messages) == 1:
            return Alike(outcome, messages.pop(), tuple(together))
    return Alike(outcome, message, tuple(together))


def _general(result: NodeResult, hosts: Mapping[str, str]) -> str:
    """A message without the names that differ from node to node."""
    if result.stale:  # it speaks of a run, or of a plan, and means what it names
        return result.message
    message, above, name = result.message, paths.parent(result.path), "<parent>"
    message = message.replace(result.path, "<node>")
    while above != paths.ROOT:
        message, above, name = message.replace(above, name), paths.parent(above), "<ancestor>"
    host = hosts.get(result.path, "")
    return message.replace(host, "<host>") if host else message


def _problems(groups: list[Alike], paint: Paint, detail: Detail) -> Iterator[str]:
    outcome = groups[0].outcome
    total = sum(len(group.results) for group in groups)
    words = "Done otherwise than planned" if outcome is Outcome.DONE else outcome.value.capitalize()
    paint_as = "warning" if outcome in {Outcome.DONE, Outcome.SKIPPED} else "bad"
    yield paint(paint_as, f"{words}: {counted(total, 'node')}")
    hidden = groups[: -detail.groups]
    if hidden:
        left = sum(len(group.results) for group in hidden)
        yield f"  … {counted(left, 'node')} for {counted(len(hidden), 'other reason')}; `-v` shows them"
    for group in groups[len(hidden) :]:
        yield from _group(group, detail)


def _group(group: Alike, detail: Detail) -> Iterator[str]:
    names, left = shortened(fold(result.path for result in group.results), detail.names)
    for name in names:
        yield f"  {name}"
    if left:
        yield f"  … and {counted(left, 'more node')}"
    yield indent(group.message or "no reason was told", " " * 6)
    example = next((result for result in group.results if result.detail), group.results[0])
    differs = example.message != group.message and group.outcome is not Outcome.SKIPPED
    if len(group.results) > 1 and (example.detail or differs):
        yield f"      for example {example.path}:" + (f" {example.message}" if differs else "")
    if example.detail:
        yield from _detail(example.detail, detail.lines)


def _detail(detail: str, most: int) -> Iterator[str]:
    lines = detail.strip("\n").splitlines()
    # The end of what a program printed says why it ended.
    shown = lines[-most:]
    if len(lines) > len(shown):
        yield f"        … {counted(len(lines) - len(shown), 'line')} before"
    yield indent("\n".join(shown), "        ", lambda _: True)


def _table(results: Sequence[NodeResult]) -> list[str]:
    by_level: dict[int, list[NodeResult]] = {}
    for result in results:
        by_level.setdefault(paths.depth(result.path), []).append(result)
    outcomes = [outcome.value for outcome in Outcome]
    rows = [
        [
            f"level {depth}",
            *(f"{number:,}" for number in counts(by_level[depth]).values()),
            f"{len(by_level[depth]):,}",
        ]
        for depth in sorted(by_level)
    ]
    return table(rows, ("", *outcomes, "planned"))
