"""Errors that end a command: each told once, with the way out, and never as a traceback unless asked for."""

import traceback

import click

from ramify.cli import exits
from ramify.cli.diagnostics_view import document, text
from ramify.cli.session import Session
from ramify.directory.sqlite import DirectoryError
from ramify.model.diagnostics import Diagnostic, Diagnostics, DiagnosticsError, Severity
from ramify.repository.artifacts import ArtifactError
from ramify.repository.kinds import UnavailableRuntimeError
from ramify.transport.labstate import LabError

LOCKED = "locked"
"""The code of what somebody else works on; its exit code is one of its own."""


def failure(code: str, summary: str, detail: str = "") -> DiagnosticsError:
    """One error that is about no file."""
    return DiagnosticsError([Diagnostic(Severity.ERROR, code, summary, detail)])


def tell(session: Session, error: Exception) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not session.json:
        session.note(error.format_message())
        return exits.ERROR
    found = diagnostics_of(error)
    if found is None:
        found = _internal(session, error)
    if session.json:
        session.document({"diagnostics": document(found)})
    else:
        session.note(text(found, session.paint_notes))
    return exits.STALE if any(item.code == LOCKED for item in found) else exits.ERROR


def diagnostics_of(error: Exception) -> Diagnostics | None:
    """What an error that was foreseen says; None for one that was not."""
    if isinstance(error, DiagnosticsError):
        return Diagnostics(error.diagnostics)
    if isinstance(error, click.ClickException):
        return _usage(error)
    return _of_an_edge(error)


def _of_an_edge(error: Exception) -> Diagnostics | None:
    match error:
        case DirectoryError():
            return _one("directory", str(error), "`directory:` in ramify.yml may name another file.")
        case LabError():
            return _one("lab", str(error), error.hint)
        case UnavailableRuntimeError() | ArtifactError():
            return _one("runtime", str(error))
        case OSError() if error.filename is not None:
            return _one("file", f"cannot use {error.filename}: {error.strerror}")
    return None


def _one(code: str, summary: str, detail: str = "") -> Diagnostics:
    found = Diagnostics()
    found.error(code, summary, detail)
    return found


def _usage(error: click.ClickException) -> Diagnostics:
    summary = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    name = context.command_path if context else "ramify"
    return _one("usage", summary[:1].lower() + summary[1:], f"`{name} --help` shows how it is called.")


def _internal(session: Session, error: Exception) -> Diagnostics:
    if session.verbose or session.environ.get("RAMIFY_DEBUG"):
        session.note("".join(traceback.format_exception(error)).rstrip())
        way_out = "This is a bug in Ramify."
    else:
        way_out = "This is a bug in Ramify; `-v` or RAMIFY_DEBUG=1 shows where."
    first = _first(error)
    told = " ".join(str(first).split()) or "no message"
    return _one("internal", f"internal error: {type(first).__name__}: {told}", way_out)


def _first(error: BaseException) -> BaseException:
    """The first of errors that happened side by side."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
