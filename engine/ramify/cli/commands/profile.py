"""`ramify profile`: all values of one node."""

from ramify.cli import lazy, profile_view
from ramify.cli.arguments import node_argument
from ramify.cli.failures import failure
from ramify.cli.project import compiled
from ramify.cli.session import Session
from ramify.compile import profiles
from ramify.compile.fleet import Fleet
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.diagnostics import did_you_mean

NEAR = 5000


@lazy.command(
    "ramify profile /region1/zone2/app3", "ramify profile /region1 --json | jq .service.env", name="profile"
)
@node_argument
def command(session: Session, path: str) -> None:
    """Show all values of the node at PATH, and the file and line that each comes from.

    Values that are only known on the host or in a run are shown as "(known on the host)".
    """
    fleet = compiled(session)
    made = profiles.profile(fleet, _node(fleet, path))
    if session.json:
        session.document(made)
    else:
        session.say(profile_view.text(made, session.paint))


def _node(fleet: Fleet, path: str) -> Node:
    node = fleet.by_path.get(paths.normalise(path))
    if node is None:
        hint = did_you_mean(path, fleet.by_path) if len(fleet.by_path) < NEAR else ""
        raise failure(
            "no-such-path", f'no node at "{path}"', f"{hint} `ramify tree` lists the paths.".strip()
        )
    return node
