"""Why a pattern does not match a path: the step at which it fails, in words."""

import re

from ramify.model import patterns
from ramify.model.patterns import ANY, Kind, Pattern, Step


class Progress:
    """How far a pattern has come on its way down a path: the steps that it waits at."""

    def __init__(self, steps: tuple[str, ...], waiting: frozenset[int] | None = None) -> None:
        self.steps = steps
        self.waiting = _open(steps, frozenset({0})) if waiting is None else waiting

    def after(self, name: str) -> "Progress":
        """The same one step further down; it waits nowhere once nothing fits."""
        reached = set()
        for at in self.waiting:
            if at < len(self.steps) and self.steps[at] == ANY:
                reached.add(at)
            elif at < len(self.steps) and Step(self.steps[at]).fits(name):
                reached.add(at + 1)
        return Progress(self.steps, _open(self.steps, frozenset(reached)))

    @property
    def matches(self) -> bool:
        """Whether the pattern may end here."""
        return len(self.steps) in self.waiting

    @property
    def expected(self) -> list[str]:
        """The steps that may come next, as the pattern has them."""
        return [self.steps[at] for at in sorted(self.waiting) if at < len(self.steps)]


def _open(steps: tuple[str, ...], waiting: frozenset[int]) -> frozenset[int]:
    """`**` may stand for nothing: whoever waits at one waits behind it too."""
    reached = set(waiting)
    for first in waiting:
        at = first
        while at < len(steps) and steps[at] == ANY:
            at += 1
            reached.add(at)
    return frozenset(reached)


def reason(pattern: Pattern, path: str) -> str:
    """Why a pattern does not match a path; empty when it does."""
    if pattern.kind is Kind.REGEX:
        return _regex_reason(pattern.text, path)
    names = path.strip("/").split("/")
    steps = patterns.steps(pattern)
    progress = Progress(steps)
    for at, name in enumerate(names):
        further = progress.after(name)
        if not further.waiting:
            return _stuck(pattern, progress, names, at) + _hint(pattern, path)
        progress = further
    return "" if progress.matches else _left(progress, names) + _hint(pattern, path)


def _regex_reason(text: str, path: str) -> str:
    expression = re.compile(text)
    if expression.fullmatch(path):
        return ""
    part = expression.search(path)
    if part is None:
        return "the expression fits no part of the path"
    return f'the expression fits "{part[0]}" only: it is held against the whole path, so add `.*`'


def _stuck(pattern: Pattern, progress: Progress, names: list[str], at: int) -> str:
    expected = progress.expected
    if not expected:
        above = "/".join(names[:at])
        more = "; `/**` at its end takes what lies below too" if pattern.kind is Kind.GLOB else ""
        return f'it ends at "/{above}", and "{names[at]}" lies below{more}'
    number = max(n for n in progress.waiting if n < len(progress.steps)) + 1
    words = " or ".join(f'"{step}"' for step in expected)
    return f'step {number}, {words}, does not fit "{names[at]}"'


def _left(progress: Progress, names: list[str]) -> str:
    last = progress.steps[-1]
    if ANY in progress.expected and last != ANY and not Step(last).fits(names[-1]):
        return f'its last step, "{last}", does not fit "{names[-1]}"'
    missing = [step for step in progress.steps[max(progress.waiting) :] if step != ANY]
    return f'the path ends before "{"/".join(missing)}"'


def _hint(pattern: Pattern, path: str) -> str:
    """Patterns in XML are the papers': those who know globs expect another thing of them."""
    if pattern.kind is not Kind.PAPER or not pattern.text.startswith("/"):
        return ""
    if reason(Pattern(pattern.text, Kind.GLOB), path):
        return ""
    return (
        '; in XML "/**" and "/*" are exactly one step each, and "*" as first or last step '
        'of a pattern without a leading "/" is any number'
    )
