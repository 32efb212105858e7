"""`ramify status`: what is recorded of the nodes, or what they are found to be."""

import click

from ramify.cli import exits, lazy, report_view, status_view
from ramify.cli.accounts import counts, exit_code
from ramify.cli.arguments import paths_argument
from ramify.cli.carrying import Carried, carry
from ramify.cli.labs import must_be_up
from ramify.cli.project import hosts, opened
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.initiator.operator import Workspace
from ramify.model.record import Outcome

_LOST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.OFFLINE)


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
        code = _look(session, space, selection) if refresh else exits.DONE
        plan = whole_plan(session, space, selection) if refresh else space.plan(selection)
        found = status_view.statuses(plan.nodes, space.records(), space.recorded_there(plan))
        if session.json:
            session.document({"nodes": found})
        else:
            session.say(status_view.text(found, session.paint, full=session.verbose))
    return code


def _look(session: Session, space: Workspace, selection: tuple[str, ...]) -> int:
    plan = space.plan(selection)
    must_be_up(space, plan)
    carried = carry(session, space, plan, "refresh")
    lost = tuple(result for result in carried.results if result.outcome in _LOST)
    if lost:
        session.note(report_view.problems(lost, hosts(plan), session.paint_notes, full=session.verbose))
    return _code(carried)


def _code(carried: Carried) -> int:
    return exits.INTERRUPTED if carried.interrupted else exit_code(counts(carried.results), refresh=True)
