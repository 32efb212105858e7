"""`ramify status`: what is recorded of the nodes, or what they are found to be."""

import click

from ramify.cli import drift_view, exits, lazy, status_view
from ramify.cli.arguments import paths_argument
from ramify.cli.project import opened
from ramify.cli.refreshing import Looked, look
from ramify.cli.session import Session
from ramify.cli.there import whole_plan


@lazy.command(
    "ramify status",
    "ramify status /region1 --refresh",
    "ramify status --drift --refresh   # what was changed by hand, and what else is not as it shall be",
    "ramify status --json | jq '.nodes[] | select(.service != \"active\")'",
    name="status",
)
@paths_argument
@click.option(
    "--refresh", is_flag=True, help="Ask the hosts, through the initiators, instead of the records."
)
@click.option("--drift", is_flag=True, help="Show what is not as it shall be: hierarchy, records and hosts.")
def command(session: Session, selection: tuple[str, ...], *, refresh: bool, drift: bool) -> int:
    """Show what is recorded of the nodes at PATH and below, and whether it is what the hierarchy says.

    With --refresh the initiators look at their children, and the records are put right; exits with 2 or 4 as
    `apply` does when some could not be looked at. They see whether processes live, and whether every file of
    code and configuration is as it was put there, and tell of nodes that lie on hosts and nobody knows.
    """
    with opened(session, signed=False) as space:
        before = space.records()
        looked = look(session, space, selection) if refresh else Looked(exits.DONE)
        code, strays = looked.code, looked.strays if refresh else None
        plan = whole_plan(session, space, selection) if refresh else space.plan(selection)
        if drift:
            after = space.records() if refresh else None
            differing = drift_view.drifts(space.fleet, plan.nodes, before, after)
            if session.json:
                session.document({"nodes": differing, "strays": strays})
            else:
                told = drift_view.text(differing, len(plan.nodes), session.paint, full=session.verbose)
                session.say(told)
            return code
        found = status_view.statuses(plan.nodes, space.records(), space.recorded_there(plan))
        if session.json:
            session.document({"nodes": found, "strays": strays})
        else:
            session.say(status_view.text(found, session.paint, full=session.verbose))
    return code
