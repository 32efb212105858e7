"""`ramify select`: the nodes that path expressions take."""

import sys

import click

from ramify.cli import lazy
from ramify.cli.arguments import paths_argument
from ramify.cli.folding import fold
from ramify.cli.looking import known_paths
from ramify.cli.session import Session
from ramify.cli.words import counted
from ramify.compile.selection import each, select, tops
from ramify.model.diagnostics import DiagnosticsError

_ESCAPES = {r"\n": "\n", r"\t": "\t"}


@lazy.command(
    "ramify select '/region[1-3]!/**/db'",
    "ramify select -c '/region*/zone[1-5,8]' '!/**/app[02-08/2]'",
    "ramify select -e '/region1&/**/db' | grep zone7 | ramify plan -",
    name="select",
)
@paths_argument
@click.option("-f", "--fold", "form", flag_value="fold", help="Fold them; the default on a terminal.")
@click.option("-e", "--expand", "form", flag_value="expand", help="Tell each path; the default elsewhere.")
@click.option("-c", "--count", "form", flag_value="count", help="Tell only how many there are.")
@click.option(
    "-S", "--separator", default=r"\n", help=r"What stands between paths: \n if not told otherwise."
)
def command(session: Session, selection: tuple[str, ...], form: str | None, separator: str) -> None:
    """Show the nodes that PATH selects, with all below them; all nodes without a PATH.

    PATH is read as everywhere: "," adds, "!" takes away, "&" keeps what both have, "^" what one has, from
    left to right. A PATH that begins with one of them goes on from those before it; "-" reads more of them
    from stdin, one per line.

    What is printed selects the same nodes again: folded, a path stands for all below it as well; "PATH/." is
    a node whose subtree is not selected as a whole.
    """
    known = known_paths(session)
    chosen, problems = select(selection, known)
    if problems.failed:
        raise DiagnosticsError(problems)
    found = known if chosen is None else tuple(path for path in known if path in chosen)
    if session.json:
        session.document({"count": len(found), "folded": fold(tops(found, known)), "paths": found})
        return
    shown = form or ("fold" if sys.stdout.isatty() else "expand")
    lines = {
        "count": lambda: [str(len(found))],
        "expand": lambda: each(found, known),
        "fold": lambda: fold(tops(found, known)),
    }[shown]()
    session.say(_ESCAPES.get(separator, separator).join(lines))
    if form is None and shown == "fold":
        session.note(f"{counted(len(found), 'node')}.")
