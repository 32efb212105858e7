"""What templates are made of, for plain look-ups and for Jinja2 alike: references, plain values, errors."""

Reference = tuple[str, ...]
"""The steps of a name: ("node", "parent", "name")."""

Plain = str | int | None
"""A value that equals another only if both have the same text."""


class BadTemplateError(Exception):
    """A template that cannot be compiled or rendered: the sentence says why, `hint` how to mend it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnknownNameError(BadTemplateError):
    """A template that uses a name which is not there."""


def as_text(value: object) -> str | None:
    """The text of a value of an expression; None when it has none that is the same on every machine."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
