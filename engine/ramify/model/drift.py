"""Drift: what is found on a host otherwise than it was put there."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, structs

from ramify.model.plan import Change

OnDrift = Literal["report", "fix", "stop"]
"""What an apply does about it: only tell, put it right, or touch nothing until somebody has looked."""

CODE = "code/"
ORDER = ("config/", "current")
"""What belongs to the order of a service; all else is code, or what code is unpacked from."""

MOST = 64
MOST_NAME = 400
MOST_TEXT = 32 * 1024


class Drift(Struct, frozen=True):
    """One file of a node that is not as it was put there.

    `expected` and `actual` are digests, or modes where only that differs, and not told where secrets are; the
    texts are those of small configuration files. Of very many files some are told, and one that is called
    `others` counts the rest.
    """

    name: str
    how: Literal["edited", "removed", "mode", "others"]
    expected: str = ""
    actual: str = ""
    expected_text: str | None = None
    actual_text: str | None = None

    @property
    def is_configuration(self) -> bool:
        """Whether configuring the service again puts it right; else it is installed again."""
        return self.name.startswith(ORDER)

    @property
    def words(self) -> str:
        """In words: `config/app.conf edited`."""
        if self.how == "others":
            return f"{self.actual} more of {self.name}"
        return f"mode of {self.name} {self.actual}" if self.how == "mode" else f"{self.name} {self.how}"

    @property
    def change(self) -> Change:
        """What putting it right changes."""
        if self.expected_text is not None and self.how != "mode":
            before = None if self.how == "removed" else self.actual_text
            return Change(self.name, before, self.expected_text)
        if not self.expected:  # what has secrets in it tells no digests either
            return Change(self.name, None if self.how == "removed" else "(edited)", "(not shown)")
        before = None if self.how == "removed" else self.actual[:12] or "not readable"
        return Change(self.name, before, self.expected[:12])


def received(told: Iterable[Drift]) -> tuple[Drift, ...]:
    """What a host told, bounded, and fit for a terminal."""
    found: list[Drift] = []
    left = MOST_TEXT
    for one in list(told)[:MOST]:
        left -= len(one.expected_text or "") + len(one.actual_text or "")
        found.append(
            structs.replace(
                one,
                name=plain(one.name)[:MOST_NAME],
                expected=plain(one.expected)[:MOST_NAME],
                actual=plain(one.actual)[:MOST_NAME],
                expected_text=_text(one.expected_text, left),
                actual_text=_text(one.actual_text, left),
            )
        )
    return tuple(found)


def _text(text: str | None, left: int) -> str | None:
    return plain(text) if text is not None and left >= 0 else None


def plain(text: str) -> str:
    """A text without characters that would do something to a terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)


def summed(found: Iterable[Drift], most: int = 3) -> str:
    """All of it in one line."""
    words = [one.words for one in found]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
