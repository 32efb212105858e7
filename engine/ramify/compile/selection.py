"""Selection: the nodes that path expressions take, decided for each path by its own steps.

So every initiator finds for its own part what the operator found for all.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, count, groupby

from ramify.compile import searching
from ramify.model import expressions, paths
from ramify.model.diagnostics import Diagnostics
from ramify.model.expressions import ADD, ALONE, SUBTRACT, Term
from ramify.model.patterns import Matcher

FULL = "/"
MAX_HINTS = 10
"""Of more wrong paths the closest names are not looked for: that takes long, and the list itself is wrong."""

_WAY_OUT = '"!" takes away a node with all below it; "/." behind a path stands for its node alone.'

# Terms by their numbers that are one operand together, or steps that are one, as if in brackets.
_Group = frozenset[int]
_Step = tuple[str, "_Group | tuple[_Step, ...]"]
_Steps = tuple[_Step, ...]
_Unit = tuple[str, "range | _Steps"]  # not joined yet: terms that add, by their numbers
_NONE: _Group = frozenset()


def select(texts: Sequence[str], known: Iterable[str]) -> tuple[frozenset[str] | None, Diagnostics]:
    """The known paths that expressions select, each with its whole subtree; None when nothing limits.

    Each expression is read by itself, then joined to what those before it select: added, or as the operator
    says that it begins with. Where nothing is before such a one, it starts from all nodes. A path that takes
    no node is an error, and so is an empty selection: it is never "all".
    """
    diagnostics = Diagnostics()
    if not texts or list(texts) == [FULL]:
        return None, diagnostics
    parsed = [_parsed(text) for text in texts]
    readable = [terms for terms in parsed if not isinstance(terms, str)]
    all_paths = tuple(known)
    found, hit = _evaluated([term for terms in readable for term in terms], _steps(readable), all_paths)
    _tell(parsed, hit, all_paths, diagnostics)
    if not found and not diagnostics.failed:
        diagnostics.error("empty-selection", f'"{" ".join(texts)}" leaves no node', _WAY_OUT)
    return frozenset(found if len(readable) == len(parsed) else ()), diagnostics


def _parsed(text: str) -> tuple[Term, ...] | str:
    """The terms of an expression, or what is wrong with it."""
    try:
        terms = expressions.parse(text)
    except ValueError as error:
        return str(error)
    return next((wrong for term in terms if not term.plain and (wrong := term.problem)), terms)


def _tell(
    parsed: Iterable[tuple[Term, ...] | str], hit: set[int], known: Sequence[str], diagnostics: Diagnostics
) -> None:
    """Tell what cannot be read and what takes no node, in the order of the expressions."""
    numbers = count()
    children: searching.Children | None = None
    for terms in parsed:
        if isinstance(terms, str):
            diagnostics.error("bad-selection", terms, 'Paths look like "/region1/zone[1-3]".')
            continue
        for term in [term for term in terms if next(numbers) not in hit]:
            children = children or searching.children(known)
            hint = searching.meant(children, term.named) if len(diagnostics) < MAX_HINTS else ""
            diagnostics.error("no-such-path", f'"{term.text}" selects no node', hint)


def _steps(parsed: Iterable[tuple[Term, ...]]) -> _Steps:
    """Expressions as steps from left to right, each by itself first."""
    units: list[_Unit] = []
    end = 0
    for terms in parsed:
        first, end = end, end + len(terms)
        listed = all(term.operator == ADD for term in terms[1:])
        units.append((terms[0].operator, range(first, end) if listed else _own_steps(terms, first)))
    return _joined(units)


def _own_steps(terms: tuple[Term, ...], first: int) -> _Steps:
    operators = (ADD, *(term.operator for term in terms[1:]))
    return _joined((sign, range(at, at + 1)) for at, sign in enumerate(operators, first))


def _joined(units: Iterable[_Unit]) -> _Steps:
    """Steps, with those in one that add, or take away, one after the other: lists may be long."""
    steps: list[_Step] = []
    for (operator, listed), run in groupby(units, lambda unit: (unit[0], isinstance(unit[1], range))):
        parts = [part for _, part in run]
        if listed and operator in {ADD, SUBTRACT}:
            steps.append(
                (operator, frozenset(chain.from_iterable(part for part in parts if isinstance(part, range))))
            )
        else:
            steps += [(operator, frozenset(part) if isinstance(part, range) else part) for part in parts]
    return tuple(steps)


def _evaluated(terms: Sequence[Term], steps: _Steps, known: Iterable[str]) -> tuple[set[str], set[int]]:
    """The paths that steps select, and the terms that take any node."""
    takers = _Takers(terms)
    verdicts: dict[_Group, bool] = {}
    found: set[str] = set()
    for path in known:
        taking = takers.of(path)
        inside = verdicts.get(taking)
        if inside is None:
            inside = verdicts[taking] = _inside(steps, taking)
        if inside:
            found.add(path)
    return found, {number for taking in verdicts for number in taking}


class _Takers:
    """Which terms take a path, told from what takes its parent.

    Plain paths are looked up and patterns matched: a list of paths may be as long as the fleet.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self._plain: dict[str, _Group] = {}
        self._alone: dict[str, _Group] = {}
        matched: list[int] = []
        for number, term in enumerate(terms):
            if not term.plain:
                matched.append(number)
                continue
            group = self._alone if term.alone else self._plain
            group[term.path] = group.get(term.path, _NONE) | {number}
        self._matched = matched
        self._matcher = Matcher(terms[number].taken for number in matched)
        self._accepted: dict[int, _Group] = {}
        self._at: dict[str, tuple[int, _Group]] = {"": (self._matcher.start, _NONE)}

    def of(self, path: str) -> _Group:
        """The numbers of the terms that take a path."""
        state, plain = self._standing(path)
        accepted = self._accepted.get(state)
        if accepted is None:
            numbers = (self._matched[at] for at in self._matcher.accepted(state))
            accepted = self._accepted[state] = frozenset(numbers)
        return accepted | plain | self._alone.get(path, _NONE)

    def _standing(self, path: str) -> tuple[int, _Group]:
        found = self._at.get(path)
        if found is None:
            above, _, name = path.rpartition("/")
            state, plain = self._standing(above)
            own = self._plain.get(path, _NONE)
            found = self._at[path] = (self._matcher.advance(state, name), plain | own if own else plain)
        return found


