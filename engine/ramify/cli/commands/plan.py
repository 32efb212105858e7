"""`ramify plan`: what an apply would do."""

from functools import partial

import click

from ramify.cli import exits, lazy, plan_view
from ramify.cli.arguments import locked_option, paths_argument
from ramify.cli.project import component, opened
from ramify.cli.session import Session
from ramify.cli.there import whole_plan


@lazy.command(
    "ramify plan",
    "ramify plan '/region1/zone[1-3]' /region2",
    "ramify plan --json | jq .summary",
    "ramify plan --detailed-exitcode   # 2 when there are changes",
    name="plan",
)
@paths_argument
@locked_option
@click.option("--unsigned", is_flag=True, help="Plan what is not signed, too; apply refuses it.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes, 0 when none.")
def command(
    session: Session, selection: tuple[str, ...], locked: bool, unsigned: bool, detailed_exitcode: bool
) -> int:
    """Show what an apply would do to the nodes at PATH and below; to all without a PATH.

    Compares the hierarchy with what is recorded, and contacts nobody, except initiators whose domains are
    `planned: there`. The same change of many nodes is shown once, its paths folded: /region[1-10]/zone[1-3].
    """
    with opened(session, locked=locked, signed=not unsigned) as space:
        plan = whole_plan(session, space, selection)
        if session.json:
            session.document(plan)
        else:
            describe = partial(component, space.fleet)
            session.say(plan_view.text(plan, describe, session.paint, full=session.verbose))
    return exits.CHANGES if detailed_exitcode and plan.anything else exits.DONE
