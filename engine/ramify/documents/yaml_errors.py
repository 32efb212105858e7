"""What the YAML parser stumbles over, in words for people."""

import re

import yaml

from ramify.documents.text import Places, tell_conflict
from ramify.model.diagnostics import Diagnostics, Origin

_UNPRINTABLE = r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_HINTS = (
    (r"TAB", "Indent with spaces: YAML does not allow tabs there."),
    (r"mapping values are not allowed", 'A text with ": " in it must stand in quotes.'),
    (r"cannot start any token", "A text that begins with @, `, % or a quote must stand in quotes."),
    (
        r"expected <block end>|could not find expected ':'",
        "Look at the indentation of this line and the one above.",
    ),
    (
        r"while parsing a flow|expected ',' or",
        "A bracket or brace is not closed, a comma is missing, or a name with a range lacks its quotes.",
    ),
)


def tell_unprintable(text: str, file: str, found: Diagnostics) -> None:
    """Tell a character that the reader refused."""
    bad = re.search(_UNPRINTABLE, text)  # compiled here only: it takes milliseconds
    place, sign = (bad.start(), f"U+{ord(bad[0]):04X}") if bad else (0, "")
    summary = f"character {sign} may not stand in YAML"
    found.error("syntax", summary, "Remove it.", Places(file, text).origin(place))


def tell_syntax(error: yaml.YAMLError, text: str, file: str, found: Diagnostics) -> None:
    """Tell where the parser gave up, and what people mostly meant there."""
    if tell_conflict(text, file, found):
        return
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    lines = text.split("\n")
    place = Origin(file, mark.line + 1, mark.column + 1) if mark else Origin(file, 1, 1)
    if place.line > len(lines):  # the parser counts a line that has not begun
        place = Origin(file, len(lines), len(lines[-1]) + 1)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    told = f"{getattr(error, 'context', None) or ''} {problem}"
    if lines[place.line - 1][place.column - 1 : place.column] == "\t":
        told = "TAB"
    hint = next((hint for expression, hint in _HINTS if re.search(expression, told)), "")
    found.error("syntax", f"cannot read YAML: {problem}", hint, place)
