"""A fleet to look at: also where a project has errors, which are then what somebody looks for."""

from collections.abc import Sequence

from ramify.cli import labs
from ramify.cli.diagnostics_view import text
from ramify.cli.failures import failure
from ramify.cli.folding import fold, shortened
from ramify.cli.session import Session
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.selection import select, tops
from ramify.compile.tree import Node
from ramify.initiator.operator import Workspace
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import DiagnosticsError, did_you_mean
from ramify.model.expressions import ALONE
from ramify.repository.project import Loaded, Reading, load

NEAR = 5000
"""With more paths, looking for the closest one takes longer than reading the hint."""


def looked_at(session: Session) -> Fleet:
    """The fleet of a session, made without asking anybody; errors that leave a tree are told beside it.

    Raises:
        DiagnosticsError: there is no tree.
    """
    found = _read(session)
    return _told(session, compile_fleet(_bundle(found)), found)


def known_paths(session: Session) -> tuple[str, ...]:
    """The paths of a session's hierarchy; what else may be wrong with its nodes is not looked for.

    Raises:
        DiagnosticsError: there is no tree.
    """
    found = _read(session)
    return tuple(_told(session, _grown(found), found).by_path)


def paths_below(session: Session, path: str) -> list[str]:
    """The children of a path, or of the root; nothing is told.

    Raises:
        DiagnosticsError: there is no tree.
    """
    return [node.path for node in _grown(_read(session)).below(path)]


def _read(session: Session) -> Loaded:
    reading = Reading(ask=False, skip=True)
    return load(session.folder, overlay=labs.overlay(session.folder), reading=reading, runtimes=False)


def _bundle(found: Loaded) -> Bundle:
    if found.bundle is None:
        raise DiagnosticsError(found.diagnostics)
    return found.bundle


def _grown(found: Loaded) -> Fleet:
    """A fleet of which only the tree is known."""
    fleet = Fleet(_bundle(found), paths.ROOT)
    fleet.grow()
    fleet.tell()
    return fleet


def _told(session: Session, fleet: Fleet, found: Loaded) -> Fleet:
    told = [*found.diagnostics, *fleet.diagnostics]
    if not fleet.tree.nodes:
        raise DiagnosticsError(told)
    if told:
        session.note(text(told, session.paint_notes))
    return fleet


def one_node(fleet: Fleet, text: str) -> Node:
    """The node that a path names, or that an expression takes alone or as the top of what it takes.

    Raises:
        DiagnosticsError: there is none, or there are several.
    """
    node = fleet.by_path.get(paths.normalise(text))
    if node is not None:
        return node
    if paths.problem(paths.normalise(text)) is None:
        raise no_such_path(fleet, text)
    known = tuple(fleet.by_path)
    chosen, problems = select((text,), known)
    if problems.failed:
        raise DiagnosticsError(problems)
    found = tops(known if chosen is None else chosen, known)
    if len(found) > 1:
        first = ", ".join(shortened(fold(found), 3)[0])
        raise failure("several-nodes", f'"{text}" takes {len(found):,} nodes', f"Name one of {first}.")
    return fleet.by_path[found[0].removesuffix(ALONE)]


def chosen(space: Workspace, selection: Sequence[str]) -> tuple[str, ...]:
    """The nodes that expressions select, of those in the hierarchy and those that are deployed.

    Raises:
        DiagnosticsError: an expression takes none.
    """
    known = tuple(dict.fromkeys((*space.fleet.by_path, *space.records())))
    found, problems = select(selection, known)
    if problems.failed:
        raise DiagnosticsError(problems)
    return tuple(path for path in known if found is None or path in found)


def close_paths(fleet: Fleet, path: str) -> str:
    """What may have been meant by a path that is no node's."""
    hint = did_you_mean(paths.normalise(path), fleet.by_path) if len(fleet.by_path) < NEAR else ""
    return f"{hint} `ramify tree` lists the paths.".strip()


def no_such_path(fleet: Fleet, path: str) -> DiagnosticsError:
    """The error for a path that is no node's."""
    return failure("no-such-path", f'no node at "{path}"', close_paths(fleet, path))
