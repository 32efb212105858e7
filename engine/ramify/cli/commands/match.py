"""`ramify match`: which paths patterns get, and who uses them."""

from collections.abc import Sequence

import click

from ramify.cli import exits, lazy, match_view
from ramify.cli.folding import fold
from ramify.cli.looking import looked_at
from ramify.cli.match_view import Matched, User
from ramify.cli.session import Session
from ramify.compile import searching, whynot
from ramify.compile.explain import brings
from ramify.compile.fleet import Fleet
from ramify.model.diagnostics import Diagnostics, DiagnosticsError
from ramify.model.patterns import Pattern


@lazy.command(
    "ramify match '/region*/zone[1-3]/**'",
    "ramify match '/region*/**' '!/**/db'",
    "ramify match '*/zone1/*'",
    "ramify match '/region*' --json | jq '.patterns[0].folded'",
    name="match",
)
@click.argument("texts", metavar="PATTERN...", nargs=-1, required=True)
def command(session: Session, texts: tuple[str, ...]) -> int:
    """Show which paths each PATTERN matches, folded and counted, and the entries that have it.

    Several patterns are also shown together, as one entry would take them: `!PATTERN` takes paths away. A
    pattern without a leading slash is read as in XML. Exits with 1 when a pattern matches nothing.
    """
    found = Diagnostics()
    patterns = [pattern for text in texts if (pattern := whynot.parse(text, found)) is not None]
    if found.failed:
        raise DiagnosticsError(found)
    fleet = looked_at(session)
    matched = searching.matching(fleet.tree, patterns)
    told = [_matched(fleet, patterns, matched, at) for at in range(len(patterns))]
    nodes = zip(fleet.tree.nodes, matched, strict=True)
    together = [node.path for node, hits in nodes if searching.taken_by(patterns, hits)]
    if session.json:
        session.document(_document(told, together))
    else:
        shown = together if len(patterns) > 1 else None
        session.say(match_view.text(told, shown, session.paint, full=session.verbose))
    return exits.DONE if all(one.paths for one in told) else exits.ERROR


def _matched(
    fleet: Fleet, patterns: Sequence[Pattern], matched: Sequence[frozenset[int]], at: int
) -> Matched:
    pattern = patterns[at]
    got = tuple(node.path for node, hits in zip(fleet.tree.nodes, matched, strict=True) if at in hits)
    users = (
        User(one.which, one.item.origin, brings(one))
        for realm in fleet.realms
        for one in whynot.used_by(realm.lists, str(pattern))
    )
    hint = "" if got else searching.meant(searching.children(fleet.by_path), pattern)
    return Matched(str(pattern), got, tuple(users), hint)


def _document(told: Sequence[Matched], together: Sequence[str]) -> dict[str, object]:
    patterns = [
        {
            "pattern": one.pattern,
            "count": len(one.paths),
            "folded": fold(one.paths),
            "used_by": one.used_by,
            "hint": one.hint,
        }
        for one in told
    ]
    return {"patterns": patterns, "together": {"count": len(together), "folded": fold(together)}}
