"""Patterns: which paths an entry speaks of (HPL 2.2 and 5.3, with the readings A1 to A3 and A6).

Three kinds, each held against the whole path:

- `glob` (YAML): begins with a slash; `**` is any number of steps, none too.
- `paper` (XML): without a leading slash a `*` as first or last step is any number of steps (A1), so that
  `*/customer_x/*` matches `/a/customer_x`; with it `/**` and `/*` are exactly one step each (A3).
- `regex`: a Python regular expression.

Within a step `*` is any characters, `?` one, `[1-3]` a range of numbers.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import reduce

from msgspec import Struct

from ramify.model.diagnostics import Origin
from ramify.model.ranges import MAX_DIGITS, Item, parse_items

ANY = "**"
MAX_TEXT = 16384  # characters: a path has two thousand at most, a range may list numbers

_TOKEN = re.compile(r"\*+|\?|\[([^\[\]]*)\]|[^*?\[\]]+|[\[\]]")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+\Z")
_WORD = re.compile(r"(?:\[[^\[\]]*\]|[^/])+")  # the slash of `[0-10/2]` ends no step


class Kind(Enum):
    """How the text of a pattern is read."""

    GLOB = "glob"
    PAPER = "paper"
    REGEX = "regex"


class Pattern(Struct, frozen=True):
    """One pattern as written; `negated` takes paths away again (`!pattern`)."""

    text: str
    kind: Kind = Kind.GLOB
    negated: bool = False
    origin: Origin | None = None

    def __str__(self) -> str:
        return f"!{self.text}" if self.negated else self.text


def problem(pattern: Pattern) -> str | None:
    """What is wrong with a pattern, or None."""
    if len(pattern.text) > MAX_TEXT:
        return f'pattern "{pattern.text[:40]}..." has more than {MAX_TEXT:,} characters'
    if not pattern.text.strip("/"):
        return f'pattern "{pattern}" names no path'
    try:
        if pattern.kind is Kind.REGEX:
            _compile_regex(pattern.text)
            return None
        if pattern.kind is Kind.GLOB and not pattern.text.startswith("/"):
            return (
                f'pattern "{pattern.text}" does not begin with "/": write "/**/{pattern.text}" for any depth'
            )
        for step in steps(pattern):
            if step != ANY:
                _parts(step)
    except ValueError as error:
        return str(error)
    return None


def _compile_regex(text: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "possible nested set" and its like are read as they always were
        try:
            return re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f'"{text[:80]}" is not a regular expression: {error}') from error


def steps(pattern: Pattern) -> tuple[str, ...]:
    """The steps that a path is held against; `**` stands for any number of them."""
    words = tuple(_WORD.findall(pattern.text))
    if pattern.kind is Kind.GLOB:
        return words
    anchored = pattern.text.startswith("/")
    last = len(words) - 1
    return tuple(
        _paper_step(word, open_end=not anchored and at in {0, last}) for at, word in enumerate(words)
    )


def _paper_step(word: str, *, open_end: bool) -> str:
    if word not in {"*", ANY}:
        return word
    return ANY if open_end else "*"


class Step:
    """One step compiled: tells whether a name is one of the names that it stands for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.literal = _PLAIN.match(text) is not None
        self._parts = () if self.literal else _parts(text)

    def fits(self, name: str) -> bool:
        """Whether a name fits."""
        if self.literal:
            return name == self._text
        # Where in the name one can be after each part: no choice is made, so none can be wrong or slow.
        reached = {0}
        for part in self._parts:
            reached = {end for start in reached for end in _ends(part, name, start)}
        return len(name) in reached


Part = str | tuple[Item, ...]


