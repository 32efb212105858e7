"""`ramify explain`: all that made a node what it is, and why a pattern does not."""

import click

from ramify.cli import explain_view, lazy
from ramify.cli.arguments import node_argument
from ramify.cli.failures import failure
from ramify.cli.looking import close_paths, looked_at, one_node
from ramify.cli.session import Session
from ramify.compile import whynot
from ramify.compile.explain import explain, keys, narrowed, uses
from ramify.compile.fleet import Fleet
from ramify.model import paths
from ramify.model.diagnostics import Diagnostics, DiagnosticsError, did_you_mean


@lazy.command(
    "ramify explain /region1/zone2/app3",
    "ramify explain /region1/zone2/app3 service.env.PORT",
    "ramify explain /region1/zone2/app3 interval --json",
    "ramify explain --why-not '/region*/zone*/db*' /region1/zone2/app3",
    "ramify explain --why-not repository.yml:12 /region1/zone2/app3",
    name="explain",
)
@node_argument
@click.argument("key", metavar="[KEY]", required=False)
@click.option(
    "--why-not",
    "pattern",
    metavar="PATTERN",
    help="Say why this pattern, or the entry at FILE:LINE, does not match.",
)
def command(session: Session, path: str, key: str | None, pattern: str | None) -> None:
    """Show every entry that takes the node at PATH, and all that was written about its values, in order.

    KEY narrows it to a value (service.env.PORT, vars.interval, or just interval), to those below a name
    (service, install.files), or to a list (code, install-config, service-config, host).
    """
    if pattern is not None and key is not None:
        raise failure(
            "usage", "--why-not takes a PATH and no KEY", "`ramify explain --help` shows how it is called."
        )
    fleet = looked_at(session)
    if pattern is not None:
        _why_not(session, fleet, pattern, paths.normalise(path))
    else:
        _explain(session, fleet, path, key)


def _explain(session: Session, fleet: Fleet, path: str, key: str | None) -> None:
    node = one_node(fleet, path)
    made = explain(fleet, node)
    if key is not None:
        found = narrowed(made, key)
        if found is None:
            raise failure("no-such-key", f'{node.path} has no value "{key}"', did_you_mean(key, keys(made)))
        made = found
    if session.json:
        session.document(made)
    else:
        session.say(explain_view.text(made, session.paint))


def _why_not(session: Session, fleet: Fleet, pattern: str, path: str) -> None:
    wrong, found = paths.problem(path), Diagnostics()
    if wrong:
        raise failure("bad-selection", wrong)
    realm, local = fleet.realm_at(path)
    told = whynot.verdicts(realm.lists, pattern, local, found)
    if found.failed:
        raise DiagnosticsError(found)
    node = fleet.by_path.get(path)
    if node is None:
        session.note(f"There is no node {path}. {close_paths(fleet, path)}")
    if session.json:
        session.document({"path": path, "node": node is not None, "verdicts": told})
    else:
        outcomes = {use.origin: use.outcome for use in uses(fleet, node)} if node else {}
        session.say(explain_view.verdicts(told, path, outcomes, session.paint))
