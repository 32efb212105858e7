"""Diagnostics as workflow commands of GitHub Actions, which puts them beside the lines of a change."""

from collections.abc import Iterable

from ramify.model.diagnostics import Diagnostic


def text(told: Iterable[Diagnostic]) -> str:
    """One command per line."""
    return "\n".join(_command(item) for item in told)


def _command(item: Diagnostic) -> str:
    properties = {"title": item.code}
    if item.origin:
        properties = {
            "file": item.origin.file,
            "line": str(item.origin.line),
            "col": str(item.origin.column),
            **properties,
        }
    words = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = f"{item.summary}\n{item.detail}".rstrip()
    return f"::{item.severity.value} {words}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as the runner's own toolkit does it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
