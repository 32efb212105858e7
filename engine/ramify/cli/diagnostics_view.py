"""Diagnostics as text, one after the other, and as JSON."""

from collections.abc import Iterable
from textwrap import indent

from ramify.cli.paint import Paint
from ramify.cli.words import counted
from ramify.model.diagnostics import Diagnostic, Severity

_PLAIN = Paint()


def text(diagnostics: Iterable[Diagnostic], paint: Paint = _PLAIN) -> str:
    """`file:line:col: error[code]: summary`, the detail indented below."""
    return "\n".join(_one(item, paint) for item in diagnostics)


def _one(item: Diagnostic, paint: Paint) -> str:
    place = f"{item.origin}: " if item.origin else ""
    kind = "bad" if item.severity is Severity.ERROR else "warning"
    lines = f"{place}{paint(kind, f'{item.severity.value}[{item.code}]')}: {item.summary}"
    return f"{lines}\n{indent(item.detail, '    ')}" if item.detail else lines


def document(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """The JSON form; file, line and column are null where a problem has no place."""
    return [
        {
            "severity": item.severity.value,
            "code": item.code,
            "summary": item.summary,
            "detail": item.detail,
            "file": item.origin.file if item.origin else None,
            "line": item.origin.line if item.origin else None,
            "column": item.origin.column if item.origin else None,
        }
        for item in diagnostics
    ]


def counts(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    items = list(diagnostics)
    errors = sum(item.severity is Severity.ERROR for item in items)
    return f"{counted(errors, 'error')}, {counted(len(items) - errors, 'warning')}"
