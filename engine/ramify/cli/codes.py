"""What the codes of diagnostics mean, from the page that explains them: one truth for people and tools."""

import re
from pathlib import Path

from msgspec import Struct

import ramify

_ROW = re.compile(r"^\| `([a-z-]+)` \| [EW] \| (.+?) \| (.+?) \|$", re.MULTILINE)


class Code(Struct, frozen=True):
    """A row of the page."""

    meaning: str
    way_out: str


def page() -> Path:
    """docs/errors.md: inside the package, or beside the sources of a checkout."""
    package = Path(ramify.__file__).parent
    inside = package / "docs" / "errors.md"
    return inside if inside.is_file() else package.parent.parent / "docs" / "errors.md"


def known() -> dict[str, Code]:
    """All codes that the page explains; none where the page is not there."""
    try:
        text = page().read_text(encoding="utf-8")
    except OSError:
        return {}
    return {row[1]: Code(row[2], row[3]) for row in _ROW.finditer(text)}
