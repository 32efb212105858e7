"""Diagnostics: problems in what a user wrote, collected and returned, never raised one by one."""

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct, structs

MAX_TEXT = 4000
MAX_WORD = 200


class Severity(Enum):
    """How bad it is: an error stops, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Origin(Struct, frozen=True, array_like=True):
    """A place in a file that a user wrote; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Diagnostic(Struct, frozen=True):
    """One problem: what is wrong (summary), how to mend it (detail), where (origin)."""

    severity: Severity
    code: str
    summary: str
    detail: str = ""
    origin: Origin | None = None

    def __str__(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        return f"{place}{self.severity.value}[{self.code}]: {self.summary}"


class Diagnostics:
    """An ordered collection that passes add to; equal entries are kept once."""

    def __init__(self, items: Iterable[Diagnostic] = ()) -> None:
        self._items: dict[Diagnostic, None] = dict.fromkeys(items)

    def error(self, code: str, summary: str, detail: str = "", origin: Origin | None = None) -> None:
        """Add an error."""
        self._items[Diagnostic(Severity.ERROR, code, _short(summary), _short(detail), origin)] = None

    def warning(self, code: str, summary: str, detail: str = "", origin: Origin | None = None) -> None:
        """Add a warning."""
        self._items[Diagnostic(Severity.WARNING, code, _short(summary), _short(detail), origin)] = None

    def extend(self, others: Iterable[Diagnostic]) -> None:
        """Add all of another collection."""
        self._items.update(dict.fromkeys(others))

    @property
    def failed(self) -> bool:
        """Whether there is at least one error."""
        return any(item.severity is Severity.ERROR for item in self._items)

    def as_warnings(self) -> "Diagnostics":
        """The same, none of which stops."""
        return Diagnostics(structs.replace(item, severity=Severity.WARNING) for item in self)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class DiagnosticsError(Exception):
    """Work cannot go on: the collected diagnostics say why.

    Raised once, at the end of a stage, so that every problem of that stage is told.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(item) for item in self.diagnostics))


def _short(text: str) -> str:
    """What can be read: a text that somebody wrote, and that is quoted here, may be of any length."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} ..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the closest known word, or lists what is known; empty when nothing is."""
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    names = sorted(known)
    close = difflib.get_close_matches(word[:MAX_WORD], names, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    if not names:
        return ""
    shown = ", ".join(names[:12])
    return f"Known here: {shown}{', ...' if len(names) > 12 else ''}."
