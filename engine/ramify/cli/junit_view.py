"""Diagnostics as JUnit XML: one test case per file, which fails when the file has errors."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from ramify.cli import diagnostics_view
from ramify.model.diagnostics import Diagnostic, Severity

ELSEWHERE = "project"
"""The test case of what is wrong in no file."""

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(told: Sequence[Diagnostic], files: Iterable[str]) -> str:
    """The report; files without problems are cases too."""
    cases: dict[str, list[Diagnostic]] = {ELSEWHERE: [], **{file: [] for file in sorted(files)}}
    for item in told:
        cases.setdefault(item.origin.file if item.origin else ELSEWHERE, []).append(item)
    failed = sum(any(map(_is_error, items)) for items in cases.values())
    totals = f'tests="{len(cases)}" failures="{failed}" errors="0"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="ramify" {totals}>',
        f'  <testsuite name="ramify validate" {totals} skipped="0">',
        *(line for file, items in cases.items() for line in _case(file, items)),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines)


def _case(file: str, items: list[Diagnostic]) -> list[str]:
    start = f'    <testcase classname="ramify.validate" name="{_safe(file)}"'
    if not items:
        return [f"{start}/>"]
    errors = [item for item in items if _is_error(item)]
    warnings = [item for item in items if not _is_error(item)]
    lines = [f"{start}>"]
    if errors:
        # Readers know of one failure per case: all errors of a file are in it.
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        head = f'type="{errors[0].code}" message="{_safe(errors[0].summary + more)}"'
        lines.append(f"      <failure {head}>{_safe(diagnostics_view.text(errors))}</failure>")
    if warnings:
        lines.append(f"      <system-out>{_safe(diagnostics_view.text(warnings))}</system-out>")
    return [*lines, "    </testcase>"]


def _is_error(item: Diagnostic) -> bool:
    return item.severity is Severity.ERROR


def _safe(text: str) -> str:
    """Escaped; what XML cannot carry is replaced."""
    return escape(_NO_XML.sub("\ufffd", text))
