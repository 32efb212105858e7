"""A fleet to look at: also where a project has errors, which are then what somebody looks for."""

from ramify.cli import labs
from ramify.cli.diagnostics_view import text
from ramify.cli.failures import failure
from ramify.cli.session import Session
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.model import paths
from ramify.model.diagnostics import DiagnosticsError, did_you_mean
from ramify.repository.project import Reading, load

NEAR = 5000
"""With more paths, looking for the closest one takes longer than reading the hint."""


def looked_at(session: Session) -> Fleet:
    """The fleet of a session, made without asking anybody; errors that leave a tree are told beside it.

    Raises:
        DiagnosticsError: there is no tree.
    """
    reading = Reading(ask=False, skip=True)
    found = load(session.folder, overlay=labs.overlay(session.folder), reading=reading, runtimes=False)
    if found.bundle is None:
        raise DiagnosticsError(found.diagnostics)
    fleet = compile_fleet(found.bundle)
    told = [*found.diagnostics, *fleet.diagnostics]
    if not fleet.tree.nodes:
        raise DiagnosticsError(told)
    if told:
        session.note(text(told, session.paint_notes))
    return fleet


def close_paths(fleet: Fleet, path: str) -> str:
    """What may have been meant by a path that is no node's."""
    hint = did_you_mean(paths.normalise(path), fleet.by_path) if len(fleet.by_path) < NEAR else ""
    return f"{hint} `ramify tree` lists the paths.".strip()


def no_such_path(fleet: Fleet, path: str) -> DiagnosticsError:
    """The error for a path that is no node's."""
    return failure("no-such-path", f'no node at "{path}"', close_paths(fleet, path))
