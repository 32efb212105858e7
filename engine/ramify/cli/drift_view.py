"""Nodes that are not as they shall be, seen from three sides: the hierarchy, the records, and their hosts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ramify.cli.folding import fold, fold_words, natural, shortened
from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.value_view import EVERYTHING, change_lines
from ramify.cli.words import counted
from ramify.compile.drifting import on_drift
from ramify.compile.fleet import Fleet
from ramify.model.drift import Drift, OnDrift
from ramify.model.plan import NodePlan
from ramify.model.record import NodeRecord
from ramify.stub.tables import ACTIVE, INSTALLED

SCREEN = 60
_DETAILS = ((12, 14), (8, 6), (5, 4), (3, 2))
"""So many groups, and lines of each file, until it fits a screen."""
_DIGEST = 12
_NOTHING = "nothing"
_PLAIN = Paint()
_SAYS: dict[OnDrift, str] = {
    "fix": "apply puts it right",
    "report": "apply leaves it alone: on_drift is report",
    "stop": "apply stops here: on_drift is stop",
}
Records = Mapping[str, NodeRecord]


class Side(Struct, frozen=True):
    """A node as one side has it; nothing in any field where there is no such node."""

    host: str = ""
    environment: str = ""
    service: str = ""
    release: str = ""
    digest: str = ""


class NodeDrift(Struct, frozen=True):
    """A node on which the sides do not agree; `found` is null where nobody has looked just now.

    `on_drift` is what an apply does about changed files; null for nodes that are in no hierarchy here.
    """

    path: str
    host: str
    on_drift: OnDrift | None
    spec: Side
    recorded: Side
    found: Side | None
    drift: tuple[Drift, ...]


def drifts(
    fleet: Fleet, planned: Iterable[NodePlan], before: Records, after: Records | None
) -> tuple[NodeDrift, ...]:
    """The nodes that differ; `after` are the records that a look has put right, if somebody looked."""
    made = (_node(fleet, node, before, after) for node in planned)
    return tuple(one for one in made if one is not None)


def _node(fleet: Fleet, node: NodePlan, before: Records, after: Records | None) -> NodeDrift | None:
    known = fleet.by_path.get(node.path)
    recorded = before.get(node.path)
    last = recorded if after is None else after.get(node.path)
    held = last.held if last else ""
    one = NodeDrift(
        path=node.path,
        host=last.host if last else node.host,
        on_drift=on_drift(fleet, known) if known else None,
        spec=_spec(fleet, node, last if held else None) if known else Side(),
        recorded=_recorded(recorded),
        found=None if after is None else _recorded(last),
        drift=last.drift if last else (),
    )
    return one if one.drift or list(_rows(one)) else None


def _spec(fleet: Fleet, node: NodePlan, held: NodeRecord | None) -> Side:
    """As it shall be; what was stopped or paused on purpose shall be so, and any release will do."""
    service = held.service if held else ACTIVE
    return Side(node.host, INSTALLED, service, "", fleet.digests[node.path].node[:_DIGEST])


def _recorded(record: NodeRecord | None) -> Side:
    if record is None or not record.exists:
        return Side()
    release = str(record.release)
    return Side(record.host, record.environment, record.service, release, record.digest[:_DIGEST])


def _rows(one: NodeDrift) -> Iterator[tuple[str, ...]]:
    for name in Side.__struct_fields__:
        wished, recorded = getattr(one.spec, name), getattr(one.recorded, name)
        found = recorded if one.found is None else getattr(one.found, name)
        wished = recorded if name == "release" else wished
        if len({wished, recorded, found}) > 1:
            cells = (wished, recorded) if one.found is None else (wished, recorded, found)
            yield (name, *(cell or _NOTHING for cell in cells))


def text(found: Sequence[NodeDrift], looked: int, paint: Paint = _PLAIN, *, full: bool = False) -> str:
    """What is alike once, with the nodes that have it; the last line is the totals."""
    lines: list[str] = []
    for most, lines_each in ((EVERYTHING, EVERYTHING),) if full else _DETAILS:
        lines = list(_groups(found, most, lines_each, paint))
        if len(lines) + 2 < SCREEN:
            break
    return "\n".join([*lines, *_hint(found), last_line(found, looked, paint)])


def _hint(found: Iterable[NodeDrift]) -> Iterator[str]:
    """Whoever does not know why code drifts that nobody has edited learns it here."""
    names = (drift.name for one in found for drift in one.drift if drift.how == "edited")
    if any(name.startswith("code/") for name in names):
        yield "A service that writes to files of its own code drifts again and again: {data} is its own."
        yield ""


def _groups(found: Sequence[NodeDrift], most: int, lines_each: int, paint: Paint) -> Iterator[str]:
    alike: dict[tuple[str, ...], list[NodeDrift]] = {}
    for one in sorted(found, key=lambda one: natural(one.path)):
        alike.setdefault(tuple(_body(one, paint, lines_each)), []).append(one)
    groups = sorted(alike.items(), key=lambda group: -len(group[1]))
    for body, together in groups[:most]:
        yield from _head(together, paint)
        yield from body
        yield ""
    more = sum(len(together) for _, together in groups[most:])
    if more:
        yield f"… and {counted(more, 'node')} more; `-v` shows them"
        yield ""


def last_line(found: Sequence[NodeDrift], looked: int, paint: Paint = _PLAIN) -> str:
    """How many nodes there are, how many have changed files, and how many stand otherwise than they shall."""
    edited = sum(bool(one.drift) for one in found)
    others = sum(not one.drift for one in found)
    told = (
        f"Drift: {counted(looked, 'node')}, {edited:,} with changed files, {others:,} otherwise than wished."
    )
    return paint("warning" if found else "good", told)


def _head(together: Sequence[NodeDrift], paint: Paint) -> Iterator[str]:
    names, left = shortened(fold(one.path for one in together), 4)
    hosts = dict.fromkeys(one.host for one in together if one.host)
    place = fold_words(hosts, 2) or counted(len(hosts), "host")
    said = together[0].on_drift
    says = f": {_SAYS[said]}" if said and together[0].drift else ""
    for name in names[:-1]:
        yield paint("bold", name)
    yield f"{paint('bold', names[-1])} on {place}{says}"
    if left:
        yield f"… and {left:,} more such paths"


def _body(one: NodeDrift, paint: Paint, most: int) -> Iterator[str]:
    rows = list(_rows(one))
    if rows:
        heading = ("", "SPEC", "RECORDED") if one.found is None else ("", "SPEC", "RECORDED", "FOUND")
        yield from (f"    {line}" for line in table(rows, heading))
    for drift in one.drift:
        lines = list(_file(drift, paint))
        shown = lines if len(lines) <= most + 1 else lines[:most]
        yield from (f"    {line}" for line in shown)
        if len(shown) < len(lines):
            yield f"      … {counted(len(lines) - len(shown), 'line')} more; `-v` shows them"


def _file(drift: Drift, paint: Paint) -> Iterator[str]:
    """What was done to a file: from what was put there to what is there."""
    yield f"{paint('~', '~')} {drift.words}"
    if drift.how == "edited" and drift.expected_text is not None and drift.actual_text is not None:
        lines = change_lines("", drift.expected_text, drift.actual_text, paint, (), EVERYTHING)
        yield from _indented(list(lines))
    elif drift.how == "edited":
        expected, actual = drift.expected[:_DIGEST] or "none", drift.actual[:_DIGEST] or "no file"
        yield f"    expected {expected}, found {actual}"
    elif drift.how == "mode":
        yield f"    expected {drift.expected}"


def _indented(lines: list[str]) -> Iterator[str]:
    """A difference of lines without its heading; one value on one line as it is."""
    if len(lines) == 1:
        yield f"    {lines[0].partition(': ')[2]}"
    else:
        yield from lines[1:]