def _inside(operand: _Group | _Steps, taking: _Group) -> bool:
    """Whether an operand takes a path that these terms take."""
    if isinstance(operand, frozenset):
        return not operand.isdisjoint(taking)
    inside = bool(operand) and operand[0][0] != ADD  # with nothing before it, an operator starts from all
    for operator, part in operand:
        inside = expressions.apply(operator, before=inside, hit=_inside(part, taking))
    return inside


def tops(selected: Iterable[str], known: Sequence[str]) -> list[str]:
    """The fewest paths that select just these of the known nodes, in their order.

    A node whose subtree is not selected as a whole stands there alone, as `PATH/.`.
    """
    chosen = frozenset(selected)
    split = _split(chosen, known)
    above = (paths.parent(path) for path in known)
    return [
        _alone(path, split)
        for path, parent in zip(known, above, strict=True)
        if path in chosen and (path in split or parent in split or parent not in chosen)
    ]


def each(selected: Iterable[str], known: Sequence[str]) -> list[str]:
    """All these of the known nodes, in their order, in words that select just these."""
    chosen = frozenset(selected)
    split = _split(chosen, known)
    return [_alone(path, split) for path in known if path in chosen]


def _alone(path: str, split: set[str]) -> str:
    return f"{path}{ALONE}" if path in split else path


def _split(chosen: frozenset[str], known: Iterable[str]) -> set[str]:
    """The paths with something below them that is not chosen."""
    split: set[str] = set()
    for path in known:
        above = paths.parent(path)
        while path not in chosen and above not in split and above != paths.ROOT:
            split.add(above)
            above = paths.parent(above)
    return split
