"""Explanations as people read them: entries in order, and each value with all that was written about it."""

from collections.abc import Iterable, Iterator, Mapping

from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.value_view import quoted
from ramify.cli.words import shortened
from ramify.compile.explain import APPLIES, WINS, Explained, Explanation, Read
from ramify.compile.whynot import Judged, Verdict
from ramify.model.diagnostics import Origin
from ramify.model.profile import LATE

_PLAIN = Paint()
_WIDTH = 60
_INDENT = "  "


def text(made: Explanation, paint: Paint = _PLAIN) -> str:
    """A node, or what is left of it when a key was given."""
    head = paint("bold", made.path) + (f" on {made.host}" if made.host else "")
    blocks = [head]
    if made.entries:
        blocks.append("\n".join(["entries that take it", *_entries(made)]))
    blocks += ["\n".join(_value(one, paint)) for one in made.values]
    return "\n\n".join(blocks)


def _entries(made: Explanation) -> Iterator[str]:
    rows = [(use.list, str(use.origin), f'"{use.pattern}"', use.brings, use.outcome) for use in made.entries]
    yield from (_INDENT + line for line in table(rows))


def _value(one: Explained, paint: Paint) -> Iterator[str]:
    yield f"{paint('bold', one.key)} = {_shown(one)}"
    rows = [(said.outcome, str(said.origin), _short(said.text), said.by) for said in one.said]
    for said, line in zip(one.said, table(rows), strict=True):
        yield _INDENT + (line if said.outcome == WINS else paint("faint", line))
    for read in one.reads:
        place = f"  {read.origin}" if read.origin else ""
        value = _read(read)
        yield f"{_INDENT}reads {read.name} = {value}{place}"


def _read(read: Read) -> str:
    if read.text is None:
        return LATE if read.name.startswith("facts.") else "(no text)"
    return quoted(read.text)


def _shown(one: Explained) -> str:
    if one.problem:
        return f"(error: {one.problem})"
    if one.text is None:
        return LATE
    return one.text if one.key.startswith("vars.") else quoted(one.text)


def _short(text: str) -> str:
    return shortened(text, _WIDTH)


def verdicts(
    told: Iterable[Verdict], path: str, outcomes: Mapping[Origin, str], paint: Paint = _PLAIN
) -> str:
    """Of each entry whether it takes a path, and why not; or what became of what it brings."""
    return "\n\n".join("\n".join(_verdict(one, path, outcomes, paint)) for one in told)


def _verdict(one: Verdict, path: str, outcomes: Mapping[Origin, str], paint: Paint) -> Iterator[str]:
    what = f"{one.list} {one.origin} ({one.brings})" if one.list else f'"{one.patterns[0].pattern}"'
    does, kind = ("takes", "good") if one.takes else ("does not take", "warning")
    if not one.list:
        does = "matches" if one.takes else "does not match"
    outcome = outcomes.get(one.origin, APPLIES) if one.origin else APPLIES
    yield f"{what} {paint(kind, does)} {path}" + ("" if outcome in {WINS, APPLIES} else f", and is {outcome}")
    # What did not match does not matter to whom another pattern takes.
    shown = [judged for judged in one.patterns if judged.matches] if one.takes else one.patterns
    if one.list or not one.takes:
        yield from (_INDENT + _judged(judged, one) for judged in shown)


def _judged(judged: Judged, one: Verdict) -> str:
    place = f" ({judged.origin})" if judged.origin else ""
    name = f'"{judged.pattern}"{place}'
    if judged.matches:
        return f"{name} takes it away" if judged.negated else f"{name} matches"
    if judged.negated:
        return f"{name} does not take it away"
    return f"{name} does not match: {judged.reason}" if one.list else judged.reason