def _parts(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    for token in _TOKEN.finditer(text):
        word = token[0]
        if token[1] is not None:
            parts.append(parse_items(token[1]))
        elif word in {"[", "]"}:
            raise ValueError(f'bracket without its partner in "{text}"')
        else:
            parts.append("*" if word.startswith("*") else word)
    return tuple(parts)


def _ends(part: Part, name: str, start: int) -> Iterable[int]:
    if part == "*":
        return range(start, len(name) + 1)
    if part == "?":
        return (start + 1,) if start < len(name) else ()
    if isinstance(part, str):
        return (start + len(part),) if name.startswith(part, start) else ()
    ends = range(start + 1, min(len(name), start + MAX_DIGITS) + 1)
    return [end for end in ends if any(name[start:end] in item for item in part)]


_Waiting = dict[str, list[tuple[int, int]]]  # where patterns wait for a step, by the step's text


class Matcher:
    """Many patterns, matched while walking down a tree.

    A state stands for what all patterns still expect; `advance(state, name)` is cached, so that a fleet of
    many nodes with few distinct names costs one dictionary look-up per node (a lazily built automaton).
    Regular expressions cannot be stepped and are held against the path by `matches`.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns: Sequence[Pattern] = tuple(patterns)
        self._steps = [() if p.kind is Kind.REGEX else steps(p) for p in self.patterns]
        self._regex = {
            at: _compile_regex(p.text) for at, p in enumerate(self.patterns) if p.kind is Kind.REGEX
        }
        self._compiled: dict[str, Step] = {}
        self._states: dict[frozenset[tuple[int, int]], int] = {}
        self._positions: list[frozenset[tuple[int, int]]] = []
        self._moves: dict[tuple[int, str], int] = {}
        self._waiting: dict[int, tuple[_Waiting, _Waiting]] = {}
        self._accepted: dict[int, frozenset[int]] = {}
        self.start = self._intern({(at, 0) for at in range(len(self.patterns)) if at not in self._regex})

    def advance(self, state: int, name: str) -> int:
        """The state one step further down."""
        key = (state, name)
        found = self._moves.get(key)
        if found is None:
            found = self._moves[key] = self._move(state, name)
        return found

    def accepted(self, state: int) -> frozenset[int]:
        """Indices of the stepped patterns that match where this state was reached."""
        found = self._accepted.get(state)
        if found is None:
            found = self._accepted[state] = frozenset(
                at for at, position in self._positions[state] if self._rest_is_open(at, position)
            )
        return found

    def matches(self, path: str, state: int | None = None) -> frozenset[int]:
        """Indices of all patterns that match a path; pass the state when it is known."""
        if state is None:
            state = reduce(self.advance, path.strip("/").split("/"), self.start)
        found = self.accepted(state)
        if not self._regex:
            return found
        return found | {at for at, expression in self._regex.items() if expression.fullmatch(path)}

    @property
    def has_regex(self) -> bool:
        """Whether `accepted` alone is not the whole answer."""
        return bool(self._regex)

    def _rest_is_open(self, at: int, position: int) -> bool:
        return all(step == ANY for step in self._steps[at][position:])

    def _intern(self, positions: set[tuple[int, int]]) -> int:
        closed = frozenset(self._closure(positions))
        if closed not in self._states:
            self._states[closed] = len(self._positions)
            self._positions.append(closed)
        return self._states[closed]

    def _closure(self, positions: set[tuple[int, int]]) -> set[tuple[int, int]]:
        # `**` may stand for nothing: whoever waits at one also waits behind it.
        reached = set(positions)
        for at, first in positions:
            position = first
            while position < len(self._steps[at]) and self._steps[at][position] == ANY:
                position += 1
                reached.add((at, position))
        return reached

    def _move(self, state: int, name: str) -> int:
        if state not in self._waiting:
            self._waiting[state] = self._sorted(state)
        plain, open_steps = self._waiting[state]
        after = {(at, position + 1) for at, position in plain.get(name, ())}
        for step, positions in open_steps.items():
            if step == ANY:
                after.update(positions)
            elif self._step(step).fits(name):
                after.update((at, position + 1) for at, position in positions)
        return self._intern(after)

    def _sorted(self, state: int) -> tuple[_Waiting, _Waiting]:
        # Thousands of entries may name one node each: plain names are looked up, each other step tried once.
        sorts: tuple[_Waiting, _Waiting] = ({}, {})
        for at, position in sorted(self._positions[state]):
            if position < len(self._steps[at]):
                step = self._steps[at][position]
                sort = sorts[0 if self._step(step).literal else 1]
                sort.setdefault(step, []).append((at, position))
        return sorts

    def _step(self, text: str) -> Step:
        if text not in self._compiled:
            self._compiled[text] = Step(text)
        return self._compiled[text]


def selected(patterns: Sequence[Pattern], matched: frozenset[int]) -> bool:
    """Whether a list with `!patterns` takes a path: some plain pattern matches and no negated one does."""
    plain = any(at in matched for at, pattern in enumerate(patterns) if not pattern.negated)
    return plain and not any(at in matched for at, pattern in enumerate(patterns) if pattern.negated)
