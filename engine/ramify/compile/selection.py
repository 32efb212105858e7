"""Path expressions of the command line: patterns that select nodes and all below them."""

from collections.abc import Iterable, Sequence

from ramify.model import patterns
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.patterns import Kind, Matcher, Pattern

FULL = "/"
MANY = 5000
"""Above it, looking for the closest path takes longer than reading the hint."""


def select(texts: Sequence[str], known: Iterable[str]) -> tuple[frozenset[str] | None, Diagnostics]:
    """The known paths that expressions select, each with its whole subtree; None when nothing limits.

    An expression that selects nothing is an error, never "all".
    """
    diagnostics = Diagnostics()
    if not texts or list(texts) == [FULL]:
        return None, diagnostics
    all_paths = tuple(known)
    found: set[str] = set()
    for text in texts:
        found |= _one(text, all_paths, diagnostics)
    return frozenset(found), diagnostics


def _one(text: str, known: tuple[str, ...], diagnostics: Diagnostics) -> set[str]:
    if text == FULL:
        return set(known)
    pattern = Pattern(text.rstrip("/"), Kind.GLOB)
    wrong = patterns.problem(pattern) if text.strip() else "a path cannot be empty"
    if wrong is not None:
        diagnostics.error("bad-selection", wrong, 'Paths look like "/region1/zone[1-3]".')
        return set()
    matcher = Matcher((pattern, Pattern(f"{pattern.text}/**", Kind.GLOB)))
    found = {path for path in known if matcher.matches(path)}
    if not found:
        hint = did_you_mean(text, known) if len(known) < MANY else ""
        diagnostics.error(
            "no-such-path", f'"{text}" selects no node', f"{hint} `ramify tree` lists the paths.".strip()
        )
    return found
