"""`ramify status`: what is recorded of the nodes, or what they are found to be."""

import click

from ramify.cli import exits, lazy, status_view
from ramify.cli.arguments import paths_argument
from ramify.cli.project import opened
from ramify.cli.refreshing import look
from ramify.cli.session import Session
from ramify.cli.there import whole_plan


@lazy.command(
    "ramify status",
    "ramify status /region1 --refresh",
    "ramify status --json | jq '.nodes[] | select(.service != \"active\")'",
    name="status",
)
@paths_argument
@click.option(
    "--refresh", is_flag=True, help="Ask the hosts, through the initiators, instead of the records."
)
def command(session: Session, selection: tuple[str, ...], refresh: bool) -> int:
    """Show what is recorded of the nodes at PATH and below, and whether it is what the hierarchy says.

    With --refresh the initiators look at their children, and the records are put right; exits with 2 or 4 as
    `apply` does when some could not be looked at.
    """
    with opened(session, signed=False) as space:
        code = look(session, space, selection) if refresh else exits.DONE
        plan = whole_plan(session, space, selection) if refresh else space.plan(selection)
        found = status_view.statuses(plan.nodes, space.records(), space.recorded_there(plan))
        if session.json:
            session.document({"nodes": found})
        else:
            session.say(status_view.text(found, session.paint, full=session.verbose))
    return code
