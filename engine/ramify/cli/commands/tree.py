"""`ramify tree`: the hierarchy, its hosts and components."""

import sys

from ramify.cli import lazy, tree_view
from ramify.cli.arguments import paths_argument
from ramify.cli.project import compiled, component
from ramify.cli.session import Session
from ramify.cli.tree_view import ASCII, UNICODE, Branch
from ramify.compile.fleet import Fleet
from ramify.compile.selection import select
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.diagnostics import DiagnosticsError


@lazy.command(
    "ramify tree", "ramify tree /region1", "ramify tree --json | jq -r '.nodes[].path'", name="tree"
)
@paths_argument
def command(session: Session, selection: tuple[str, ...]) -> None:
    """Show the hierarchy at PATH and below: each node's host and component.

    Siblings that are alike, with all below them, are one line when there are many; -v shows each. Where a
    domain begins, its repository or server is told.
    """
    fleet = compiled(session)
    chosen, problems = select(selection, fleet.by_path)
    if problems.failed:
        raise DiagnosticsError(problems)
    shown = [node for node in fleet.tree.nodes if chosen is None or node.path in chosen]
    if session.json:
        session.document({"nodes": [_entry(fleet, node) for node in shown]})
        return
    glyphs = UNICODE if "utf" in (sys.stdout.encoding or "").lower() else ASCII
    tops = [node for node in shown if node.parent is None or (chosen and node.parent.path not in chosen)]
    branches = tuple(_branch(fleet, node, chosen, paths.parent(node.path)) for node in tops)
    session.say(tree_view.text(fleet.bundle.project, branches, glyphs, full=session.verbose))


def _branch(fleet: Fleet, node: Node, chosen: frozenset[str] | None, above: str = "") -> Branch:
    name = node.path if above not in {"", paths.ROOT} else node.name
    host = fleet.host_of(node.path)
    return Branch(
        names=(name,),
        hosts=(host.name if host else "",),
        component=component(fleet, node.path),
        children=tuple(
            _branch(fleet, child, chosen)
            for child in fleet.tree.below(node)
            if chosen is None or child.path in chosen
        ),
        domain=_domain(fleet, node, ", planned there"),
    )


def _domain(fleet: Fleet, node: Node, unseen: str = "") -> str:
    """Whose word counts below a node, if that is a domain."""
    domain = node.spec.domain
    if domain is None:
        return ""
    return (domain.server or domain.repository) + (unseen if node.path in fleet.unseen else "")


def _entry(fleet: Fleet, node: Node) -> dict[str, str]:
    host = fleet.host_of(node.path)
    made = fleet.class_of(node).component
    return {
        "path": node.path,
        "host": host.name if host else "",
        "component": component(fleet, node.path),
        "role": made.role if made else "",
        "domain": _domain(fleet, node),
    }
