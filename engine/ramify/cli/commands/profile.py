"""`ramify profile`: all values of one node."""

from ramify.cli import lazy, profile_view
from ramify.cli.arguments import node_argument
from ramify.cli.looking import one_node
from ramify.cli.project import compiled
from ramify.cli.session import Session
from ramify.compile import profiles


@lazy.command(
    "ramify profile /region1/zone2/app3",
    "ramify profile '/**/app3'                # if there is one",
    "ramify profile /region1 --json | jq .service.env",
    name="profile",
)
@node_argument
def command(session: Session, path: str) -> None:
    """Show all values of the node at PATH, and the file and line that each comes from.

    Values that are only known on the host or in a run are shown as "(known on the host)".
    """
    fleet = compiled(session)
    made = profiles.profile(fleet, one_node(fleet, path))
    if session.json:
        session.document(made)
    else:
        session.say(profile_view.text(made, session.paint))
