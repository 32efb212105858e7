"""Colours: a few words for what a colour says, and nothing at all where nobody would see it."""

from collections.abc import Mapping

_RESET = "\x1b[0m"
_CODES = {
    "+": "\x1b[32m",
    "~": "\x1b[33m",
    "-/+": "\x1b[33m",
    "-": "\x1b[31m",
    "||": "\x1b[33m",
    "good": "\x1b[32m",
    "bad": "\x1b[1;31m",
    "warning": "\x1b[33m",
    "bold": "\x1b[1m",
    "faint": "\x1b[2m",
}


class Paint:
    """Colours text, or leaves it as it is."""

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled

    def __call__(self, kind: str, text: str) -> str:
        """Text in the colour of a kind: a symbol of a plan, `good`, `bad`, `warning`, `bold` or `faint`."""
        code = _CODES.get(kind, "") if self.enabled and text else ""
        return f"{code}{text}{_RESET}" if code else text


def wanted(environ: Mapping[str, str], *, terminal: bool, refused: bool) -> bool:
    """Whether a stream gets colours (no-color.org, and bixense.com's CLICOLOR)."""
    if refused or environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return terminal and environ.get("CLICOLOR") != "0" and environ.get("TERM") != "dumb"
